"""Registries to make galleries of: builds with any words, files and states, published without a training."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

from PIL import Image

from mivactl.registry.directory import DirectoryRegistry, create_directory_registry
from registry_schema.digests import Digest
from registry_schema.files import FileEntry, FileName
from registry_schema.index import write_index
from registry_schema.manifest import Manifest
from registry_schema.names import AdapterName, RegistryName
from registry_schema.text import Licence
from registry_schema.versions import Version
from tests.mivactl.world import masked_spec
from tests.registry_schema import samples

if TYPE_CHECKING:
    from pathlib import Path

    from registry_schema.files import FileKind

KINDS: dict[str, FileKind] = {"README.md": "readme", "LICENSE": "licence", "recipe.toml": "recipe"}


def new_registry(folder: Path, name: str = "studio") -> DirectoryRegistry:
    return create_directory_registry(RegistryName(name), folder)


def publish(
    registry: DirectoryRegistry,
    name: str,
    version: str = "1.0.0",
    *,
    files: dict[str, bytes] | None = None,
    base: str = "nano",
    masked: bool = False,
    licence: str = "Apache-2.0",
    **words: Any,
) -> None:
    """Publish a build with these files beside its weights."""
    contents = {"adapter.safetensors": f"{name} {version} {base} {masked}".encode(), **(files or {})}
    entries = tuple(
        FileEntry(path=FileName(path), digest=Digest.of(content), size=len(content), kind=kind_of(path))
        for path, content in contents.items()
    )
    spec = masked_spec() if masked else samples.adapter_spec(samples.flow_base_spec() if base != "nano" else None)
    described = {"title": name.rpartition("/")[2].replace("-", " ").capitalize(), **words}
    manifest = samples.manifest().model_copy(
        update={
            "name": AdapterName(name),
            "version": Version(version),
            "licence": Licence(licence),
            "adapter": spec,
            "files": entries,
            **described,
        }
    )
    folder = registry.root.parent / "files"
    folder.mkdir(exist_ok=True)
    paths = {}
    for entry, content in zip(entries, contents.values(), strict=True):
        paths[entry.digest] = folder / entry.digest.hex
        paths[entry.digest].write_bytes(content)
    registry.publish(Manifest.parse(manifest.to_bytes()), paths)


def kind_of(path: str) -> FileKind:
    if path.startswith("preview"):
        return "preview"
    return "weights" if path.endswith(".safetensors") else KINDS[path]


def set_status(registry: DirectoryRegistry, name: str, **changes: Any) -> None:
    """Change the state of all builds of an adapter, as a withdrawal does."""
    path = registry.index_path(AdapterName(name))
    lines = registry.lines(AdapterName(name))
    path.write_bytes(write_index(line.model_copy(update=changes) for line in lines))


def picture(ending: str, *, colours: tuple[str, ...] = ("red",), size: tuple[int, int] = (16, 10)) -> bytes:
    """A picture of one colour, or a clip of several."""
    frames = [Image.new("RGBA" if ending == "webp" else "RGB", size, colour) for colour in colours]
    kept = BytesIO()
    more: dict[str, Any] = {"save_all": True, "append_images": frames[1:], "duration": 200, "loop": 0}
    frames[0].save(kept, ending, lossless=True, **(more if len(frames) > 1 else {}))
    return kept.getvalue()
