"""`Studio`: a base with adapters loaded, ready for any number of photos."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from engine.adapters.composition import Composition
from engine.adapters.tensor_file import FiniteVerdicts
from engine.adapters.weights import load_adapter
from engine.bases.catalog import load_base
from engine.device import choose_device, choose_dtype
from registry_schema.errors import IntegrityProblem, UsageProblem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.adapters.miva import MivaAdapter
    from engine.bases.base import Base
    from engine.progress import Progress
    from engine.requests import AdapterUse, StudioRequest

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass(frozen=True)
class Studio:
    """A base, the adapters of a run, and their composition at the weights that were asked for."""

    base: Base
    uses: tuple[AdapterUse, ...]
    composition: Composition

    @property
    def device(self) -> str:
        """Kind of device, as receipts name it."""
        return self.base.device.type

    @property
    def dtype(self) -> str:
        """What the denoiser computes in, as receipts name it."""
        return next(name for name, dtype in DTYPES.items() if dtype == self.base.dtype)

    @property
    def moves_everything(self) -> bool:
        """Whether an adapter moves the whole picture (a camera, rain), so that nothing around it may stand still."""
        return any(use.spec.region == "whole" and use.record.weight != 0 for use in self.uses)

    def weighted(self, weights: Sequence[float]) -> Composition:
        """The same adapters at other weights."""
        adapters = (adapter for adapter, _ in self.composition.entries)
        return Composition(tuple(zip(adapters, weights, strict=True)))


def open_studio(request: StudioRequest, progress: Progress) -> Studio:
    """Load a base and adapters.

    Raises:
        UsageProblem: a device this machine does not have, or a format nobody knows.
        NotFound, IntegrityProblem: a file that is missing or broken.
        Incompatible: weights that do not fit the base.
    """
    device = _device(request.device)
    dtype = _dtype(request.dtype, device)
    with progress.phase("loading", 1 + len(request.adapters)) as phase:
        base = load_base(request.base, device=device, dtype=dtype)
        phase.advance()
        loaded: dict[str, MivaAdapter] = {}
        for use in request.adapters:
            if use.record.weights not in loaded:
                loaded[use.record.weights] = _load(use, base, request)
            phase.advance()
    entries = tuple((loaded[use.record.weights], use.record.weight) for use in request.adapters)
    return Studio(base, request.adapters, Composition(entries))


def _load(use: AdapterUse, base: Base, request: StudioRequest) -> MivaAdapter:
    verdicts = FiniteVerdicts(request.verdicts)
    try:
        return load_adapter(
            use.weights, use.spec, base.sites(), dtype=base.dtype, finite=(verdicts, use.record.weights)
        )
    except IntegrityProblem as problem:
        # The store's files are named by digest, which tells a person nothing.
        told = problem.message.replace(use.weights.name, use.label)
        raise IntegrityProblem(told, hint=problem.hint) from problem


def _device(name: str) -> torch.device:
    if name == "auto":
        return choose_device()
    best = choose_device()
    if name not in {"cpu", best.type}:
        msg = f"device `{name}` is not on this machine, expected `cpu`, `{best.type}` or `auto`"
        raise UsageProblem(msg, hint="leave the device to mivactl")
    return torch.device(name)


def _dtype(name: str, device: torch.device) -> torch.dtype:
    if name == "auto":
        return choose_dtype(device)
    if name not in DTYPES:
        msg = f"number format `{name}` is not known, expected one of {', '.join(DTYPES)} or `auto`"
        raise UsageProblem(msg)
    return DTYPES[name]
