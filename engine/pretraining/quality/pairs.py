"""Two starters on one picture at several weights: does each move what is its own, and the more, the more it weighs?"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean
from typing import TYPE_CHECKING, Final

from engine.pretraining.quality.clip_motion import motion_of
from engine.pretraining.quality.real_clips import real_pair
from engine.pretraining.quality.strength import SMALLEST, flow_size, where_seen

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from jaxtyping import Bool, UInt8

    from engine.pretraining.quality.animator import Animator
    from engine.progress import Phase

WEIGHTS: Final = (0.25, 0.5, 0.75)
"""Of a starter, the other one having the rest."""
EVEN: Final = 0.5
CLIPS: Final = 2 + len(WEIGHTS)
"""That are made of each picture."""


@dataclass(frozen=True)
class Share:
    """One of two starters.

    Attributes:
        motion: its name.
        alone: mean flow in its region by itself, in pixels from a frame to the next.
        beside: the same together with the other starter, by this one's weight.
    """

    motion: str
    alone: float
    beside: Mapping[float, float]

    @property
    def kept(self) -> float:
        """Share of its motion that is left at even weights."""
        return self.beside[EVEN] / max(self.alone, SMALLEST)

    @property
    def rises(self) -> bool:
        """Whether there is more motion at every higher weight."""
        sizes = [self.beside[weight] for weight in WEIGHTS]
        return all(low < high for low, high in pairwise(sizes))


@dataclass(frozen=True)
class PairTrials:
    """A pair on several pictures that hold both subjects.

    Attributes:
        shares: of the first and of the second.
        frames: clips at even weights, one for each picture.
    """

    shares: tuple[Share, Share]
    frames: tuple[UInt8[np.ndarray, "f h w 3"], ...]

    @property
    def motions(self) -> tuple[str, str]:
        """Both names."""
        return self.shares[0].motion, self.shares[1].motion


def try_pair(pair: tuple[str, str], animator: Animator, *, pictures: int, phase: Phase) -> PairTrials:
    """Animate and measure; all sizes are means over the pictures.

    Args:
        pair: two motions with starters.
        animator: with both.
        pictures: how many.
        phase: told about every clip.
    """
    first, second = pair
    alone = animator.lone_weight
    runs = [{first: weight, second: 1 - weight} for weight in WEIGHTS]
    sizes: dict[tuple[float, float], list[tuple[float, float]]] = {}
    even = []
    for index in range(pictures):
        real = real_pair(first, second, index)
        where = where_seen(real[0]), where_seen(real[1])
        for weights in ({first: alone}, {second: alone}, *runs):
            frames = animator.animate(real[0].frames[0], weights, seed=real[0].seed)
            key = weights.get(first, 0.0), weights.get(second, 0.0)
            sizes.setdefault(key, []).append(_sizes(frames, where))
            if key == (EVEN, EVEN):
                even.append(frames)
            phase.advance()
    means = {key: tuple(fmean(of_one) for of_one in zip(*found, strict=True)) for key, found in sizes.items()}
    shares = (
        Share(first, means[alone, 0.0][0], {weight: means[weight, 1 - weight][0] for weight in WEIGHTS}),
        Share(second, means[0.0, alone][1], {weight: means[1 - weight, weight][1] for weight in WEIGHTS}),
    )
    return PairTrials(shares, tuple(even))


def _sizes(
    frames: UInt8[np.ndarray, "f h w 3"], where: tuple[Bool[np.ndarray, "m h w"], Bool[np.ndarray, "m h w"]]
) -> tuple[float, float]:
    motion = motion_of(frames)
    return flow_size(motion, where[0]), flow_size(motion, where[1])
