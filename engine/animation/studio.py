"""`Studio`: a base with adapters loaded, ready for any number of photos."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch

from engine.adapters.composition import Composition
from engine.adapters.tensor_file import FiniteVerdicts
from engine.adapters.weights import load_adapter
from engine.bases.base_folder import base_folder, read_base_spec
from engine.bases.catalog import base_sites, load_base
from engine.bases.compiling import COMPILING
from engine.bases.memory_saving import memory_needs, set_for
from engine.bases.memory_set import WHOLE
from engine.device import choose_device, choose_dtype
from registry_schema.errors import IntegrityProblem, UsageProblem

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from engine.adapters.miva import MivaAdapter
    from engine.bases.base import Base
    from engine.bases.memory_set import MemoryNeeds, MemorySet
    from engine.progress import Progress
    from engine.requests import AdapterUse, StudioRequest

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass(frozen=True)
class Studio:
    """A base, the adapters of a run, their composition at the weights that were asked for, and the base's folder."""

    base: Base
    uses: tuple[AdapterUse, ...]
    composition: Composition
    folder: Path

    @property
    def device(self) -> str:
        """Kind of device, as receipts name it."""
        return self.base.device.type

    @property
    def dtype(self) -> str:
        """What the denoiser computes in, as receipts name it."""
        return next(name for name, dtype in DTYPES.items() if dtype == self.base.dtype)

    @property
    def memory(self) -> str | None:
        """What saved memory, as receipts name it; None where nothing had to."""
        return None if self.base.memory == WHOLE else self.base.memory.name

    @property
    def moves_everything(self) -> bool:
        """Whether an adapter moves the whole picture (a camera, rain), so that nothing around it may stand still."""
        return any(use.spec.region == "whole" and use.record.weight != 0 for use in self.uses)

    @property
    def masked(self) -> tuple[AdapterUse, ...]:
        """The adapters that have a mask stream in this run, in its order."""
        return tuple(self.uses[index] for index in self.composition.masked)

    def at(self, weights: Sequence[float]) -> Studio:
        """The same base and adapters, all at other weights; receipts have those."""
        uses = tuple(
            replace(use, record=use.record.model_copy(update={"weight": weight}))
            for use, weight in zip(self.uses, weights, strict=True)
        )
        return replace(self, uses=uses, composition=self.weighted(weights))

    def weighted(self, weights: Sequence[float]) -> Composition:
        """The same adapters at other weights."""
        adapters = (adapter for adapter, _ in self.composition.entries)
        return Composition.on(self.base, tuple(zip(adapters, weights, strict=True)))


def open_studio(request: StudioRequest, progress: Progress) -> Studio:
    """Load a base and adapters.

    Raises:
        UsageProblem: a device this machine does not have, a format nobody knows, or a set that can not be compiled.
        NotFound, IntegrityProblem: a file, or a compiler, that is missing or broken.
        Incompatible: weights that do not fit the base.
    """
    device = _device(request.device)
    dtype = _dtype(request.dtype, device)
    memory = _memory(request, device, dtype, progress)
    with progress.phase("loading", 1 + len(request.adapters)) as phase:
        base = load_base(request.base, device=device, dtype=dtype, memory=memory)
        if request.compiled:
            base.compile()
            progress.note(COMPILING)
        phase.advance()
        loaded: dict[str, MivaAdapter] = {}
        for use in request.adapters:
            if use.record.weights not in loaded:
                loaded[use.record.weights] = _load(use, base, request)
            phase.advance()
    entries = tuple((loaded[use.record.weights], use.record.weight) for use in request.adapters)
    return Studio(base, request.adapters, Composition.on(base, entries), base_folder(request.base))


def _memory(request: StudioRequest, device: torch.device, dtype: torch.dtype, progress: Progress) -> MemorySet:
    def needs() -> MemoryNeeds:
        folder = base_folder(request.base)
        spec, sites = read_base_spec(folder), base_sites(folder)
        clip = request.clip or spec.clip
        needed = memory_needs(folder, sites, clip, spec.latent, dtype=dtype, adapters=len(request.adapters))
        streams = 1 + sum(use.spec.masked for use in request.adapters)
        return replace(needed, denoising=needed.denoising * streams)

    return set_for(request.memory, device, needs, progress=progress)


def _load(use: AdapterUse, base: Base, request: StudioRequest) -> MivaAdapter:
    verdicts = FiniteVerdicts(request.verdicts)
    finite = (verdicts, use.record.weights)
    try:
        return load_adapter(use.weights, use.spec, base.sites(), dtype=base.dtype, finite=finite).to(base.device)
    except IntegrityProblem as problem:
        # The store's files are named by digest, which tells a person nothing.
        told = problem.message.replace(use.weights.name, use.label)
        raise IntegrityProblem(told, hint=problem.hint) from problem


def _device(name: str) -> torch.device:
    best = choose_device()
    if name == "auto":
        return best
    if name not in {"cpu", best.type}:
        there = dict.fromkeys(("cpu", best.type))
        msg = f"device `{name}` is not on this machine, expected {', '.join(f'`{one}`' for one in there)} or `auto`"
        raise UsageProblem(msg, hint=_way_to(name))
    return torch.device(name)


def _way_to(device: str) -> str:
    """What is missing for a device, seen from torch."""
    if device == "cuda" and torch.version.cuda is None:
        return (
            f"this is torch {torch.__version__}, a build without CUDA; with an NVIDIA card run "
            f"`pip install --force-reinstall torch` as https://pytorch.org says, else pass `--device cpu`"
        )
    if device == "cuda":
        return "torch sees no CUDA device: look at `nvidia-smi`, or pass `--device cpu`"
    return "pass `--device auto`"


def _dtype(name: str, device: torch.device) -> torch.dtype:
    if name == "auto":
        return choose_dtype(device)
    if name not in DTYPES:
        msg = f"number format `{name}` is not known, expected one of {', '.join(DTYPES)} or `auto`"
        raise UsageProblem(msg)
    return DTYPES[name]
