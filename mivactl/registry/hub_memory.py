"""What is remembered of the Hub: the commits of each repository that was asked for, and small files by commit.

A commit's files never change, so those are kept until the space is needed. The commits themselves are kept for good: a
repository in which they are missing is another one under the same name.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, ClassVar, Final

from pydantic import Field

from mivactl.disk import disk_errors, write_durably
from mivactl.file_lock import locked
from mivactl.hub_client import hub_endpoint
from mivactl.registry.answer_cache import AnswerCache, Remembered
from mivactl.registry.hub_status import BuildTag
from registry_schema.digests import Digest
from registry_schema.document import Document, RootDocument
from registry_schema.hub_names import Repository

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MOST_BUILDS: Final = 2000
_CACHE_BYTES: Final = 64 << 20
_PATIENCE_SECONDS: Final = 10.0
Commit = Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")]


class KnownBuild(Document):
    """A build that was seen: its tag, commit and manifest, and whether it was there the last time too."""

    tag: BuildTag
    commit: Commit
    manifest: Digest
    there: bool = True


class KnownRepository(RootDocument):
    """A repository as it was last seen; builds that were taken away since are kept, so that nothing replaces them."""

    SCHEMA: ClassVar[str] = "mivactl.known-repository/1"
    MAX_BYTES: ClassVar[int] = 1 << 20

    repository: Repository
    main: Commit | None = None
    builds: Annotated[tuple[KnownBuild, ...], Field(max_length=MOST_BUILDS)] = ()

    @property
    def tags(self) -> dict[str, str]:
        """The commit of each tag that was there the last time."""
        return {build.tag: build.commit for build in self.builds if build.there}


class HubMemory:
    """What is kept of the Hub at `HF_ENDPOINT` below `home`."""

    def __init__(self, home: Path) -> None:
        self._known = home / "known-repositories" / Digest.of(hub_endpoint().encode()).hex[:16]
        self._documents = AnswerCache(home / "cache" / "hub", most_bytes=_CACHE_BYTES)

    def place_of(self, repository: Repository) -> Path:
        """The file that holds what is known of a repository."""
        return self._known / f"{repository.replace('/', '--')}.json"

    def known(self, repository: Repository) -> KnownRepository | None:
        """A repository as it was last seen; None if it never was.

        Raises:
            SchemaError: the file that says so was damaged.
        """
        path = self.place_of(repository)
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return None
        return KnownRepository.parse(content, source=str(path))

    def remember(self, repository: KnownRepository) -> None:
        """Keep what was seen of a repository."""
        path = self.place_of(repository.repository)
        with disk_errors(path):
            write_durably(path, repository.to_bytes())

    def document(self, repository: Repository, commit: str, path: str) -> Remembered | None:
        """A small file of a commit, whose content is None if the commit has none; None if it was not read yet."""
        return self._documents.find(_document(repository, commit, path))

    def keep(self, repository: Repository, commit: str, path: str, content: bytes | None) -> None:
        """Remember a small file of a commit."""
        self._documents.keep(_document(repository, commit, path), Remembered(content))

    def listing(self, owner: str) -> bytes | None:
        """What was last listed of an owner."""
        found = self._documents.find(_listing(owner))
        return None if found is None else found.content

    @contextmanager
    def changing_listing(self, owner: str) -> Iterator[None]:
        """Nobody else remembers a listing of the owner while the block runs.

        Raises:
            Busy: somebody else did, for ten seconds.
        """
        with disk_errors(self._known):
            self._known.mkdir(parents=True, exist_ok=True)
        with locked(self._known / f".{owner}.lock", resource=f"list of `{owner}`", timeout_seconds=_PATIENCE_SECONDS):
            yield

    def keep_listing(self, owner: str, content: bytes) -> None:
        """Remember a listing."""
        self._documents.keep(_listing(owner), Remembered(content))


def _document(repository: Repository, commit: str, path: str) -> str:
    return f"{hub_endpoint()}/{repository}/resolve/{commit}/{path}"


def _listing(owner: str) -> str:
    return f"{hub_endpoint()}/api/models?author={owner}"
