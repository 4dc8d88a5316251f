"""One repository on the Hub: its tags and files, a commit on `main`, a new tag. What it holds is not judged here."""

from __future__ import annotations

import io
import re
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

from mivactl.hub_client import hub_api, hub_endpoint
from mivactl.hub_errors import hub_answers, hub_errors
from mivactl.registry.byte_source import SourceChanged
from mivactl.registry.hub_stream import HubAddress, HubStream
from registry_schema.errors import NotFound, Refused

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path
    from typing import BinaryIO

    from huggingface_hub import HfApi

    from registry_schema.hub_names import Repository

_COMMIT: Final = re.compile(r"[0-9a-f]{40}")
_BUILD_TAG: Final = re.compile(r"[0-9][0-9a-z.]*--[a-z0-9.-]+")
# Somebody else was faster: `parent_commit` is no longer the last one, or a lock of the Hub's is taken.
_OVERTAKEN: Final = frozenset({409, 412})
_ANOTHER_PLACE: Final = "take another registry: `mivactl registry list` shows them"


@dataclass(frozen=True)
class Refs:
    """The commit of `main`, None in an empty repository, and that of each tag that is a build's."""

    main: str | None
    tags: Mapping[str, str]


class HubRepository:
    """The repository `name` at `HF_ENDPOINT`."""

    def __init__(self, name: Repository) -> None:
        self.name = name

    def refs(self) -> Refs | None:
        """What there is now; None when there is no such repository, or none that may be seen.

        Raises:
            RateLimited, AuthProblem, NetworkProblem: as `hub_errors`.
        """
        from huggingface_hub.errors import EntryNotFoundError, GatedRepoError, RepositoryNotFoundError

        with self._errors("main"):
            try:
                with hub_answers(self.name):
                    found = self._api.list_repo_refs(self.name)
            except GatedRepoError:
                raise
            except (RepositoryNotFoundError, EntryNotFoundError):
                # the second is what a mirror without a network says of a repository it does not have
                return None
        main = next((branch.target_commit for branch in found.branches if branch.name == "main"), None)
        tags = {tag.name: tag.target_commit for tag in found.tags if _BUILD_TAG.fullmatch(tag.name)}
        return Refs(main, {tag: commit for tag, commit in tags.items() if _COMMIT.fullmatch(commit)})

    def has_commit(self, commit: str) -> bool:
        """Whether a commit that was seen before is still in its history."""
        try:
            with self._errors(commit):
                return self._api.model_info(self.name, revision=commit).sha == commit
        except NotFound:
            return False

    def read(self, commit: str, path: str, *, max_bytes: int) -> bytes | None:
        """A small file at a commit, None where there is none; one byte more than allowed is enough to refuse it."""
        try:
            with self.open(commit, path, size_bytes=max_bytes + 1) as file:
                return file.read()
        except FileNotFoundError:
            return None

    @contextmanager
    def open(self, commit: str, path: str, *, size_bytes: int, offset_bytes: int = 0) -> Iterator[BinaryIO]:
        """The bytes of a file at a commit, `size_bytes` of them at most; whoever reads first meets what is wrong.

        Raises:
            FileNotFoundError: there is none.
            RateLimited, AuthProblem, NetworkProblem: as `hub_errors`.
        """
        from huggingface_hub import hf_hub_url
        from huggingface_hub.errors import EntryNotFoundError, GatedRepoError, RepositoryNotFoundError

        url = hf_hub_url(self.name, path, revision=commit, endpoint=hub_endpoint())
        address = HubAddress(url, f"`{path}` of `{self.name}`")
        with self._errors(commit), HubStream(address, size_bytes, offset_bytes=offset_bytes) as stream:
            try:
                yield io.BufferedReader(stream, 1 << 16)
            except GatedRepoError:
                raise
            except (EntryNotFoundError, RepositoryNotFoundError) as error:
                # mirrors say of a missing file that its repository is missing
                raise FileNotFoundError(path) from error

    def paths(self, commit: str) -> frozenset[str]:
        """The files in its root at a commit."""
        with self._errors(commit):
            return frozenset(entry.path for entry in self._api.list_repo_tree(self.name, revision=commit))

    def create(self) -> None:
        """Make it, unless it is there."""
        with self._errors("main", doing="make"):
            self._api.create_repo(self.name, exist_ok=True)

    def commit(
        self, files: Mapping[str, Path | bytes], gone: frozenset[str], *, message: str, parent: str | None
    ) -> str:
        """Put `files` on `main` and take those that are `gone` away, in one step; the new commit.

        Args:
            parent: what `main` has to be.

        Raises:
            SourceChanged: `main` is another commit by now.
            Refused: the Hub does not take it.
        """
        from huggingface_hub import CommitOperationAdd, CommitOperationDelete

        operations: list[CommitOperationAdd | CommitOperationDelete] = [
            *(CommitOperationAdd(path, file if isinstance(file, bytes) else str(file)) for path, file in files.items()),
            *(CommitOperationDelete(path, is_folder=False) for path in sorted(gone)),
        ]
        with self._errors("main", doing="write to"), _overtaken(), _upload_errors(self.name):
            done = self._api.create_commit(self.name, operations, commit_message=message, parent_commit=parent)
        return done.oid

    def tag(self, tag: str, commit: str, *, message: str) -> None:
        """Give a commit a new tag.

        Raises:
            SourceChanged: there is such a tag already.
        """
        with self._errors(commit, doing="write to"), _overtaken():
            self._api.create_tag(self.name, tag=tag, tag_message=message, revision=commit)

    @cached_property
    def _api(self) -> HfApi:
        return hub_api()

    def _errors(self, revision: str, *, doing: str = "read") -> AbstractContextManager[None]:
        return hub_errors(self.name, revision, doing=doing, otherwise=_ANOTHER_PLACE)


@contextmanager
def _overtaken() -> Iterator[None]:
    from huggingface_hub.errors import HfHubHTTPError

    try:
        yield
    except HfHubHTTPError as error:
        if error.response.status_code in _OVERTAKEN:
            raise SourceChanged from error
        raise


@contextmanager
def _upload_errors(repository: str) -> Iterator[None]:
    """Say what an upload failed of: the client wraps it."""
    from huggingface_hub.errors import HTTPError  # type: ignore[attr-defined]

    try:
        yield
    except RuntimeError as error:
        if isinstance(error.__cause__, HTTPError):
            raise error.__cause__ from error
        raise
    except ValueError as error:
        raise Refused(
            f"the Hub does not take this for `{repository}`: {error}", hint="look at the README.md of the draft"
        ) from error
