"""What the engine is asked about costs and what it answers, from shapes alone; free of torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from registry_schema.clip_shape import ClipShape


@dataclass(frozen=True)
class CountRequest:
    """A question about the cost of adapters, answered from shapes.

    Attributes:
        base: its folder, or the name of one that is packaged or the paper's.
        most: adapters in the largest composition.
        masked: count what masks add, too.
    """

    base: Path | str
    most: int = 4
    masked: bool = False


@dataclass(frozen=True)
class CountedStep:
    """One denoising step.

    Attributes:
        adapters: how many are on the base.
        skip_first: whether they leave frame 0 out of cross-frame attention.
        operations: floating-point operations, two for each multiplication with addition.
        ratio: to the base's own.
        at_most: what the ratio may be; None where nothing is promised.
    """

    adapters: int
    skip_first: bool
    operations: int
    ratio: float
    at_most: float | None


@dataclass(frozen=True)
class TrainingBytes:
    """Bytes of training one adapter, batch 1, with gradient checkpointing.

    Attributes:
        weights: the frozen denoiser.
        adapter: its float32 tensors, their gradients, both moments of AdamW and the running average.
        saved: activations kept from the forward pass to the backward pass.
        transient: the most that is alive beyond all these, while a block is computed again.
    """

    weights: int
    adapter: int
    saved: int
    transient: int

    @property
    def peak(self) -> int:
        """All of it."""
        return self.weights + self.adapter + self.saved + self.transient


@dataclass(frozen=True)
class MaskedRun:
    """A whole run with one masked adapter, its masks evaluated in some of its steps; decoding is not in it.

    Attributes:
        form: `hard` labels everywhere, `usual` (soft, the base's own attention by labels), or `soft` everywhere.
        evaluations: of masks.
        steps: of the run.
        ratio: of its operations to those of the base's run.
        at_most: what the ratio may be; None where nothing is promised.
    """

    form: str
    evaluations: int
    steps: int
    ratio: float
    at_most: float | None


@dataclass(frozen=True, kw_only=True)
class MaskedCount:
    """What a mask stream adds to an adapter.

    Attributes:
        parts: trained numbers, by part.
        runs: of several forms.
        decoders: operations of one evaluation's decoding, by decoder.
        step_operations: of the bare base.
        forward: bytes of activations at the peak of one evaluation.
        training: bytes of training one masked adapter.
        peak_at_most: what that may need in all.
    """

    parts: Mapping[str, int]
    runs: tuple[MaskedRun, ...]
    decoders: Mapping[str, int]
    step_operations: int
    forward: int
    training: TrainingBytes
    peak_at_most: int | None


@dataclass(frozen=True, kw_only=True)
class CountResult:
    """What a base and its adapters cost.

    Attributes:
        base: its name.
        clip: what one step computes.
        dtype: the denoiser's number format.
        parameters: of the denoiser.
        parts: trained numbers of an adapter, by part.
        steps: the bare base first.
        training: bytes.
        saved_at_most: what saved activations may be; None where nothing is promised.
        peak_at_most: what training may need in all.
        masked: the same of masks, if that was asked for.
    """

    base: str
    clip: ClipShape
    dtype: str
    parameters: int
    parts: Mapping[str, int]
    steps: tuple[CountedStep, ...]
    training: TrainingBytes
    saved_at_most: int | None
    peak_at_most: int | None
    masked: MaskedCount | None = None
