"""The manifest's words for imported tensors: ranks from shapes, the rest from what the authors' code does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from registry_schema.adapter_spec import (
    AdapterSpec,
    CrossFrameAttentionSpec,
    FixedWeighting,
    ImplicitPromptSpec,
    LearnedWeighting,
    MaskStreamSpec,
    RegionSpec,
    TemporalLoraSpec,
)
from registry_schema.errors import Incompatible
from registry_schema.ranks import MAX_RANK, Ranks
from registry_schema.sampling import SamplingHints

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from engine.requests import ImportChoices
    from registry_schema.base_spec import BaseSpec


def checkpoint_spec(
    source: str, tensors: Mapping[str, Tensor], base: BaseSpec, choices: ImportChoices
) -> tuple[AdapterSpec, tuple[str, ...]]:
    """What an adapter of these tensors is, and what had to be assumed.

    Raises:
        Incompatible: a part of every MIVA is missing, or a rank is out of bounds.
    """
    notes: list[str] = []
    wan = base.family == "wan"
    ranks = Ranks(
        cross_frame_attention=_cross_frame_rank(source, tensors),
        implicit_prompt=_rank(source, tensors, ".ca.down.weight", "the implicit prompt (`CA2`)"),
        temporal_lora=None if wan else _rank(source, tensors, ".lora_A.weight", "the temporal updates", within=".tsa."),
        mask_stream=_mask_rank(source, tensors),
    )
    attention = CrossFrameAttentionSpec(
        combine=choices.combine,
        placement="sequential" if wan else "parallel",
        query_bias="own" if any(name.endswith(".cfa.q.bias") for name in tensors) else None,
        weighting=_weighting(tensors, choices, notes),
    )
    alpha = 1.0 if choices.lora_alpha is None else choices.lora_alpha
    why = "as the authors' code does" if choices.combine == "joint" else "because you asked for it"
    notes.append(f"the references are combined `{choices.combine}`, {why}")
    if wan and ranks.cross_frame_attention != "full":
        scale = "1, alpha = rank" if choices.lora_alpha is None else f"{choices.lora_alpha:g} / rank"
        notes.append(f"low-rank updates act at {scale}: the file does not say")
    notes.append(f"the noise schedule is that of base `{base.name}`: the file does not say")
    if not wan and base.motion_norm is None:
        notes.append(
            f"the authors' motion modules normalise frame by frame, those of base `{base.name}` all frames together: "
            "motion may differ"
        )
    masked = ranks.mask_stream is not None
    if masked:
        notes.append("attention keeps to the masks as the authors' configuration for this base has it")
    spec = AdapterSpec(
        base=base.base_identity,
        masked=masked,
        motion=choices.motion,
        ranks=ranks,
        cross_frame_attention=attention,
        implicit_prompt=ImplicitPromptSpec(words=choices.motion, query_bias="none" if wan else None),
        temporal_lora=None if wan else TemporalLoraSpec(alpha=alpha),
        mask_stream=_mask_stream(tensors, wan=wan) if masked else None,
        clip=base.clip,
        noise_schedule=base.noise_schedule,
        sampling=SamplingHints(),
        motion_norm=base.motion_norm,
    )
    return spec, tuple(notes)


def _weighting(
    tensors: Mapping[str, Tensor], choices: ImportChoices, notes: list[str]
) -> LearnedWeighting | FixedWeighting:
    if any(".cfa.lambda." in name for name in tensors):
        notes.append(f"the temperature of the reference weights is {choices.temperature:g}: the file does not say")
        return LearnedWeighting(temperature=choices.temperature)
    notes.append("there is no weighting module: both references count one half")
    return FixedWeighting(first=0.5)


def _mask_stream(tensors: Mapping[str, Tensor], *, wan: bool) -> MaskStreamSpec:
    """The options of the authors' examples: on AnimateDiff masks look at pictures, and a mask along time is unused."""
    on_unet = RegionSpec(self_attention="soft", temporal="off", prompt="hard")
    return MaskStreamSpec(
        image_guidance=not wan,
        background_prompt=any(".ca_bg." in name for name in tensors),
        regions=RegionSpec(self_attention="soft") if wan else on_unet,
    )


def _mask_rank(source: str, tensors: Mapping[str, Tensor]) -> int | Literal["full"] | None:
    """Of the mask stream; None where the file has none."""
    mine = {name: tensor for name, tensor in tensors.items() if name.startswith("mmiva.")}
    if not mine:
        return None
    if any(name.endswith(".cfa.o.lora_A.weight") for name in mine):
        return _rank(source, mine, ".cfa.o.lora_A.weight", "the mask stream")
    if any(name.endswith(".cfa.o.weight") for name in mine):
        return "full"
    msg = f"{source}: has {len(mine)} tensors of a mask stream, and none of its output, which every M-MIVA has"
    raise Incompatible(msg, hint="the file is one part of a checkpoint")


def _cross_frame_rank(source: str, tensors: Mapping[str, Tensor]) -> int | Literal["full"]:
    mine = {name: tensor for name, tensor in tensors.items() if name.startswith("miva.")}
    if any(name.endswith(".cfa.o.lora_A.weight") for name in mine):
        return _rank(source, mine, ".cfa.o.lora_A.weight", "the cross-frame attention")
    if any(name.endswith(".cfa.o.weight") for name in mine):
        return "full"
    msg = f"{source}: has no output of the cross-frame attention, which every MIVA has"
    raise Incompatible(msg, hint="the file is one part of a checkpoint")


def _rank(source: str, tensors: Mapping[str, Tensor], tail: str, what: str, *, within: str = "") -> int:
    """Rows of the first such tensor; the strict check finds others that differ."""
    found = next((tensor for name, tensor in tensors.items() if name.endswith(tail) and within in name), None)
    if found is None:
        msg = f"{source}: has no tensors of {what}, which every MIVA has"
        raise Incompatible(msg, hint="the file is one part of a checkpoint")
    rank = int(found.shape[0]) if found.dim() == 2 else 0
    if not 1 <= rank <= MAX_RANK:
        msg = f"{source}: {what} has rank {rank}, expected 1 to {MAX_RANK}"
        raise Incompatible(msg)
    return rank
