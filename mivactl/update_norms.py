"""How large the changes are that an adapter makes to its base: finite weights can still drown everything else.

A low-rank update `scale * B A` is at most `scale * |B| |A|` large (Frobenius norms are submultiplicative; Golub and Van
Loan, Matrix Computations, 2.3). It is held against a matrix whose entries have the variance 1 / columns, as layers have
when they are made and stay near to: its norm is the square root of its rows.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

    from numpy import float16, float32
    from numpy.typing import NDArray

    from registry_schema.adapter_spec import AdapterSpec
    from registry_schema.safetensors_header import TensorHeader, TensorInfo

MOST: Final = 100.0
"""How many times as large as a usual layer an update may be before a person is told; trained ones are below 2."""
_CHUNK_BYTES: Final = 8 << 20
_FIRST: Final = re.compile(r"(.*\.)(lora_A|down)\.weight")
_SECOND: Final = {"lora_A": "lora_B", "down": "up"}


def large_update(path: Path, spec: AdapterSpec, *, source: str) -> str:
    """A line about the largest update of an adapter file where that is no size for one; empty where it is.

    Args:
        path: a safetensors file that passed the header gate and whose values are finite.
        spec: what it holds.
        source: what the line calls it.
    """
    from registry_schema.safetensors_header import read_header

    with path.open("rb") as file:
        header = read_header(file, path.stat().st_size, source=source)
        largest, name = max(((ratio, name) for name, ratio in update_ratios(file, header, spec)), default=(0.0, ""))
    if not largest > MOST:  # a NaN is not for here to tell
        return ""
    return (
        f"{source}: `{name}` changes its layer by up to {largest:.0f} times what layers usually weigh, "
        f"expected at most {MOST:.0f}: clips, and adapters blended with it, may come out black"
    )


def update_ratios(file: BinaryIO, header: TensorHeader, spec: AdapterSpec) -> Iterator[tuple[str, float]]:
    """The size of each update as a multiple of a usual layer's, under the name of its first tensor."""
    norms = {name: _norm(file, header.data_offset, tensor) for name, tensor in header.tensors.items()}
    rank = spec.ranks.temporal_lora
    temporal = spec.temporal_lora.alpha / rank if spec.temporal_lora and rank else 1.0
    seconds = {}
    for name in norms:
        first = _FIRST.fullmatch(name)
        second = f"{first[1]}{_SECOND[first[2]]}.weight" if first else ""
        if second in norms:
            seconds[name] = second
    for name, norm in norms.items():
        if name in seconds:
            scale = temporal if ".tsa." in name else 1.0
            yield name, scale * norm * norms[seconds[name]] / _usual(header.tensors[seconds[name]])
        elif name not in seconds.values():
            yield name, norm / _usual(header.tensors[name])


def _usual(tensor: TensorInfo) -> float:
    """The norm of a usual layer of these rows; vectors are held against ones."""
    return math.sqrt(tensor.shape[0]) if tensor.shape else 1.0


def _norm(file: BinaryIO, data_offset: int, tensor: TensorInfo) -> float:
    """The Frobenius norm of a tensor; none of 64 bits overflows for finite values of at most 32."""
    import numpy as np

    file.seek(data_offset + tensor.begin)
    left_bytes, square = tensor.end - tensor.begin, 0.0
    while left_bytes:
        chunk = file.read(min(left_bytes, _CHUNK_BYTES))
        left_bytes -= len(chunk)
        square += float(np.square(_values(chunk, tensor.dtype), dtype=np.float64).sum())
    return math.sqrt(square)


def _values(chunk: bytes, dtype: str) -> NDArray[float16 | float32]:
    import numpy as np

    if dtype == "BF16":  # the upper half of a float of 32 bits
        return (np.frombuffer(chunk, "<u2").astype("<u4") << 16).view("<f4")
    return np.frombuffer(chunk, "<f2" if dtype == "F16" else "<f4")
