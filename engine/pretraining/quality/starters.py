"""Where the weights of each motion's adapter lie: in a registry as it is published, or in a folder of drafts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from registry_schema import strict_json
from registry_schema.adapter_spec import AdapterSpec
from registry_schema.errors import NotFound
from registry_schema.index import read_index
from registry_schema.manifest import Manifest
from registry_schema.names import HOME_NAMESPACE

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from registry_schema.base_spec import BaseIdentity
    from registry_schema.digests import Digest

SPEC_NAME, WEIGHTS_NAME = "adapter.json", "adapter.safetensors"
MOST_BYTES = 1 << 16


@dataclass(frozen=True)
class Starter:
    """An adapter of one motion, as files."""

    motion: str
    spec: AdapterSpec
    weights: Path


def find_starters(folder: Path, motions: Iterable[str], base: BaseIdentity) -> dict[str, Starter]:
    """The adapters that there are for a base, by motion.

    Args:
        folder: a registry (`index/`, `manifests/`, `blobs/`; the newest active build counts), or one that holds a
            draft folder for each motion, as `mivactl train` writes it.
        motions: wanted.
        base: that they were trained on.

    Raises:
        NotFound: there is no such folder.
        SchemaError: a document in it is not valid.
    """
    if not folder.is_dir():
        raise NotFound(f"no folder `{folder}`", hint="give a registry, or a folder of drafts named by motion")
    find = _published if (folder / "index").is_dir() else _drafted
    found = {motion: find(folder, motion, base) for motion in motions}
    return {motion: starter for motion, starter in found.items() if starter is not None}


def _published(registry: Path, motion: str, base: BaseIdentity) -> Starter | None:
    index = registry / "index" / HOME_NAMESPACE / f"{motion}.jsonl"
    if not index.exists():
        return None
    lines = read_index(index.read_bytes(), source=str(index))
    fitting = [line for line in lines if line.base == base and line.status == "active" and not line.masked]
    if not fitting:
        return None
    newest = max(fitting, key=lambda line: line.version)
    manifest = Manifest.parse_published(_content(registry / "manifests", newest.manifest.digest).read_bytes())
    return Starter(motion, manifest.adapter, _content(registry / "blobs", manifest.weights.digest))


def _content(folder: Path, digest: Digest) -> Path:
    return folder / "sha256" / digest.hex[:2] / digest.hex[2:]


def _drafted(drafts: Path, motion: str, base: BaseIdentity) -> Starter | None:
    path = drafts / motion / SPEC_NAME
    if not path.exists():
        return None
    document = strict_json.parse(path.read_bytes(), max_bytes=MOST_BYTES, source=str(path))
    spec = AdapterSpec.of(document, source=str(path))
    return Starter(motion, spec, drafts / motion / WEIGHTS_NAME) if spec.base == base else None
