"""Publishing into the static layout: files first, the manifest next, the index last; nothing is ever changed.

A reader sees a complete state at any moment. Writers do not wait for each other while files go up: who finds that the
index has changed meanwhile reads it again and decides again.
"""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mivactl.content import Content, chunks_of, write_content
from mivactl.crash_point import crash_point
from mivactl.registry.byte_source import SourceChanged
from mivactl.registry.publication import (
    Upload,
    build_of,
    is_new,
    line_of,
    merged_lines,
    require_own_namespace,
    require_same,
    with_status,
)
from mivactl.registry.registry import STARTER, Capability
from mivactl.registry.static import (
    CONFIG,
    StaticRegistry,
    config_bytes,
    index_path,
    signature_path,
)
from registry_schema.catalog import catalog_line, speaker, with_line
from registry_schema.digests import Digest
from registry_schema.errors import Busy, Refused
from registry_schema.index import IndexLine, later_rows, write_index
from registry_schema.signatures import Signatures
from registry_schema.signed_state import CATALOG, MAX_STATE_BYTES
from registry_schema.text import Timestamp

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mivactl.registry.byte_source import Stored, WritableSource
    from mivactl.registry.registry import Registry, RegistryConfig
    from registry_schema.attachments import Attachment
    from registry_schema.index import StatusChange
    from registry_schema.manifest import BuildKey, Manifest
    from registry_schema.names import AdapterName, RegistryName

_TRIES: Final = 20
_WRITES: Final = frozenset({Capability.PUBLISH, Capability.STATUS, Capability.ATTACH, Capability.MIRROR})


class WritableStaticRegistry(StaticRegistry):
    """A registry in the static layout whose place takes files.

    Args:
        writable: false for the one that comes with mivactl.
    """

    def __init__(self, name: RegistryName, source: WritableSource, *, writable: bool = True) -> None:
        super().__init__(name, source)
        self._target = source
        self._writable = writable

    @property
    def capabilities(self) -> frozenset[Capability]:
        """See `Registry`."""
        if not self._writable:
            return super().capabilities
        swap = [Capability.COMPARE_AND_SWAP] if self._target.compares else []
        return frozenset({*super().capabilities, *_WRITES, *swap})

    def publish(self, manifest: Manifest, files: Mapping[Digest, Path]) -> Upload:
        """See `WritableRegistry`.

        Raises:
            Refused: the registry may not be written, or may not have this namespace.
            ResourceProblem: the disk is full.
        """
        self._require_writable()
        if self.config().name != STARTER:
            require_own_namespace(manifest.name)
        for _ in range(_TRIES):
            stored = self._stored_index(manifest.name)
            lines = self._lines_in(stored, manifest.name)
            taken = line_of(manifest.key, lines)
            if taken is not None:
                require_same(self.manifest(taken), manifest, self.name)
                self._write_catalog(manifest.name)
                return Upload(taken, is_new=False)
            self._add_files(manifest, files)
            line = IndexLine.for_manifest(manifest, published=Timestamp.now())
            if self._swap(manifest.name, (*lines, line), stored):
                self._write_catalog(manifest.name)
                return Upload(line, is_new=True)
        raise self._overtaken()

    def set_status(self, key: BuildKey, change: StatusChange) -> IndexLine:
        """See `WritableRegistry`.

        Raises:
            Refused: the registry may not be written.
        """
        self._require_writable()
        for _ in range(_TRIES):
            stored = self._stored_index(key.name)
            lines = with_status(self._lines_in(stored, key.name), key, change)
            if self._swap(key.name, lines, stored):
                self._write_catalog(key.name)
                return next(line for line in lines if line.key == key)
        raise self._overtaken()

    def attach(self, attachment: Attachment, file: Path) -> bool:
        """See `WritableRegistry`.

        Raises:
            Refused: the registry may not be written.
        """
        self._require_writable()
        for _ in range(_TRIES):
            stored = self._stored_index(attachment.name)
            lines = self._lines_in(stored, attachment.name)
            build = build_of(attachment, lines)
            if not is_new(attachment, self._attachments_in(stored, attachment.name), self.name):
                return False
            self._add_attached(attachment, self.manifest(build), file)
            if self._swap(attachment.name, lines, stored, attached=(attachment,)):
                return True
        raise self._overtaken()

    def write_config(self, config: RegistryConfig) -> None:
        """Make the place a registry; raises `SourceChanged` when it is one already."""
        self._target.replace(CONFIG, config_bytes(config), over=None)

    def state_signed(self) -> None:
        """From now on its `config.json` says that its state is signed."""
        self.write(CONFIG, config_bytes(self.config().model_copy(update={"signed": True})))

    def write(self, path: str, content: bytes) -> None:
        """Replace a small file of the layout in one step; raises `Busy`."""
        for _ in range(_TRIES):
            present = self._source.read(path, max_bytes=MAX_STATE_BYTES)
            if present is not None and present.content == content:
                return
            try:
                self._target.replace(path, content, over=None if present is None else present.token)
            except SourceChanged:
                continue
            return
        raise self._overtaken()

    def add_signatures(self, manifest: Digest, signatures: bytes) -> None:
        """Place the signatures of a manifest where readers look for them; the manifest itself may come later."""
        self._add_small(signature_path(manifest), signatures, "miva.sig")

    def mirror(self, source: Registry, name: AdapterName) -> int:
        """Bring the builds of one adapter over from `source`, byte for byte; how many were new here.

        Raises:
            Busy: one is here already with other bytes.
            IntegrityProblem: what `source` hands out is not what its index says.
        """
        self._require_writable()
        offered, attached = source.lines(name), source.attachments(name)
        for _ in range(_TRIES):
            stored = self._stored_index(name)
            present, present_files = self._lines_in(stored, name), self._attachments_in(stored, name)
            lines, new = merged_lines(present, offered, self.name)
            new_files = tuple(one for one in attached if is_new(one, present_files, self.name))
            for line in new:
                self._copy_build(source, line)
            for one in new_files:
                self._copy_attached(source, one, build_of(one, lines))
            self._copy_signatures(source, offered)
            unchanged = lines == present and not new_files
            if unchanged or self._swap(name, lines, stored, attached=new_files):
                self._write_catalog(name)
                return len(new)
        raise self._overtaken()

    def _copy_build(self, source: Registry, line: IndexLine) -> None:
        manifest = source.manifest(line)
        for entry in manifest.files:
            path = self._blob_path(line.name, entry.digest)
            if not self._target.holds(path, entry.size):
                content = Content(entry.digest, entry.size, f"{line.name} {line.version}: {entry.path}")
                self._copy_file(source, content, path)
        self._add_manifest(manifest, source.manifest_bytes(line))

    def _copy_attached(self, source: Registry, attachment: Attachment, build: IndexLine) -> None:
        entry = attachment.file
        content = Content(entry.digest, entry.size, f"{build.name} {build.version}: {entry.path}")
        with _brought(source, content) as path:
            self._add_attached(attachment, self.manifest(build), path)

    def _copy_signatures(self, source: Registry, lines: Sequence[IndexLine]) -> None:
        for line in lines:
            path = signature_path(line.manifest.digest)
            signatures = source.read(path, max_bytes=Signatures.MAX_BYTES)
            if signatures is not None and self.read(path, max_bytes=Signatures.MAX_BYTES) != signatures:
                self.add_signatures(line.manifest.digest, signatures)

    def _copy_file(self, source: Registry, content: Content, target: str) -> None:
        with _brought(source, content) as path:
            self._target.create(target, content, path)

    def _require_writable(self) -> None:
        if not self._writable:
            raise Refused(
                f"registry `{self.name}` is read-only", hint="choose another one: `mivactl registry list` shows them"
            )

    def _add_files(self, manifest: Manifest, files: Mapping[Digest, Path]) -> None:
        for entry in manifest.files:
            content = Content(entry.digest, entry.size, str(entry.path))
            self._target.create(self._blob_path(manifest.name, entry.digest), content, files[entry.digest])
            crash_point("registry.blob-placed")
        self._add_manifest(manifest, manifest.to_bytes())

    def _add_attached(self, attachment: Attachment, manifest: Manifest, file: Path) -> None:
        """Place an attached file; `manifest` is that of its build."""
        entry = attachment.file
        content = Content(entry.digest, entry.size, str(entry.path))
        self._target.create(self._blob_path(manifest.name, entry.digest), content, file)
        crash_point("registry.blob-placed")

    def _add_manifest(self, manifest: Manifest, data: bytes) -> None:
        self._add_small(self._manifest_path(manifest.name, Digest.of(data)), data, "miva.json")
        crash_point("registry.manifest-placed")

    def _add_small(self, path: str, data: bytes, label: str) -> None:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / label
            file.write_bytes(data)
            self._target.create(path, Content(Digest.of(data), len(data), label), file)

    def _swap(
        self,
        name: AdapterName,
        lines: Sequence[IndexLine],
        over: Stored | None,
        *,
        attached: Sequence[Attachment] = (),
    ) -> bool:
        """Write the index in place of the one that was read, with what was attached to it and is now."""
        present = b"" if over is None else over.content
        later = (*later_rows(present, source=index_path(name)), *(one.to_bytes() for one in attached))
        try:
            self._target.replace(index_path(name), write_index(lines, later), over=None if over is None else over.token)
        except SourceChanged:
            return False
        crash_point("registry.index-placed")
        return True

    def _write_catalog(self, name: AdapterName) -> None:
        """Bring the adapter's line of the catalog in step with its index."""
        for _ in range(_TRIES):
            present, token = self._catalog()
            lines = self.lines(name)
            newest = speaker(lines)
            line = None if newest is None else catalog_line(lines, self.manifest(newest))
            content = with_line(present, name, line, source=f"{self.place}/{CATALOG}")
            if content == present and token is not None:
                return
            try:
                self._target.replace(CATALOG, content, over=token)
            except SourceChanged:
                continue
            crash_point("registry.catalog-placed")
            return
        raise self._overtaken()

    def _overtaken(self) -> Busy:
        return Busy(f"registry `{self.name}` kept changing while it was written", hint="run it again")


@contextmanager
def _brought(source: Registry, content: Content) -> Iterator[Path]:
    """A file of another registry, held against its digest; it lives as long as the block."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        with source.open_file(content) as file:
            write_content(chunks_of(file), path, content, half="registry.blob-half-written")
        yield path
