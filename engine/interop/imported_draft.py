"""The draft folder of an adapter from elsewhere: what `publish` needs, and what was assumed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from engine.adapters.weights import adapter_bytes
from engine.toml_text import toml_text
from engine.training.draft import RELEASE_NAME, SPEC_NAME, WEIGHTS_NAME, write_file
from registry_schema.digests import Digest
from registry_schema.errors import Busy

if TYPE_CHECKING:
    from pathlib import Path

    from engine.interop.checkpoint_import import Imported
    from registry_schema.names import AdapterName

REPORT_NAME = "import-report.json"
REPORT_SCHEMA = "miva.import-report/1"


def write_imported_draft(folder: Path, imported: Imported, name: AdapterName, *, source: Path) -> None:
    """Write the draft, its weights last; a `release.toml` that is there already is the person's own and stays.

    Args:
        folder: made if missing.
        imported: the adapter.
        name: to publish under.
        source: the file it came from.

    Raises:
        Busy: the folder holds an adapter already.
        IntegrityProblem: a weight is not finite.
    """
    if (folder / WEIGHTS_NAME).exists():
        msg = f"`{folder}` holds an adapter already"
        raise Busy(msg, hint="choose another folder with `-o`, or remove it")
    weights = adapter_bytes(imported.adapter, {}, dtype=_dtype(imported))
    folder.mkdir(parents=True, exist_ok=True)
    write_file(folder / SPEC_NAME, _json(imported.adapter.spec.plain()))
    write_file(folder / REPORT_NAME, _json(_report(imported, source)))
    if not (folder / RELEASE_NAME).exists():
        write_file(folder / RELEASE_NAME, toml_text(_release(imported, name)).encode())
    write_file(folder / WEIGHTS_NAME, weights)


def _dtype(imported: Imported) -> Any:  # noqa: ANN401 - torch is not named above the engine's lower layers
    """The widest format of the file: nothing is rounded, nothing is blown up."""
    return max((tensor.dtype for tensor in imported.adapter.parameters()), key=lambda dtype: dtype.itemsize)


def _report(imported: Imported, source: Path) -> dict[str, Any]:
    with source.open("rb") as stream:
        digest = Digest.of_stream(stream)
    return {
        "schema": REPORT_SCHEMA,
        "file": source.name,
        "digest": str(digest),
        "tensors": imported.tensors,
        "step": imported.step,
        "notes": list(imported.notes),
    }


def _release(imported: Imported, name: AdapterName) -> dict[str, Any]:
    """What a person is asked to check before publishing; the licence is the base's, as a start."""
    motion = imported.adapter.spec.motion
    return {
        "name": str(name),
        "version": "0.1.0",
        "title": name.name.replace("-", " ").capitalize(),
        "summary": f"{motion[:1].upper()}{motion[1:]}, imported from a checkpoint",
        "licence": str(imported.base.licence),
        "authors": [],
        "tags": [],
    }


def _json(document: dict[str, Any]) -> bytes:
    return (json.dumps(document, ensure_ascii=False, indent=2, sort_keys=True, allow_nan=False) + "\n").encode()
