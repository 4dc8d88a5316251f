"""`MivaAdapter` <-> one safetensors file; every tensor binds or nothing runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from engine.adapters.miva import MivaAdapter
from engine.adapters.tensor_file import (
    FiniteVerdicts,
    read_tensor_header,
    read_tensors,
    require_finite,
    tensor_file_bytes,
)
from registry_schema.errors import Incompatible

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from torch import Tensor

    from engine.bases.attention_site import AttentionSite
    from registry_schema.adapter_spec import AdapterSpec
    from registry_schema.digests import Digest

NAMED_AT_MOST = 5


def adapter_bytes(adapter: MivaAdapter, metadata: Mapping[str, str], *, dtype: torch.dtype = torch.float32) -> bytes:
    """An adapter file, a pure function of the adapter's tensors and `metadata`.

    Raises:
        IntegrityProblem: a tensor holds a value that is not finite in `dtype`.
    """
    tensors = {name: tensor.detach().to("cpu", dtype) for name, tensor in adapter.state_dict().items()}
    require_finite(tensors, source="adapter")
    return tensor_file_bytes(tensors, metadata)


def save_adapter(adapter: MivaAdapter, path: Path, metadata: Mapping[str, str]) -> None:
    """Write an adapter file; see `adapter_bytes`. The caller cares for atomic replacement."""
    path.write_bytes(adapter_bytes(adapter, metadata))


def load_adapter(
    path: Path,
    spec: AdapterSpec,
    sites: Sequence[AttentionSite],
    *,
    dtype: torch.dtype | None = None,
    finite: tuple[FiniteVerdicts, Digest] | None = None,
) -> MivaAdapter:
    """The adapter in a file, in eval mode, frozen, on the device of `sites`.

    Args:
        path: a safetensors file.
        spec: what it should hold.
        sites: of the base it will stand on.
        dtype: to keep its numbers in; as they are in the file if None. The base's own format runs fastest.
        finite: where to look up and note that the file, which has this digest, holds finite numbers only.

    Raises:
        NotFound: there is no such file.
        Incompatible: tensors are missing, too many, or of another shape than spec and sites ask for.
        IntegrityProblem: the file is broken, or holds values that are not finite.
    """
    adapter = require_binding(path, spec, sites)
    tensors = read_tensors(path)
    _check_finite(path.name, tensors, finite)
    device = sites[0].device
    placed = {name: tensor.to(device, dtype or tensor.dtype) for name, tensor in tensors.items()}
    adapter.load_state_dict(placed, strict=True, assign=True)
    return adapter.requires_grad_(requires_grad=False).eval()


def require_binding(path: Path, spec: AdapterSpec, sites: Sequence[AttentionSite]) -> MivaAdapter:
    """The adapter that a file would fill, without values: every tensor of the file has its place, and none is missing.

    Reads the file's header only; `sites` may lie on the meta device.

    Raises:
        NotFound, Incompatible, IntegrityProblem: as `load_adapter`.
    """
    header = read_tensor_header(path)
    adapter = MivaAdapter.empty(spec, sites)
    expected = _shapes(adapter)
    require_same_tensors(path.name, expected, {name: info.shape for name, info in header.tensors.items()})
    return adapter


def expected_tensors(spec: AdapterSpec, sites: Sequence[AttentionSite]) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the tensors that an adapter of this spec has; `sites` may lie on the meta device."""
    return _shapes(MivaAdapter.empty(spec, sites))


def _shapes(adapter: MivaAdapter) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in adapter.state_dict().items()}


def _check_finite(source: str, tensors: Mapping[str, Tensor], finite: tuple[FiniteVerdicts, Digest] | None) -> None:
    if finite is not None and finite[0].knows(finite[1]):
        return
    require_finite(tensors, source=source)
    if finite is not None:
        finite[0].remember(finite[1])


def require_same_tensors(
    source: str, expected: Mapping[str, tuple[int, ...]], found: Mapping[str, tuple[int, ...]]
) -> None:
    """Make sure that exactly the expected tensors are there, by name and shape.

    Raises:
        Incompatible: tensors are missing, too many, or of another shape.
    """
    missing = [name for name in expected if name not in found]
    if missing:
        msg = f"{source}: {len(missing)} of {len(expected)} tensors are missing: {_named(missing)}"
        raise Incompatible(msg, hint="it was made for another base or by another version")
    extra = [name for name in found if name not in expected]
    if extra:
        msg = f"{source}: {len(extra)} tensors have no place on this base: {_named(extra)}"
        raise Incompatible(msg, hint="it was made for another base or by another version")
    for name, shape in expected.items():
        if found[name] != shape:
            msg = f"{source}: tensor `{name}` has shape `{_size(found[name])}`, expected `{_size(shape)}`"
            raise Incompatible(msg, hint="it was made for another base or with other ranks")


def _named(names: Sequence[str]) -> str:
    shown = ", ".join(f"`{name}`" for name in names[:NAMED_AT_MOST])
    return shown if len(names) <= NAMED_AT_MOST else f"{shown} and {len(names) - NAMED_AT_MOST} more"


def _size(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
