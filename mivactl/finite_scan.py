"""Finds weights that are not finite, by their exponents, a few megabytes at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from registry_schema.errors import IntegrityProblem

if TYPE_CHECKING:
    from typing import BinaryIO

    from registry_schema.safetensors_header import TensorHeader, TensorInfo

_CHUNK_BYTES: Final = 8 << 20
# A float is infinite or not a number when all bits of its exponent are set (IEEE 754, section 3.4).
_EXPONENTS: Final = {"F32": ("<u4", 0x7F80_0000), "F16": ("<u2", 0x7C00), "BF16": ("<u2", 0x7F80)}


def check_finite(file: BinaryIO, header: TensorHeader, *, source: str) -> None:
    """Pass a safetensors file all of whose values are finite.

    Args:
        file: the open, seekable file.
        header: what `read_header` made of it.
        source: what messages call it.

    Raises:
        IntegrityProblem: a NaN or an infinity, with the tensor it is in.
    """
    for name, tensor in header.tensors.items():
        if not _is_finite(file, header.data_offset, tensor):
            raise IntegrityProblem(
                f"{source}: tensor `{name}` holds a NaN or an infinity",
                hint="train it again with a lower learning rate; such weights give black frames",
            )


def _is_finite(file: BinaryIO, data_offset: int, tensor: TensorInfo) -> bool:
    import numpy as np

    kind, exponent = _EXPONENTS[tensor.dtype]
    file.seek(data_offset + tensor.begin)
    left_bytes = tensor.end - tensor.begin
    while left_bytes:
        chunk = file.read(min(left_bytes, _CHUNK_BYTES))
        values = np.frombuffer(chunk, dtype=kind)
        if bool(((values & exponent) == exponent).any()):
            return False
        left_bytes -= len(chunk)
    return True
