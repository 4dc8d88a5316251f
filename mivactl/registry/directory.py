"""A registry in a folder, in the static layout that a plain web server can offer unchanged.

| path | what |
|---|---|
| `config.json` | format, random id, name |
| `index/<namespace>/<name>.jsonl` | one line per build, in publish order |
| `manifests/sha256/<2 hex>/<62 hex>` | exact manifest bytes, never changed |
| `blobs/sha256/<2 hex>/<62 hex>` | weights and other files, never changed |
| `manifests/sha256/<2 hex>/<62 hex>.sig` | who signed a manifest |
| `trust/*.json`, `trust/*.json.sig` | in signed registries: root, checkpoint and snapshot |
| `advisories.jsonl` | in signed registries: what its owner warns of |
"""

from __future__ import annotations

import json
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from mivactl.content import content_path
from mivactl.disk import disk_errors, write_durably
from mivactl.registry.index_file import lines_of
from mivactl.registry.registry import RegistryConfig
from registry_schema import strict_json
from registry_schema.digests import Digest
from registry_schema.errors import IntegrityProblem, MivaError, NotFound, UsageProblem
from registry_schema.index import MAX_INDEX_BYTES, IndexLine
from registry_schema.manifest import Manifest
from registry_schema.names import AdapterName, RegistryName
from registry_schema.signed_state import ADVISORIES, CATALOG, StatePath

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

    from mivactl.content import Content

_CONFIG_BYTES_MAX: Final = 16 * 1024


class DirectoryRegistry:
    """The registry in the folder `root`.

    Args:
        name: what the person calls it.
        root: the folder; it has a `config.json`.
        writable: whether `publish` may add to it.
    """

    def __init__(self, name: RegistryName, root: Path, *, writable: bool = True) -> None:
        self.name = name
        self.root = root
        self.writable = writable

    @property
    def place(self) -> str:
        """The folder."""
        return str(self.root)

    def config(self) -> RegistryConfig:
        """What the registry states about itself.

        Raises:
            NotFound: there is no registry in the folder.
            SchemaError: its `config.json` is not valid.
        """
        path = self.root / "config.json"
        content = _read_bounded(path, _CONFIG_BYTES_MAX)
        if content is None:
            raise NotFound(
                f"`{self.root}` is not a registry: it has no `config.json`",
                hint=f"make one with `mivactl registry add NAME {self.root} --create`",
            )
        value = strict_json.parse(content, max_bytes=_CONFIG_BYTES_MAX, source=str(path))
        return RegistryConfig.of(value, source=str(path))

    def names(self) -> tuple[AdapterName, ...]:
        """All adapters it has, sorted."""
        files = self.root.glob("index/*/*.jsonl")
        texts = sorted(f"{path.parent.name}/{path.stem}" for path in files)
        return tuple(AdapterName(text) for text in texts if AdapterName.complaint(text) is None)

    def lines(self, name: AdapterName) -> tuple[IndexLine, ...]:
        """The builds of one adapter in publish order.

        Raises:
            IntegrityProblem: the index file is not valid, or is another adapter's.
        """
        path = self.index_path(name)
        return lines_of(name, _read_bounded(path, MAX_INDEX_BYTES), source=str(path))

    def read(self, path: str, *, max_bytes: int) -> bytes | None:
        """See `Registry`."""
        return _read_bounded(self.root / path, max_bytes)

    def write(self, path: str, content: bytes) -> None:
        """Replace a small file of the layout in one step."""
        with disk_errors(self.root / path):
            write_durably(self.root / path, content)

    def write_config(self, config: RegistryConfig) -> None:
        """Replace what the registry states about itself."""
        self.write("config.json", json.dumps(config.plain(), sort_keys=True).encode() + b"\n")

    def state_files(self) -> dict[StatePath, bytes]:
        """Every mutable file, by path: what the owner of a signed registry vouches for."""
        paths = [StatePath.of_index(name) for name in self.names()]
        paths += [StatePath(name) for name in (CATALOG, ADVISORIES)]
        found = ((path, self.read(path, max_bytes=path.max_bytes)) for path in paths)
        return {path: content for path, content in found if content is not None}

    def manifest(self, line: IndexLine) -> Manifest:
        """The manifest a line points to.

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
        """The same, exactly as published.

        Raises:
            IntegrityProblem: it is missing, or is not what the index says.
        """
        source = _manifest_label(line)
        content = _read_bounded(self.manifest_path(line.manifest.digest), Manifest.MAX_BYTES)
        if content is None:
            raise IntegrityProblem(f"{source} is missing from registry `{self.name}`", hint=_TELL_OWNER)
        found = Digest.of(content)
        if len(content) != line.manifest.size or found != line.manifest.digest:
            message = f"{source}: digest is `{found}`, the index says `{line.manifest.digest}`"
            raise IntegrityProblem(message, hint=_TELL_OWNER)
        return content

    @contextmanager
    def open_file(self, content: Content) -> Iterator[BinaryIO]:
        """The bytes of one file.

        Raises:
            IntegrityProblem: the registry does not have it, or it has another size.
        """
        try:
            file = self.blob_path(content.digest).open("rb")
        except OSError as error:
            raise IntegrityProblem(
                f"{content.label} is missing from registry `{self.name}`", hint=_TELL_OWNER
            ) from error
        with file:
            yield file

    def index_path(self, name: AdapterName) -> Path:
        """Where the lines of an adapter are."""
        return self.root / "index" / name.namespace / f"{name.name}.jsonl"

    def manifest_path(self, digest: Digest) -> Path:
        """Where a manifest is."""
        return content_path(self.root / "manifests", digest)

    def blob_path(self, digest: Digest) -> Path:
        """Where a file is."""
        return content_path(self.root / "blobs", digest)


_TELL_OWNER: Final = "the registry is damaged: tell its owner, or take another version"


def create_directory_registry(name: RegistryName, root: Path) -> DirectoryRegistry:
    """A new, empty registry in the folder `root`.

    Raises:
        UsageProblem: the folder holds something else, or can not be written.
    """
    with disk_errors(root):
        if root.exists() and any(root.iterdir()):
            raise UsageProblem(f"`{root}` is not empty, expected a new folder", hint="choose another folder")
        config = RegistryConfig(id=str(uuid.uuid4()), name=name)
        write_durably(root / "config.json", json.dumps(config.plain(), sort_keys=True).encode() + b"\n")
    return DirectoryRegistry(name, root)


def _manifest_label(line: IndexLine) -> str:
    return f"{line.name} {line.version}: miva.json"


def _read_bounded(path: Path, max_bytes: int) -> bytes | None:
    """The content of a file, or None where there is none; one byte more than allowed is enough to refuse it."""
    try:
        with path.open("rb") as file:
            return file.read(max_bytes + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise MivaError(f"cannot read `{path}`: {error.strerror}", hint="look at its permissions") from error
