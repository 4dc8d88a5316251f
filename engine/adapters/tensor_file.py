"""Writing and reading a safetensors file: same tensors, same bytes; nothing hostile, nothing that is no number."""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING

import safetensors.torch
import torch

from engine.device import aligned
from registry_schema.errors import IntegrityProblem, NotFound
from registry_schema.safetensors_header import TensorHeader, read_header

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor

    from registry_schema.digests import Digest


def tensor_file_bytes(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> bytes:
    """A safetensors file as bytes, a pure function of its contents.

    safetensors writes metadata in the order of a hash table that differs from process to process; the header is
    written again with sorted keys.
    """
    blob = safetensors.torch.save({name: tensor.contiguous() for name, tensor in tensors.items()})
    (length,) = struct.unpack("<Q", blob[:8])
    header = json.loads(blob[8 : 8 + length])
    if metadata:
        header["__metadata__"] = dict(metadata)
    text = json.dumps(header, sort_keys=True, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + blob[8 + length :]


def read_tensor_header(path: Path) -> TensorHeader:
    """What the file claims, after the header gate.

    Raises:
        NotFound: there is no such file.
        IntegrityProblem: the header is hostile, broken or over a limit.
    """
    try:
        with path.open("rb") as stream:
            return read_header(stream, path.stat().st_size, source=path.name)
    except FileNotFoundError as error:
        msg = f"weights file `{path}` is not there"
        raise NotFound(msg) from error


def read_tensors(path: Path) -> dict[str, Tensor]:
    """All tensors of a file that passed `read_tensor_header`.

    Raises:
        IntegrityProblem: the file changed in between.
    """
    try:
        return {name: aligned(tensor) for name, tensor in safetensors.torch.load_file(path).items()}
    except safetensors.SafetensorError as error:
        msg = f"{path.name}: can not be read as safetensors"
        raise IntegrityProblem(msg, hint="the file changed while it was read; run again") from error


def require_finite(tensors: Mapping[str, Tensor], *, source: str) -> None:
    """Make sure that every number is one.

    Raises:
        IntegrityProblem: names the first tensor with an infinity or a NaN.
    """
    for name, tensor in tensors.items():
        if not torch.isfinite(tensor).all():
            msg = f"{source}: tensor `{name}` has values that are not finite numbers"
            raise IntegrityProblem(msg, hint="the adapter is broken: train or download it again")


class FiniteVerdicts:
    """Remembers by digest which files were found finite, as empty files in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def knows(self, digest: Digest) -> bool:
        """Whether the file with `digest` was scanned before and found finite."""
        return self._place(digest).exists()

    def remember(self, digest: Digest) -> None:
        """Note that the file with `digest` is finite."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._place(digest).touch()

    def _place(self, digest: Digest) -> Path:
        return self._folder / f"{digest.hex}.finite"
