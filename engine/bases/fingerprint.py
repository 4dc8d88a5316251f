"""What a denoiser is, as digests: of its architecture and of its weights."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from registry_schema.compatibility import fingerprint
from registry_schema.digests import Digest
from registry_schema.errors import IntegrityProblem
from registry_schema.safetensors_header import read_header

if TYPE_CHECKING:
    from pathlib import Path

    from engine.bases.diffusers_types import DenoiserModel


def module_fingerprint(denoiser: DenoiserModel) -> Digest:
    """Fingerprint of a model in memory: names and shapes of all parameters and persistent buffers."""
    return fingerprint({name: tuple(tensor.shape) for name, tensor in denoiser.state_dict().items()})


def folder_fingerprint(folder: Path) -> Digest:
    """The same of a model on disk, from the headers of its safetensors files alone: nothing is loaded.

    Raises:
        IntegrityProblem: no safetensors file in `folder`, a broken one, or a tensor in two files.
    """
    shapes: dict[str, tuple[int, ...]] = {}
    for path in weight_files(folder):
        with path.open("rb") as stream:
            header = read_header(stream, path.stat().st_size, source=path.name)
        twice = sorted(shapes.keys() & header.tensors.keys())
        if twice:
            msg = f"{path.name}: tensor `{twice[0]}` is in another file too"
            raise IntegrityProblem(msg)
        shapes |= {name: info.shape for name, info in header.tensors.items()}
    return fingerprint(shapes)


def weights_digest(*folders: Path) -> Digest:
    """Digest of the weights in all `folders`: of the names and digests of their safetensors files.

    Raises:
        IntegrityProblem: a folder has none.
    """
    lines = []
    for path in (path for folder in folders for path in weight_files(folder)):
        with path.open("rb") as stream:
            lines.append(f"{path.name} {hashlib.file_digest(stream, 'sha256').hexdigest()}\n")
    return Digest.of("".join(lines).encode())


def weight_files(folder: Path) -> list[Path]:
    """The safetensors files of a diffusers model folder, by name.

    Raises:
        IntegrityProblem: there is none.
    """
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        msg = f"base folder `{folder}` has no safetensors file"
        raise IntegrityProblem(msg)
    return files
