"""What a mask stream costs, from shapes: trained numbers, operations of a run, decoding of masks, bytes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

import diffusers
import torch
from torch.utils.flop_counter import FlopCounterMode

from engine.adapters.attach import attached
from engine.adapters.composition import Composition
from engine.bases.base_folder import CONFIG_NAME
from engine.bases.denoiser import empty_model
from engine.bases.regions import Regions
from engine.count_requests import MaskedCount, MaskedRun
from engine.counting.attention_kernel import attention_by, fused_attention
from engine.counting.blueprint import counted_adapter
from engine.counting.live_bytes import LiveBytes
from engine.counting.operations import count_operations
from engine.counting.training_bytes import training_bytes
from engine.shapes import latent_shape

if TYPE_CHECKING:
    from torch import Tensor

    from engine.adapters.miva import MivaAdapter
    from engine.bases.base import Base
    from engine.counting.blueprint import Blueprint
    from engine.counting.budgets import Budget
    from engine.progress import Progress

STEPS: Final = 50
EVALUATIONS: Final = (8, 50)
FORMS: Final = {
    "hard": [f"masks.{layer}=hard" for layer in ("cross_frame_attention", "temporal", "prompt")],
    "usual": [],
    "soft": ["masks.self_attention=soft"],
}
PARTS: Final = {"self": "mask_stream", "cross": "background_prompt"}


def count_masks(plan: Blueprint, base: Base, budget: Budget, progress: Progress) -> MaskedCount:
    """What masks add on a base of shapes, for the clip it is made for."""
    adapter = counted_adapter(base, masked=True)
    noisy, timestep = empty_latents(base, rows=2)
    regions = empty_regions(base)
    bare = count_operations(base, noisy[:1], timestep[:1])
    with progress.phase("counting masks", None):
        with attached(base, Composition.of(adapter.to(base.dtype).eval())):
            first = count_operations(base, noisy, timestep, streams=2)
        runs = [run for form in FORMS for run in _runs(base, form, (bare, first), budget)]
        training = training_bytes(base, counted_adapter(base, masked=True), noisy, timestep, streams=2, regions=regions)
        return MaskedCount(
            parts=count_mask_parts(base, adapter),
            runs=tuple(runs),
            decoders=decoder_operations(plan),
            step_operations=bare,
            forward=forward_bytes(base, adapter, noisy, timestep, regions),
            training=training,
            peak_at_most=budget.masked_peak,
        )


def count_mask_parts(base: Base, adapter: MivaAdapter) -> dict[str, int]:
    """Trained numbers of each part of a mask stream."""
    counts: dict[str, int] = {}
    for site in base.sites():
        if site.path in adapter.mask_parts:
            numbers = sum(tensor.numel() for tensor in adapter.mask_parts[site.path].parameters())
            counts[PARTS[site.kind]] = counts.get(PARTS[site.kind], 0) + numbers
    return counts


def empty_latents(base: Base, *, rows: int = 1) -> tuple[Tensor, Tensor]:
    """Latents of one clip, in one stream or several, and timesteps, of shapes alone."""
    shape = latent_shape(base.spec.clip, base.spec.latent)
    axes = (rows, shape.channels, shape.frames, shape.height, shape.width)
    return torch.empty(axes, device="meta"), torch.empty(rows, device="meta")


def empty_regions(base: Base) -> Regions:
    """One mask for one clip, of shapes alone."""
    shape = latent_shape(base.spec.clip, base.spec.latent)
    return Regions(torch.empty((1, 1, shape.frames, shape.height, shape.width), device="meta"))


@torch.no_grad()
def forward_bytes(base: Base, adapter: MivaAdapter, noisy: Tensor, timestep: Tensor, regions: Regions) -> int:
    """Bytes of tensors at the peak of one evaluation of masks, weights aside, with kernels that keep no matrix."""
    weights = [*base.denoiser.parameters(), *base.denoiser.buffers(), *adapter.parameters()]
    live = LiveBytes(apart=weights)
    with attached(base, Composition.of(adapter)), attention_by(fused_attention), live:
        base.predict(noisy, timestep, streams=2, regions=regions)
    return live.most


def decoder_operations(plan: Blueprint) -> dict[str, int]:
    """Operations of decoding the masks of one evaluation, by decoder; those that a base does not have are left out."""
    shape = latent_shape(plan.spec.clip, plan.spec.latent)
    cells = shape.frames * shape.height * shape.width
    counts = {"probe": 2 * shape.channels * cells}
    if plan.spec.latent.temporal == 1 and _is_learned(plan):
        with torch.device("meta"):
            tiny = diffusers.AutoencoderTiny(latent_channels=shape.channels)
        counts["tiny"] = _decoding(tiny, (shape.frames, shape.channels, shape.height, shape.width))
    if plan.autoencoder is not None and _is_learned(plan):
        model = getattr(diffusers, json.loads((plan.autoencoder / CONFIG_NAME).read_text())["_class_name"])
        whole = empty_model(model, plan.autoencoder)
        clips = plan.spec.latent.temporal > 1
        axes = (1, shape.channels, shape.frames) if clips else (shape.frames, shape.channels)
        counts["vae"] = _decoding(whole, (*axes, shape.height, shape.width))
    return counts


def _is_learned(plan: Blueprint) -> bool:
    if plan.autoencoder is None:
        return False
    return "_class_name" in json.loads((plan.autoencoder / CONFIG_NAME).read_text())


@torch.no_grad()
def _decoding(model: torch.nn.Module, shape: tuple[int, ...]) -> int:
    counter = FlopCounterMode(display=False)
    with counter:
        model.eval().decode(torch.empty(shape, device="meta"))  # type: ignore[operator]
    return counter.get_total_flops()


def _runs(base: Base, form: str, known: tuple[int, int], budget: Budget) -> list[MaskedRun]:
    """Runs whose first step, an evaluation, knows no masks yet: `known` are a step of the bare base and that one."""
    bare, first = known
    adapter = counted_adapter(base, masked=True, wishes=FORMS[form]).to(base.dtype).eval()
    noisy, timestep = empty_latents(base, rows=2)
    regions = empty_regions(base)
    with attached(base, Composition.of(adapter)):
        evaluation = count_operations(base, noisy, timestep, streams=2, regions=regions)
        step = count_operations(base, noisy[:1], timestep[:1], regions=regions)
    probe = 2 * noisy[0].numel()
    runs = []
    for count in EVALUATIONS:
        total = first + (count - 1) * evaluation + (STEPS - count) * step + count * probe
        ratio = total / (STEPS * bare)
        runs.append(MaskedRun(form, count, STEPS, ratio, budget.masked_ratio.get((form, count))))
    return runs
