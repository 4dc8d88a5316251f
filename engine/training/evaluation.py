"""What a look at a run in progress finds, and which of all looks has the weights to keep. Pure."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from engine.training.run_log import LogValue

MOTION_AT_LEAST: Final = 0.5
MOTION_AT_MOST: Final = 2.0
DRIFT_AT_MOST: Final = 6.0
"""Decibels by which previews may be further from their first frame than the clips are from theirs."""
LOG_MARK: Final = "look"


@dataclass(frozen=True)
class Evaluation:
    """One look. None stands for what could not be measured.

    Attributes:
        step: steps done.
        loss: mean at fixed noise and timesteps, of clips that were held out if there are any.
        motion: mean optical flow of the previews, as a ratio to that of the clips.
        drift: decibels by which previews are further from their first frame than the clips are from theirs.
        copied: previews that end in a frame of a training clip rather than in their own picture.
    """

    step: int
    loss: float | None = None
    motion: float | None = None
    drift: float | None = None
    copied: int | None = None

    @property
    def objections(self) -> tuple[str, ...]:
        """What speaks against these weights, in words; none where nothing does."""
        found = []
        if self.loss is not None and not math.isfinite(self.loss):
            found.append("its loss is not finite")
        if self.motion is not None and not MOTION_AT_LEAST <= self.motion <= MOTION_AT_MOST:
            wanted = f"wanted {MOTION_AT_LEAST:g} to {MOTION_AT_MOST:g}"
            found.append(f"previews move {self.motion:.2f} times as much as the clips, {wanted}")
        if self.drift is not None and self.drift > DRIFT_AT_MOST:
            found.append(
                f"previews drift {self.drift:.1f} dB further from their picture than the clips, "
                f"wanted at most {DRIFT_AT_MOST:g}"
            )
        if self.copied:
            noun = "preview ends" if self.copied == 1 else "previews end"
            found.append(f"{self.copied} {noun} in a frame of a training clip")
        return tuple(found)

    @property
    def rank(self) -> tuple[int, float, int]:
        """Smaller is better: few objections, then a low loss, then a late step."""
        loss = self.loss if self.loss is not None and math.isfinite(self.loss) else math.inf
        return len(self.objections), loss, -self.step

    def record(self) -> dict[str, LogValue]:
        """Its line in the log; what is not a finite number is left out."""
        known = {key: value for key, value in asdict(self).items() if value is not None and math.isfinite(value)}
        return {LOG_MARK: True, **known}

    @classmethod
    def of(cls, record: Mapping[str, LogValue]) -> Evaluation:
        """The inverse of `record`."""
        return cls(**{field.name: record[field.name] for field in fields(cls) if field.name in record})  # type: ignore[arg-type]


@dataclass(frozen=True)
class Choice:
    """Whose weights are kept.

    Attributes:
        chosen: the look; None keeps the weights of the last step.
        looks: all of them, in order.
        reason: one sentence for a person.
    """

    chosen: Evaluation | None
    looks: tuple[Evaluation, ...]
    reason: str

    @property
    def rejected(self) -> tuple[tuple[Evaluation, str], ...]:
        """Every other look, and why it was not taken."""
        return tuple((look, _against(look, self.chosen)) for look in self.looks if look != self.chosen)


def best_of(looks: Iterable[Evaluation]) -> Evaluation | None:
    """The look with the best weights, none where there are no looks."""
    return min(looks, key=lambda look: look.rank, default=None)


def choose(looks: Sequence[Evaluation], *, keep_last: bool, available: Iterable[int]) -> Choice:
    """Whose weights to keep.

    Args:
        looks: in order.
        keep_last: the recipe wants the last weights, whatever was seen.
        available: steps whose weights are still there.
    """
    told = tuple(looks)
    if keep_last or not told:
        why = "the recipe asks for them" if keep_last else "nothing was looked at on the way"
        return Choice(None, told, f"the weights of the last step are kept: {why}")
    there = set(available)
    best = best_of(look for look in told if look.step in there)
    if best is None:
        return Choice(None, told, "the weights of the last step are kept: no others are left")
    if best.objections:
        return Choice(best, told, f"no look was free of objections, step {best.step} has the fewest: {_all(best)}")
    free = sum(not look.objections for look in told)
    noun = "look" if free == 1 else "looks"
    loss = "" if best.loss is None else f" has the lowest loss, {best.loss:.4g},"
    return Choice(best, told, f"step {best.step}{loss} of the {free} {noun} without objections")


def _against(look: Evaluation, chosen: Evaluation | None) -> str:
    if look.objections:
        return _all(look)
    if chosen is None:
        return "the last weights were kept instead"
    if look.loss is None or chosen.loss is None:
        return f"step {chosen.step} is later"
    return f"its loss is {look.loss:.4g}, that of step {chosen.step} is {chosen.loss:.4g}"


def _all(look: Evaluation) -> str:
    return "; ".join(look.objections)
