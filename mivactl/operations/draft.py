"""A draft: the folder that `train` writes and `publish` reads.

| file | what |
|---|---|
| `adapter.safetensors` | the weights |
| `adapter.json` | an `AdapterSpec`: what the weights are |
| `release.toml` | a `Release`: name, version, words for people; to be edited by hand |
| `training.json` | optional: a `TrainingRecord`, how the weights came to be |
| `README.md`, `LICENSE`, `recipe.toml`, `report.json` | optional |
| `preview*.png`, `preview*.webp`, `preview*.gif`, `preview*.mp4` | optional |
| the same with `.json` behind | optional: the `Receipt` of that preview, which this adapter made |

Everything else in the folder stays where it is.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import Field

from registry_schema import strict_json
from registry_schema.adapter_spec import AdapterSpec
from registry_schema.document import Document
from registry_schema.errors import NotFound, SchemaError, UsageProblem
from registry_schema.manifest import Tag, TrainingRecord
from registry_schema.names import AdapterName
from registry_schema.receipt import Receipt
from registry_schema.text import Licence, Line
from registry_schema.versions import Version, VersionRange

if TYPE_CHECKING:
    from pathlib import Path

    from registry_schema.files import FileKind

WEIGHTS: Final = "adapter.safetensors"
_SPEC: Final = "adapter.json"
_RELEASE: Final = "release.toml"
_TRAINING: Final = "training.json"
_DOCUMENT_BYTES_MAX: Final = 64 * 1024
_KINDS: Final[dict[str, FileKind]] = {
    WEIGHTS: "weights",
    "README.md": "readme",
    "LICENSE": "licence",
    "LICENCE": "licence",
    "recipe.toml": "recipe",
    "report.json": "report",
}
_PREVIEW_STARTS: Final = {
    ".png": b"\x89PNG\r\n\x1a\n",
    ".gif": b"GIF8",
    ".webp": b"RIFF",
    ".mp4": b"",
}


class Release(Document):
    """What a person says about a version: the content of `release.toml`."""

    name: AdapterName
    version: Version
    title: Annotated[str, Line(80)]
    summary: Annotated[str, Line(200)]
    licence: Licence
    authors: Annotated[tuple[Annotated[str, Line(100)], ...], Field(max_length=16)] = ()
    tags: Annotated[tuple[Tag, ...], Field(max_length=16)] = ()
    requires: VersionRange = VersionRange()


@dataclass(frozen=True)
class Draft:
    """A draft as read: its documents, the files to publish by name, the receipts among them, and the names left out."""

    folder: Path
    release: Release
    spec: AdapterSpec
    training: TrainingRecord | None
    files: dict[str, FileKind]
    receipts: dict[str, Receipt]
    left_out: tuple[str, ...]


def read_draft(folder: Path) -> Draft:
    """The draft in `folder`.

    Raises:
        NotFound: the folder or one of its files is missing.
        SchemaError: a document is not valid.
        IntegrityProblem: a receipt that was edited.
        UsageProblem: a file that can not be published.
    """
    if not folder.is_dir():
        raise NotFound(f"no folder `{folder}`", hint="give the folder that `mivactl train` wrote")
    spec = AdapterSpec.of(_parse_json(folder, _SPEC), source=_SPEC)
    release = Release.of(_parse_toml(_read(folder, _RELEASE)), source=_RELEASE)
    training = None
    if (folder / _TRAINING).exists():
        training = TrainingRecord.of(_parse_json(folder, _TRAINING), source=_TRAINING)
    if not (folder / WEIGHTS).is_file():
        raise _missing(folder, WEIGHTS)
    kinds = {path.name: _kind(path) for path in sorted(folder.iterdir())}
    files = {name: kind for name, kind in kinds.items() if kind is not None}
    known = {*files, _SPEC, _RELEASE, _TRAINING}
    left_out = tuple(name for name in kinds if name not in known and not name.startswith("."))
    receipts = {name: _receipt(folder, name) for name, kind in files.items() if kind == "receipt"}
    return Draft(folder, release, spec, training, files, receipts, left_out)


def _kind(path: Path) -> FileKind | None:
    kind = _KINDS.get(path.name)
    if _names_preview(path):
        kind = "preview"
    elif path.suffix == ".json" and _names_preview(path.with_suffix("")) and path.with_suffix("").exists():
        kind = "receipt"
    if kind is None:
        return None
    if path.is_symlink() or not path.is_file():
        raise UsageProblem(f"`{path}` is not a plain file, expected one", hint="copy the file itself into the draft")
    if kind == "preview":
        check_preview(path)
    return kind


def _names_preview(path: Path) -> bool:
    return path.name.startswith("preview") and path.suffix in _PREVIEW_STARTS


def check_preview(path: Path) -> None:
    """Return when a file is the picture or clip that its name says; raises `UsageProblem`."""
    start_of_kind = _PREVIEW_STARTS.get(path.suffix)
    if start_of_kind is None:
        raise UsageProblem(
            f"`{path}` is no preview, expected {', '.join(f'`{suffix}`' for suffix in _PREVIEW_STARTS)}",
            hint="save it as one of these",
        )
    with path.open("rb") as file:
        start = file.read(12)
    is_mp4 = path.suffix == ".mp4" and start[4:8] == b"ftyp"
    if not (is_mp4 or (path.suffix != ".mp4" and start.startswith(start_of_kind))):
        raise UsageProblem(f"`{path}` does not hold what its name says", hint="leave it out, or save it again")


def _receipt(folder: Path, name: str) -> Receipt:
    receipt = Receipt.parse(_read(folder, name), source=name)
    receipt.verify()
    return receipt


def _parse_json(folder: Path, name: str) -> object:
    return strict_json.parse(_read(folder, name), max_bytes=_DOCUMENT_BYTES_MAX, source=name)


def _parse_toml(content: bytes) -> object:
    try:
        return tomllib.loads(content.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SchemaError(f"{_RELEASE}: not TOML: {error}", hint="write one `key = value` a line") from error


def _read(folder: Path, name: str) -> bytes:
    try:
        with (folder / name).open("rb") as file:
            content = file.read(_DOCUMENT_BYTES_MAX + 1)
    except OSError as error:
        raise _missing(folder, name) from error
    if len(content) > _DOCUMENT_BYTES_MAX:
        raise SchemaError(f"{name}: is longer than {_DOCUMENT_BYTES_MAX} bytes", hint="keep only its fields in it")
    return content


def _missing(folder: Path, name: str) -> NotFound:
    return NotFound(f"draft `{folder}` has no `{name}`", hint="give the folder that `mivactl train` wrote")
