"""The manifest's words for imported tensors: ranks from shapes, the rest from what the authors' code does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from registry_schema.adapter_spec import (
    AdapterSpec,
    CrossFrameAttentionSpec,
    FixedWeighting,
    ImplicitPromptSpec,
    LearnedWeighting,
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
    spec = AdapterSpec(
        base=base.base_identity,
        masked=False,
        motion=choices.motion,
        ranks=ranks,
        cross_frame_attention=attention,
        implicit_prompt=ImplicitPromptSpec(words=choices.motion, query_bias="none" if wan else None),
        temporal_lora=None if wan else TemporalLoraSpec(alpha=alpha),
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


def _cross_frame_rank(source: str, tensors: Mapping[str, Tensor]) -> int | Literal["full"]:
    if any(name.endswith(".cfa.o.lora_A.weight") for name in tensors):
        return _rank(source, tensors, ".cfa.o.lora_A.weight", "the cross-frame attention")
    if any(name.endswith(".cfa.o.weight") for name in tensors):
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
