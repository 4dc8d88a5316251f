"""Writes the published schemas: `python -m registry_schema.export` fills `json_schema/`; a test keeps them current.

Schema and model agree on names, types, bounds and patterns. Only the model knows rules between fields (`_agree`, sizes
per kind of file), that a date is in the calendar, that a licence is on the SPDX list, and the names of devices on
Windows; only it refuses a whole number written `5.0`. What is wrong with bytes (a key twice, NaN, depth) is refused
by `strict_json` before either is asked.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from registry_schema.advisories import Advisory
from registry_schema.attachments import Attachment
from registry_schema.base_spec import BaseSpec
from registry_schema.document import Document, RootDocument
from registry_schema.index import IndexLine
from registry_schema.lock import Lock
from registry_schema.manifest import Manifest
from registry_schema.preset import Preset
from registry_schema.receipt import Receipt
from registry_schema.signatures import Signatures
from registry_schema.signed_state import Checkpoint, Root, Snapshot

DIALECT = "https://json-schema.org/draft/2020-12/schema"
DOCUMENTS: dict[str, type[Document]] = {
    "advisory-line-1": Advisory,
    "attachment-line-2": Attachment,
    "base-1": BaseSpec,
    "checkpoint-1": Checkpoint,
    "index-line-1": IndexLine,
    "lock-1": Lock,
    "manifest-1": Manifest,
    "preset-1": Preset,
    "receipt-1": Receipt,
    "root-1": Root,
    "signatures-1": Signatures,
    "snapshot-1": Snapshot,
}
FOLDER = Path(__file__).parent / "json_schema"


def schema_of(model: type[Document]) -> dict[str, Any]:
    """The JSON Schema of a document; rules between fields are known to the model only."""
    schema = model.model_json_schema(schema_generator=GenerateJsonSchema)
    for part in (schema, *schema.get("$defs", {}).values()):
        _require_constants(part)
        for field in part.get("properties", {}).values():
            if "patternProperties" in field:
                field["additionalProperties"] = False
    if issubclass(model, RootDocument):
        schema["properties"] = {"schema": {"const": model.SCHEMA}, **schema["properties"]}
        schema["required"] = ["schema", *schema.get("required", [])]
    return {"$schema": DIALECT, **schema}


def schema_bytes(model: type[Document]) -> bytes:
    """The schema file of a document."""
    return (json.dumps(schema_of(model), indent=2, sort_keys=True) + "\n").encode()


def write_schemas(folder: Path = FOLDER) -> None:
    """Write one file per document into `folder`."""
    folder.mkdir(exist_ok=True)
    for name, model in DOCUMENTS.items():
        (folder / f"{name}.json").write_bytes(schema_bytes(model))


def _require_constants(part: dict[str, Any]) -> None:
    # `kind` and `v` have one legal value and a default in Python, but a document has to state them.
    constant = [name for name, field in part.get("properties", {}).items() if "const" in field]
    if constant:
        part["required"] = sorted({*part.get("required", []), *constant})


if __name__ == "__main__":
    write_schemas()
