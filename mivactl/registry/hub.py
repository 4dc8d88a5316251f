"""The Hugging Face Hub as a registry, `hf://OWNER`: a repository per adapter, a git tag per build.

| where in `OWNER/miva-<name>` | what |
|---|---|
| tag `1.2.0--nano-masked` | a build: the commit that holds it and nothing of another |
| `miva.json` and its files, at a tag | the build; a `README.md` of its own is `miva/README.md` |
| `miva.sig` at a tag | who signed its `miva.json` |
| `README.md` on `main` | the model card; its metadata holds the line of the catalog |
| `miva-status.json` on `main` | which builds are withdrawn or deprecated |
| `miva-attachments.jsonl` on `main` | what was attached to builds later; the files lie in `miva/attached` |

A tag is believed once: its commit and the digest of its manifest are remembered, and another one is refused.
"""

from __future__ import annotations

import logging
import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mivactl.hub_client import hub_is_offline
from mivactl.hub_errors import RateLimited
from mivactl.registry.hub_catalog import HubCatalog
from mivactl.registry.hub_history import check_count, check_history, gone, remembered
from mivactl.registry.hub_repository import HubRepository, Refs
from mivactl.registry.hub_status import HubStatus
from mivactl.registry.index_file import attachments_of
from mivactl.registry.registry import Capability, RegistryConfig
from mivactl.registry.static import digest_in
from registry_schema import strict_json
from registry_schema.digests import Digest
from registry_schema.errors import IntegrityProblem, NetworkProblem
from registry_schema.index import MAX_INDEX_BYTES, IndexLine
from registry_schema.manifest import Manifest
from registry_schema.names import AdapterName, RegistryName
from registry_schema.signatures import Signatures

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import BinaryIO

    from mivactl.content import Content
    from mivactl.registry.hub_memory import HubMemory, KnownRepository
    from mivactl.registry.hub_place import HubPlace
    from registry_schema.attachments import Attachment
    from registry_schema.catalog import CatalogRow
    from registry_schema.hub_names import Repository

MANIFEST: Final = "miva.json"
SIGNATURES: Final = "miva.sig"
ATTACHMENTS: Final = "miva-attachments.jsonl"
_OWN_NAMES: Final = frozenset({"README.md", HubStatus.SOURCE, SIGNATURES, ATTACHMENTS})
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class FoundBuild:
    """A build where it lies: its repository and commit, its manifest in the bytes that were published."""

    repository: Repository
    commit: str
    manifest: Manifest
    data: bytes


@dataclass(frozen=True)
class _Place:
    """Where a file lies."""

    repository: Repository
    commit: str
    path: str


@dataclass(frozen=True)
class FoundAdapter:
    """An adapter as its repository has it now: its refs, its builds, and their lines with the status of each."""

    repository: Repository
    refs: Refs
    builds: tuple[FoundBuild, ...]
    lines: tuple[IndexLine, ...]


class HubRegistry:
    """The adapters of one owner.

    Args:
        name: what the person calls it.
        memory: what is remembered from earlier runs.
    """

    capabilities = frozenset({Capability.RESUME, Capability.SEARCH})

    def __init__(self, name: RegistryName, place: HubPlace, memory: HubMemory) -> None:
        self.name = name
        self._place = place
        self._memory = memory
        self._catalog = HubCatalog(place, memory)
        self._builds: dict[Digest, FoundBuild] = {}
        self._files: dict[Digest, _Place] = {}

    @property
    def place(self) -> str:
        """See `Registry`."""
        return self._place.address

    def config(self) -> RegistryConfig:
        """See `Registry`; an owner without adapters is an empty registry, so that nothing has to be asked."""
        return RegistryConfig(
            id=str(uuid.uuid5(uuid.NAMESPACE_URL, self.place.lower())), name=RegistryName(self._place.namespace)
        )

    def read(self, path: str, *, max_bytes: int) -> bytes | None:
        """See `Registry`; of builds whose manifest was read, their signatures, which lie in the same commit."""
        manifest = digest_in(path.removesuffix(".sig"))
        build = None if manifest is None or not path.endswith(".sig") else self._builds.get(manifest)
        if build is None:
            return None
        return self.document(build.repository, build.commit, SIGNATURES, max_bytes=max_bytes)

    def names(self) -> tuple[AdapterName, ...]:
        """See `Registry`; those a search finds."""
        return tuple(AdapterName(row.name) for row in self._catalog.matches(()))

    def search(self, words: Sequence[str]) -> Iterator[CatalogRow]:
        """See `Registry`; the list of an owner's adapters is an hour old at most."""
        return self._catalog.matches(words)

    def lines(self, name: AdapterName) -> tuple[IndexLine, ...]:
        """See `Registry`: one question about the tags, and two small files for each new one.

        Raises:
            IntegrityProblem: the repository was made anew, a tag was moved, or does not hold what it says.
            NetworkProblem: the Hub can not be asked, and was not asked for this adapter before.
        """
        found = self.find(name)
        return () if found is None else found.lines

    def attachments(self, name: AdapterName) -> tuple[Attachment, ...]:
        """See `Registry`; raises as `lines`."""
        found = self.find(name)
        return () if found is None else self.attached_to(found, name)

    def attached_to(self, found: FoundAdapter, name: AdapterName) -> tuple[Attachment, ...]:
        """What is attached to the builds of an adapter that was found."""
        rows = self.attachment_rows(found)
        attachments = attachments_of(name, rows, source=f"`{ATTACHMENTS}` of `{found.repository}`")
        for one in attachments:
            self._files[one.file.digest] = _Place(found.repository, found.refs.main or "", attached_path(one))
        return attachments

    def attachment_rows(self, found: FoundAdapter) -> bytes:
        """The rows of what is attached, as they are."""
        if found.refs.main is None:
            return b""
        return self.document(found.repository, found.refs.main, ATTACHMENTS, max_bytes=MAX_INDEX_BYTES) or b""

    def manifest(self, line: IndexLine) -> Manifest:
        """See `Registry`.

        Raises:
            IntegrityProblem: there is no such build.
        """
        return self._build(line).manifest

    def manifest_bytes(self, line: IndexLine) -> bytes:
        """See `Registry`; raises as `manifest`."""
        return self._build(line).data

    @contextmanager
    def open_file(self, content: Content, *, offset_bytes: int = 0) -> Iterator[BinaryIO]:
        """See `Registry`; the file of a build whose manifest was read before.

        Raises:
            IntegrityProblem: the registry does not have it.
            NetworkProblem: the Hub can not be asked.
        """
        found = self._files.get(content.digest)
        if found is None:
            raise self._missing(content.label)
        if hub_is_offline():
            raise self._not_cached(content.label)
        try:
            with HubRepository(found.repository).open(
                found.commit, found.path, size_bytes=content.size_bytes, offset_bytes=offset_bytes
            ) as file:
                yield file
        except FileNotFoundError as error:
            raise self._missing(content.label) from error

    def find(self, name: AdapterName, *, asked_now: bool = False) -> FoundAdapter | None:
        """The adapter `name` as its repository has it; None if there is none; raises as `lines`.

        Args:
            asked_now: what was seen before will not do.
        """
        repository = self._place.repository(name)
        if repository is None:
            return None
        known = self._memory.known(repository)
        refs = self._refs(repository, known, asked_now=asked_now)
        if refs is None:
            if known is not None and (known.builds or known.main):
                raise gone(known, self._memory.place_of(repository))
            return None
        check_count(repository, refs)
        if known is not None:
            check_history(known, refs, self._memory.place_of(repository))
        builds = tuple(self._read_builds(repository, refs, name))
        self._remember(repository, refs, builds, known)
        return FoundAdapter(repository, refs, builds, self._with_status(repository, refs, builds))

    def document(self, repository: Repository, commit: str, path: str, *, max_bytes: int) -> bytes | None:
        """A small file at a commit; None where there is none.

        Raises:
            IntegrityProblem: it is larger than allowed.
            NetworkProblem: the Hub can not be asked, and was not asked for it before.
        """
        cached = self._memory.document(repository, commit, path)
        if cached is not None:
            return cached.content
        if hub_is_offline():
            raise self._not_cached(f"`{path}` of `{repository}`")
        content = HubRepository(repository).read(commit, path, max_bytes=max_bytes)
        if content is not None and len(content) > max_bytes:
            raise IntegrityProblem(
                f"`{path}` of `{repository}` has more than {max_bytes} bytes, expected at most that",
                hint="tell the owner of the registry",
            )
        self._memory.keep(repository, commit, path, content)
        return content

    def _refs(self, repository: Repository, known: KnownRepository | None, *, asked_now: bool) -> Refs | None:
        earlier = None if known is None else Refs(known.main, known.tags)
        if hub_is_offline():
            if earlier is None:
                raise self._not_cached(f"`{repository}`")
            return earlier
        try:
            return HubRepository(repository).refs()
        except RateLimited as error:
            if earlier is None or asked_now:
                raise
            _log.warning("%s; what was seen of `%s` before is used", error.message, repository)
            return earlier

    def _read_builds(self, repository: Repository, refs: Refs, name: AdapterName) -> Iterator[FoundBuild]:
        for tag, commit in refs.tags.items():
            data = self.document(repository, commit, MANIFEST, max_bytes=Manifest.MAX_BYTES)
            source = f"`{MANIFEST}` of `{repository}` at `{tag}`"
            if data is None:
                raise IntegrityProblem(f"{source} is missing", hint="tell the owner of the registry")
            if _is_newer(data, source=source):
                continue
            manifest = Manifest.parse_published(data, source=source)
            if manifest.name != name or manifest.key.tag != tag:
                raise IntegrityProblem(
                    f"{source} describes `{manifest.name}` {manifest.key.tag}, expected `{name}` {tag}",
                    hint="tell the owner of the registry",
                )
            # asked for with the manifest, so that both are here when there is no network
            self.document(repository, commit, SIGNATURES, max_bytes=Signatures.MAX_BYTES)
            yield self._keep(FoundBuild(repository, commit, manifest, data))

    def _keep(self, build: FoundBuild) -> FoundBuild:
        self._builds[Digest.of(build.data)] = build
        for entry in build.manifest.files:
            self._files[entry.digest] = _Place(build.repository, build.commit, path_of(entry.path))
        return build

    def _with_status(self, repository: Repository, refs: Refs, builds: Sequence[FoundBuild]) -> tuple[IndexLine, ...]:
        lines = [IndexLine.for_manifest(build.manifest, published=build.manifest.created) for build in builds]
        lines.sort(key=lambda line: (line.published, line.version, line.key.tag))
        if refs.main is None:
            return tuple(lines)
        data = self.document(repository, refs.main, HubStatus.SOURCE, max_bytes=HubStatus.MAX_BYTES)
        if data is None:
            return tuple(lines)
        return HubStatus.parse(data, source=f"`{HubStatus.SOURCE}` of `{repository}`").applied(lines)

    def _remember(
        self, repository: Repository, refs: Refs, builds: Sequence[FoundBuild], known: KnownRepository | None
    ) -> None:
        now = remembered(repository, refs, {build.manifest.key.tag: Digest.of(build.data) for build in builds}, known)
        if now != known:
            self._memory.remember(now)

    def _build(self, line: IndexLine) -> FoundBuild:
        if line.manifest.digest not in self._builds:
            self.lines(line.name)
        found = self._builds.get(line.manifest.digest)
        if found is None:
            raise self._missing(f"{line.name} {line.version}: {MANIFEST}")
        return found

    def _missing(self, label: str) -> IntegrityProblem:
        return IntegrityProblem(
            f"{label} is missing from registry `{self.name}`",
            hint="the registry is damaged: tell its owner, or take another version",
        )

    def _not_cached(self, label: str) -> NetworkProblem:
        return NetworkProblem(
            f"{label} is not cached, and the network is switched off: whether `{self.place}` has it is not known",
            hint="run it again without `--offline` and with `HF_HUB_OFFLINE` unset",
        )


def path_of(path: str) -> str:
    """Where a build's file lies in its commit: what the registry itself writes is not overwritten."""
    return f"miva/{path}" if path in _OWN_NAMES else path


def attached_path(attachment: Attachment) -> str:
    """Where an attached file lies on `main`."""
    return f"miva/attached/{attachment.manifest.hex[:16]}/{attachment.file.path}"


def _is_newer(data: bytes, *, source: str) -> bool:
    """Whether a manifest is in a format that came after this mivactl."""
    value = strict_json.parse(data, max_bytes=Manifest.MAX_BYTES, source=source)
    schema = value.get("schema") if isinstance(value, dict) else None
    family, _, number = Manifest.SCHEMA.partition("/")
    if not isinstance(schema, str) or not schema.startswith(f"{family}/"):
        return False
    found = schema.removeprefix(f"{family}/")
    return found.isdecimal() and len(found) < 9 and int(found) > int(number)
