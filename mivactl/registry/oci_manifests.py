"""What stands in an OCI registry: a model for each build as ModelPack has it, and the index of all of them.

Sources: OCI image specification 1.1 (manifest, descriptor, artifacts); CNCF ModelPack model-spec (media types, config).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from registry_schema import strict_json
from registry_schema.digests import Digest
from registry_schema.errors import SchemaError, UsageProblem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from registry_schema.attachments import Attachment
    from registry_schema.files import FileKind
    from registry_schema.manifest import Manifest

MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
MAX_MANIFEST_BYTES: Final = 4 << 20
"""What the distribution specification asks every registry to take."""
EMPTY: Final = b"{}"
_EMPTY_TYPE: Final = "application/vnd.oci.empty.v1+json"
_MODEL: Final = "application/vnd.cncf.model.manifest.v1+json"
_MODEL_CONFIG: Final = "application/vnd.cncf.model.config.v1+json"
_WEIGHTS: Final = "application/vnd.cncf.model.weight.v1.raw"
_FACTS: Final = "application/vnd.cncf.model.weight.config.v1.raw"
_WORDS: Final = "application/vnd.cncf.model.doc.v1.raw"
_PATH: Final = "org.cncf.model.filepath"
_ATTACHED: Final = "application/vnd.mivactl.attached.v1"
_INDEX: Final = "application/vnd.mivactl.index.v1+json"
_INDEX_FILE: Final = "application/vnd.mivactl.index.file.v1"
_TITLE: Final = "org.opencontainers.image.title"
_LAYER_TYPES: Final[Mapping[FileKind, str]] = {"weights": _WEIGHTS, "recipe": _FACTS, "receipt": _FACTS}


@dataclass(frozen=True)
class Layer:
    """A blob that a manifest names: its digest and size in bytes."""

    digest: Digest
    size: int


def model_config(manifest: Manifest, data: bytes) -> bytes:
    """The configuration of a build's model.

    Args:
        data: the exact bytes of `miva.json`.
    """
    digests = [Digest.of(data), *(entry.digest for entry in manifest.files)]
    described = {
        "descriptor": {
            "createdAt": str(manifest.created),
            "authors": list(manifest.authors),
            "family": "miva",
            "name": str(manifest.name),
            "version": manifest.key.tag,
            "licenses": [str(manifest.licence)],
            "title": manifest.title,
            "description": manifest.summary,
        },
        "config": {
            "architecture": str(manifest.adapter.base.name),
            "format": "safetensors",
            "capabilities": {"inputTypes": ["image"], "outputTypes": ["video"]},
        },
        "modelfs": {"type": "layers", "diffIds": [str(digest) for digest in digests]},
    }
    return _canonical(described)


def model_manifest(manifest: Manifest, data: bytes, config: bytes) -> bytes:
    """The OCI manifest of a build: `miva.json` first, then its files under their names.

    Args:
        data: the exact bytes of `miva.json`.
        config: what `model_config` gave.
    """
    notes = {_PATH: "miva.json", "dev.mivactl.manifest": "1"}
    own = {**_described(_FACTS, Layer(Digest.of(data), len(data))), "annotations": notes}
    layers = [
        {
            **_described(_LAYER_TYPES.get(entry.kind, _WORDS), Layer(entry.digest, entry.size)),
            "annotations": {_PATH: str(entry.path)},
        }
        for entry in manifest.files
    ]
    return _canonical(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "artifactType": _MODEL,
            "config": _described(_MODEL_CONFIG, Layer(Digest.of(config), len(config))),
            "layers": [own, *layers],
            "annotations": {
                _TITLE: f"{manifest.name} {manifest.key.tag}",
                "org.opencontainers.image.licenses": str(manifest.licence),
            },
        }
    )


def attached_manifest(attachment: Attachment, model: bytes) -> bytes:
    """The OCI manifest of an attached file: it keeps the file, and refers to the build's.

    Args:
        model: what `model_manifest` gave.
    """
    file = attachment.file
    layer = {**_described(_WORDS, Layer(file.digest, file.size)), "annotations": {_PATH: str(file.path)}}
    return _canonical(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "artifactType": _ATTACHED,
            "config": _described(_EMPTY_TYPE, Layer(Digest.of(EMPTY), len(EMPTY))),
            "layers": [layer],
            "subject": _described(MANIFEST, Layer(Digest.of(model), len(model))),
        }
    )


def attached_tag(attachment: Attachment, manifest: Manifest) -> str:
    """The tag of an attached file; `manifest` is that of its build."""
    return f"{manifest.key.tag}.attached-{attachment.file.digest.hex[:16]}"


def index_manifest(files: Mapping[str, Layer]) -> bytes:
    """The OCI manifest of the index: small files of the static layout, by path.

    Raises:
        UsageProblem: more than an OCI registry takes.
    """
    layers = [
        {**_described(_INDEX_FILE, layer), "annotations": {_TITLE: path}} for path, layer in sorted(files.items())
    ]
    data = _canonical(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "artifactType": _INDEX,
            "config": _described(_EMPTY_TYPE, Layer(Digest.of(EMPTY), len(EMPTY))),
            "layers": layers,
        }
    )
    if len(data) > MAX_MANIFEST_BYTES:
        raise UsageProblem(
            f"an index of {len(files)} files takes {len(data)} bytes, an OCI registry {MAX_MANIFEST_BYTES} at most",
            hint="publish to another prefix, or to an object store",
        )
    return data


def read_index_manifest(data: bytes, *, source: str) -> dict[str, Layer]:
    """The files of an index.

    Raises:
        SchemaError: it is no index, or is not valid.
    """
    value = strict_json.parse(data, max_bytes=MAX_MANIFEST_BYTES, source=source)
    if not isinstance(value, dict) or value.get("artifactType") != _INDEX or not isinstance(value.get("layers"), list):
        raise SchemaError(f"{source}: is no index of adapters, expected artifact type `{_INDEX}`")
    return dict(_read_layer(entry, f"{source}: layers[{place}]") for place, entry in enumerate(value["layers"]))


def _read_layer(entry: object, source: str) -> tuple[str, Layer]:
    if isinstance(entry, dict):
        notes, digest, size = entry.get("annotations"), entry.get("digest"), entry.get("size")
        path = notes.get(_TITLE) if isinstance(notes, dict) else None
        if isinstance(path, str) and isinstance(digest, str) and isinstance(size, int) and size >= 0:
            complaint = Digest.complaint(digest)
            if complaint is None:
                return path, Layer(Digest(digest), size)
    raise SchemaError(f"{source}: is no file of an index, expected a digest, a size and a title")


def _described(media_type: str, layer: Layer) -> dict[str, object]:
    return {"mediaType": media_type, "digest": str(layer.digest), "size": layer.size}


def _canonical(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
