"""What a metric is: facts that are printed beside every number, and a score of a clip."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from engine.metrics.sample import Sample

Direction = Literal["up", "down", "none"]
Tier = Literal["reference", "proxy", "own"]


@dataclass(frozen=True, kw_only=True)
class MetricFacts:
    """What a number means.

    Attributes:
        name: `vbench:...` and `evalcrafter:...` are published metrics; `proxy:...` stands in for one without a model;
            `own:...` are ours. No column holds two of them.
        title: in words.
        unit: of the value; empty for a pure number.
        direction: whether more is better, less is, or neither.
        source: where the formula is from.
        version: raised when the same clip would get another number.
        weights: names in `published_weights.json` of what it needs.
        verified: whether it was compared with the published implementation and its weights; False is printed.
    """

    name: str
    title: str
    unit: str
    direction: Direction
    source: str
    version: int = 1
    weights: tuple[str, ...] = ()
    verified: bool = True

    @property
    def tier(self) -> Tier:
        """Which of the three kinds of metric it is."""
        prefix = self.name.partition(":")[0]
        return "proxy" if prefix == "proxy" else "own" if prefix == "own" else "reference"


@dataclass(frozen=True)
class Score:
    """One number about a clip, and the numbers of its frames, or of pairs of them, where it is their mean."""

    value: float
    per_frame: tuple[float, ...] = ()

    @classmethod
    def mean_of(cls, values: tuple[float, ...]) -> Score:
        """The mean of some numbers, and they themselves."""
        return cls(sum(values) / len(values), values)


class Metric(Protocol):
    """Something that can be measured of a clip."""

    @property
    def facts(self) -> MetricFacts:
        """What the number means."""

    def score(self, sample: Sample) -> Score | None:
        """The number; None where it does not apply, because a mask or a reference is missing."""
