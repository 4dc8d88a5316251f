"""Publishing on the Hub: one commit with everything, then the tag, which makes it a build.

`main` is written only over the commit it was decided on, and a tag only where there is none, so that of several who
publish one build exactly one wins. A commit on `main` without its tag is a publication that is not finished: the same
files finish it, others are refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mivactl.content import content_of_file
from mivactl.crash_point import crash_point
from mivactl.hub_client import hub_is_offline
from mivactl.registry.byte_source import SourceChanged
from mivactl.registry.hub import (
    ATTACHMENTS,
    MANIFEST,
    SIGNATURES,
    FoundAdapter,
    HubRegistry,
    attached_path,
    path_of,
)
from mivactl.registry.hub_card import CARD, MAX_CARD_BYTES, card_of
from mivactl.registry.hub_repository import HubRepository
from mivactl.registry.hub_status import HubStatus
from mivactl.registry.publication import (
    Upload,
    build_of,
    is_new,
    line_of,
    require_own_namespace,
    require_same,
    with_status,
)
from mivactl.registry.registry import Capability
from registry_schema.catalog import catalog_line, speaker
from registry_schema.digests import Digest
from registry_schema.errors import Busy, IntegrityProblem, NetworkProblem, NotFound, Refused, SchemaError
from registry_schema.index import IndexLine
from registry_schema.manifest import Manifest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from mivactl.registry.hub_memory import HubMemory
    from mivactl.registry.hub_place import HubPlace
    from registry_schema.attachments import Attachment
    from registry_schema.catalog import CatalogLine
    from registry_schema.hub_names import Repository
    from registry_schema.index import StatusChange
    from registry_schema.manifest import BuildKey
    from registry_schema.names import AdapterName, RegistryName

_TRIES: Final = 20


@dataclass(frozen=True)
class _Change:
    """A commit to be made: new files, and the line its card was made for."""

    files: Mapping[str, Path | bytes]
    gone: frozenset[str]
    message: str
    catalog: CatalogLine


class WritableHubRegistry(HubRegistry):
    """The adapters of an owner for whom the person may write, which the Hub decides."""

    def __init__(self, name: RegistryName, place: HubPlace, memory: HubMemory) -> None:
        super().__init__(name, place, memory)
        self._signatures: dict[Digest, bytes] = {}

    capabilities = frozenset(
        {
            *HubRegistry.capabilities,
            Capability.PUBLISH,
            Capability.STATUS,
            Capability.ATTACH,
            Capability.COMPARE_AND_SWAP,
        }
    )

    def add_signatures(self, manifest: Digest, signatures: bytes) -> None:
        """Have the signatures of a manifest go up in the commit of its build."""
        self._signatures[manifest] = signatures

    def publish(self, manifest: Manifest, files: Mapping[Digest, Path]) -> Upload:
        """See `WritableRegistry`.

        Raises:
            Refused: the adapter is of another namespace.
            AuthProblem, NetworkProblem: the Hub does not let the person write, or can not be reached.
        """
        require_own_namespace(manifest.name)
        self._require_network()
        name = self._repository_of(manifest.name)
        for _ in range(_TRIES):
            found = self.find(manifest.name, asked_now=True)
            if found is None:
                HubRepository(name).create()
                continue
            taken = line_of(manifest.key, found.lines)
            if taken is not None:
                require_same(self.manifest(taken), manifest, self.name)
                return Upload(taken, is_new=False)
            try:
                return self._publish_new(found, manifest, files)
            except SourceChanged:
                continue
        raise self._overtaken()

    def attach(self, attachment: Attachment, file: Path) -> bool:
        """See `WritableRegistry`; the file and its line are one commit. Raises as `publish`."""
        self._require_network()
        for _ in range(_TRIES):
            found = self.find(attachment.name, asked_now=True)
            if found is None:
                raise self._unknown(attachment.name)
            build = build_of(attachment, found.lines)
            if not is_new(attachment, self.attached_to(found, attachment.name), self.name):
                return False
            rows = self.attachment_rows(found) + attachment.to_bytes()
            files: dict[str, Path | bytes] = {attached_path(attachment): file, ATTACHMENTS: rows}
            message = f"{build.name} {build.key.tag}: {attachment.file.path} attached"
            try:
                HubRepository(found.repository).commit(files, frozenset(), message=message, parent=found.refs.main)
            except SourceChanged:
                continue
            return True
        raise self._overtaken()

    def set_status(self, key: BuildKey, change: StatusChange) -> IndexLine:
        """See `WritableRegistry`; raises as `publish`."""
        self._require_network()
        for _ in range(_TRIES):
            found = self.find(key.name, asked_now=True)
            if found is None:
                raise self._unknown(key.name)
            lines = with_status(found.lines, key, change)
            if lines == found.lines:
                return next(line for line in lines if line.key == key)
            commit = self._status(found, lines, f"{key.tag} is {change.status}")
            try:
                self._commit(found, commit)
            except SourceChanged:
                continue
            self._catalog.put(commit.catalog)
            return next(line for line in lines if line.key == key)
        raise self._overtaken()

    def _publish_new(self, found: FoundAdapter, manifest: Manifest, files: Mapping[Digest, Path]) -> Upload:
        """Commit and tag a build, or tag the one that was committed before; raises `SourceChanged`."""
        last = self._last_manifest(found)
        if last is not None and last.key == manifest.key and found.refs.main is not None:
            require_same(last, manifest, self.name)
            manifest, commit = last, found.refs.main
            catalog = self._catalog_with(found, manifest)
        else:
            change = self._publication(found, manifest, files, last)
            commit, catalog = self._commit(found, change), change.catalog
            crash_point("hub.committed")
        message = f"{manifest.name} {manifest.version}"
        HubRepository(found.repository).tag(manifest.key.tag, commit, message=message)
        self._catalog.put(catalog)
        return Upload(_line(manifest), is_new=True)

    def _publication(
        self, found: FoundAdapter, manifest: Manifest, files: Mapping[Digest, Path], last: Manifest | None
    ) -> _Change:
        data = manifest.to_bytes()
        placed: dict[str, Path | bytes] = {MANIFEST: data}
        if (signatures := self._signatures.get(Digest.of(data))) is not None:
            placed[SIGNATURES] = signatures
        readme = None
        for entry in manifest.files:
            path = files[entry.digest]
            if content_of_file(path, entry.path).digest != entry.digest:
                raise IntegrityProblem(f"{entry.path} changed while it was published", hint="run it again")
            placed[path_of(entry.path)] = path
            readme = path.read_bytes() if entry.path == CARD else readme
        catalog = self._catalog_with(found, manifest)
        placed[CARD] = card_of(readme, catalog, manifest)
        gone = self._files_of(found, last) - set(placed)
        return _Change(placed, gone, f"{manifest.name} {manifest.key.tag}", catalog)

    def _catalog_with(self, found: FoundAdapter, manifest: Manifest) -> CatalogLine:
        """The line of the adapter with one more build."""
        own = _line(manifest)
        lines = (*found.lines, own)
        speaks = speaker(lines) or own
        return catalog_line(lines, manifest if speaks is own else self.manifest(speaks))

    def _status(self, found: FoundAdapter, lines: Sequence[IndexLine], message: str) -> _Change:
        speaks = speaker(lines)
        if speaks is None or found.refs.main is None:
            raise IntegrityProblem(f"`{found.repository}` has no branch `main`", hint="make one on the Hub")
        manifest = self.manifest(speaks)
        catalog = catalog_line(lines, manifest)
        readme = self.document(found.repository, found.refs.main, CARD, max_bytes=MAX_CARD_BYTES)
        files: dict[str, Path | bytes] = {
            HubStatus.SOURCE: HubStatus.of_lines(lines).to_bytes(),
            CARD: card_of(readme, catalog, manifest),
        }
        return _Change(files, frozenset(), f"{manifest.name}: {message}", catalog)

    def _files_of(self, found: FoundAdapter, before: Manifest | None) -> frozenset[str]:
        """The files that the build on `main` has there; what a person put beside them is not ours."""
        if before is None or found.refs.main is None:
            return frozenset()
        present = HubRepository(found.repository).paths(found.refs.main)
        return present & {SIGNATURES, *(path_of(entry.path) for entry in before.files)}

    def _last_manifest(self, found: FoundAdapter) -> Manifest | None:
        """That of the build on `main`, tagged or not; None where there is none that can be read."""
        if found.refs.main is None:
            return None
        data = self.document(found.repository, found.refs.main, MANIFEST, max_bytes=Manifest.MAX_BYTES)
        try:
            return None if data is None else Manifest.parse_published(data, source=MANIFEST)
        except SchemaError:
            return None

    def _commit(self, found: FoundAdapter, change: _Change) -> str:
        repository = HubRepository(found.repository)
        return repository.commit(change.files, change.gone, message=change.message, parent=found.refs.main)

    def _repository_of(self, name: AdapterName) -> Repository:
        repository = self._place.repository(name)
        if repository is None:
            raise Refused(
                f"`{name}` is of the namespace `{name.namespace}`, "
                f"`{self.place}` takes adapters of `{self._place.namespace}` only",
                hint=f'write `name = "{self._place.namespace}/{name.name}"` in release.toml',
            )
        return repository

    def _require_network(self) -> None:
        if hub_is_offline():
            raise NetworkProblem(
                f"`{self.place}` can not be written: the network is switched off",
                hint="run it again without `--offline` and with `HF_HUB_OFFLINE` unset",
            )

    def _unknown(self, name: AdapterName) -> NotFound:
        return NotFound(f"no adapter `{name}` in registry `{self.name}`", hint="`mivactl search` lists them")

    def _overtaken(self) -> Busy:
        return Busy(f"registry `{self.name}` kept changing while it was written", hint="run it again")


def _line(manifest: Manifest) -> IndexLine:
    return IndexLine.for_manifest(manifest, published=manifest.created)
