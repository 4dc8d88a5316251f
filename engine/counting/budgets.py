"""What adapters may cost at most, by base: ratios of operations to the base's own, and bytes of training."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Budget:
    """Limits of one base.

    Attributes:
        ratio: of operations, by number of adapters, with frame 0 kept in cross-frame attention (the paper's form).
        ratio_without_first: the same with frame 0 skipped.
        saved: bytes of activations kept for the backward pass.
        peak: bytes of training in all.
        masked_ratio: of the operations of a run of 50 steps, by form of attention and evaluations of masks.
        masked_peak: bytes of training a masked adapter in all.
    """

    ratio: Mapping[int, float] = field(default_factory=dict)
    ratio_without_first: Mapping[int, float] = field(default_factory=dict)
    saved: int | None = None
    peak: int | None = None
    masked_ratio: Mapping[tuple[str, int], float] = field(default_factory=dict)
    masked_peak: int | None = None


BUDGETS: Final[Mapping[str, Budget]] = {
    "animatediff-v3": Budget(
        ratio={1: 1.150, 2: 1.330},
        ratio_without_first={1: 1.145, 2: 1.320},
        saved=2 * 1024**3,
        peak=6 * 10**9,
        masked_ratio={
            ("hard", 8): 1.35,
            ("usual", 8): 1.45,
            ("hard", 50): 2.40,
            ("usual", 50): 2.50,
            ("soft", 50): 2.50,
        },
    ),
    "wan2.1-t2v-1.3b": Budget(
        ratio={1: 1.085, 2: 1.230},
        ratio_without_first={1: 1.070, 2: 1.200},
        peak=8 * 10**9,
        masked_peak=12 * 10**9,
    ),
}
