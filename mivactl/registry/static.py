"""The static layout, version 1: a registry that any place with named files can offer, down to a plain web server.

| path | what |
|---|---|
| `config.json` | format, random id, name |
| `index/<namespace>/<name>.jsonl` | a line per build, in publish order; only its status changes; then attachments |
| `manifests/sha256/<2 hex>/<62 hex>` | exact manifest bytes, never changed |
| `blobs/sha256/<2 hex>/<62 hex>` | weights and other files, never changed |
| `catalog.jsonl` | one line per adapter with active builds, sorted: what a search reads |
| `manifests/sha256/<2 hex>/<62 hex>.sig` | who signed a manifest |
| `trust/*.json`, `trust/*.json.sig` | in signed registries: root, checkpoint and snapshot |
| `advisories.jsonl` | in signed registries: what its owner warns of |
"""

from __future__ import annotations

import json
import re
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Final

from mivactl.registry.index_file import attachments_of, lines_of
from mivactl.registry.registry import Capability, RegistryConfig
from registry_schema import strict_json
from registry_schema.catalog import MAX_CATALOG_BYTES, CatalogRow, catalog_rows
from registry_schema.digests import Digest
from registry_schema.errors import IntegrityProblem, NotFound
from registry_schema.index import MAX_INDEX_BYTES, IndexLine
from registry_schema.manifest import Manifest
from registry_schema.names import AdapterName
from registry_schema.signed_state import CATALOG

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import BinaryIO

    from mivactl.content import Content
    from mivactl.registry.byte_source import ByteSource, Stored, Token
    from registry_schema.attachments import Attachment
    from registry_schema.names import RegistryName

CONFIG: Final = "config.json"
_CONFIG_BYTES_MAX: Final = 16 * 1024
_TELL_OWNER: Final = "the registry is damaged: tell its owner, or take another version"


def index_path(name: AdapterName) -> str:
    """Where the lines of an adapter are."""
    return f"index/{name.namespace}/{name.name}.jsonl"


def manifest_path(digest: Digest) -> str:
    """Where a manifest is."""
    return f"manifests/sha256/{digest.hex[:2]}/{digest.hex[2:]}"


def signature_path(manifest: Digest) -> str:
    """Where the signatures of a manifest are."""
    return f"{manifest_path(manifest)}.sig"


def blob_path(digest: Digest) -> str:
    """Where a file is."""
    return f"blobs/sha256/{digest.hex[:2]}/{digest.hex[2:]}"


def digest_in(path: str) -> Digest | None:
    """The digest in the path of a file that never changes; None for all others."""
    found = re.fullmatch(r"(?:manifests|blobs)/sha256/([0-9a-f]{2})/([0-9a-f]{62})", path)
    return Digest(f"sha256:{found[1]}{found[2]}") if found else None


def config_bytes(config: RegistryConfig) -> bytes:
    """The content of `config.json`."""
    return json.dumps(config.plain(), sort_keys=True).encode() + b"\n"


def catalog_matches(data: bytes, words: Sequence[str], *, source: str) -> Iterator[CatalogRow]:
    """The rows of a catalog that may hold all of the lower-case `words`; most hold none of them, and are not read.

    Raises:
        SchemaError: a row that is no row of a catalog.
    """
    plain = [word for word in words if word.isalnum()]
    for row in catalog_rows(data, source=source):
        # a backslash may write letters in another way
        if plain and b"\\" not in row:
            text = row.decode(errors="replace").lower()
            if not all(word in text for word in plain):
                continue
        found = CatalogRow.read(row, source=source)
        if found is not None:
            yield found


class StaticRegistry:
    """A registry in the static layout, read from `source`.

    Args:
        name: what the person calls it.
    """

    def __init__(self, name: RegistryName, source: ByteSource) -> None:
        self.name = name
        self._source = source

    @property
    def place(self) -> str:
        """See `Registry`."""
        return self._source.place

    @property
    def capabilities(self) -> frozenset[Capability]:
        """See `Registry`."""
        return frozenset({Capability.SEARCH, *([Capability.RESUME] if self._source.resumes else [])})

    def config(self) -> RegistryConfig:
        """See `Registry`.

        Raises:
            NotFound: there is no registry.
            SchemaError: its `config.json` is not valid.
        """
        stored = self._source.read(CONFIG, max_bytes=_CONFIG_BYTES_MAX)
        if stored is None:
            raise NotFound(
                f"`{self.place}` is not a registry: it has no `{CONFIG}`",
                hint="make one in a folder with `mivactl registry init DIR`",
            )
        source = f"{self.place}/{CONFIG}"
        return RegistryConfig.of(
            strict_json.parse(stored.content, max_bytes=_CONFIG_BYTES_MAX, source=source), source=source
        )

    def read(self, path: str, *, max_bytes: int) -> bytes | None:
        """See `Registry`."""
        stored = self._source.read(path, max_bytes=max_bytes)
        return None if stored is None else stored.content

    def names(self) -> tuple[AdapterName, ...]:
        """See `Registry`; those in its catalog."""
        return tuple(AdapterName(row.name) for row in self.search(()) if AdapterName.problem(row.name) is None)

    def lines(self, name: AdapterName) -> tuple[IndexLine, ...]:
        """See `Registry`.

        Raises:
            NotFound: there is no registry any more, which is something else than a registry without the name.
            IntegrityProblem: the index file is not valid, or is another adapter's.
        """
        stored = self._stored_index(name)
        if stored is None:
            self.config()
        return self._lines_in(stored, name)

    def attachments(self, name: AdapterName) -> tuple[Attachment, ...]:
        """See `Registry`; raises `IntegrityProblem` as `lines`."""
        return self._attachments_in(self._stored_index(name), name)

    def manifest(self, line: IndexLine) -> Manifest:
        """See `Registry`.

        Raises:
            IntegrityProblem: it is missing, is not what the index says, or describes another build.
        """
        source = _manifest_label(line)
        manifest = Manifest.parse(self.manifest_bytes(line), source=source)
        if manifest.key != line.key or manifest.weights.digest != line.weights.digest:
            raise IntegrityProblem(
                f"{source} describes `{manifest.name}` {manifest.key.tag} with weights `{manifest.weights.digest}`, "
                f"the index says {line.key.tag} with `{line.weights.digest}`",
                hint=_TELL_OWNER,
            )
        return manifest

    def manifest_bytes(self, line: IndexLine) -> bytes:
        """See `Registry`.

        Raises:
            IntegrityProblem: it is missing, or is not what the index says.
        """
        source = _manifest_label(line)
        path = self._manifest_path(line.name, line.manifest.digest)
        stored = self._source.read(path, max_bytes=Manifest.MAX_BYTES)
        if stored is None:
            raise IntegrityProblem(f"{source} is missing from registry `{self.name}`", hint=_TELL_OWNER)
        found = Digest.of(stored.content)
        if len(stored.content) != line.manifest.size or found != line.manifest.digest:
            message = f"{source}: digest is `{found}`, the index says `{line.manifest.digest}`"
            raise IntegrityProblem(message, hint=_TELL_OWNER)
        return stored.content

    @contextmanager
    def open_file(self, content: Content, *, offset_bytes: int = 0) -> Iterator[BinaryIO]:
        """See `Registry`.

        Raises:
            IntegrityProblem: the registry does not have it.
        """
        with ExitStack() as stack:
            try:
                file = stack.enter_context(self._source.open(self._content_path(content), offset_bytes=offset_bytes))
            except OSError as error:
                raise IntegrityProblem(
                    f"{content.label} is missing from registry `{self.name}`", hint=_TELL_OWNER
                ) from error
            yield file

    def search(self, words: Sequence[str]) -> Iterator[CatalogRow]:
        """See `Registry`.

        Raises:
            SchemaError: a row that is no row of a catalog.
        """
        data, _ = self._catalog()
        return catalog_matches(data, words, source=f"{self.place}/{CATALOG}")

    def _manifest_path(self, name: AdapterName, digest: Digest) -> str:
        """Where a manifest of an adapter is; places without folders have other ways."""
        return manifest_path(digest)

    def _blob_path(self, name: AdapterName, digest: Digest) -> str:
        """Where a file of an adapter is."""
        return blob_path(digest)

    def _content_path(self, content: Content) -> str:
        """Where a file is."""
        return blob_path(content.digest)

    def _catalog(self) -> tuple[bytes, Token | None]:
        stored = self._source.read(CATALOG, max_bytes=MAX_CATALOG_BYTES)
        return (b"", None) if stored is None else (stored.content, stored.token)

    def _stored_index(self, name: AdapterName) -> Stored | None:
        return self._source.read(index_path(name), max_bytes=MAX_INDEX_BYTES)

    def _lines_in(self, stored: Stored | None, name: AdapterName) -> tuple[IndexLine, ...]:
        content = None if stored is None else stored.content
        return lines_of(name, content, source=f"{self.place}/{index_path(name)}")

    def _attachments_in(self, stored: Stored | None, name: AdapterName) -> tuple[Attachment, ...]:
        content = None if stored is None else stored.content
        return attachments_of(name, content, source=f"{self.place}/{index_path(name)}")


def _manifest_label(line: IndexLine) -> str:
    return f"{line.name} {line.version}: miva.json"
