"""Where the subjects of the mask streams are, for the attention of the picture stream."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch.nn import functional as F

from registry_schema.errors import UsageProblem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jaxtyping import Float, Int
    from torch import Tensor

SUBJECT = 0.5
"""From this confidence on a token is subject where labels are hard."""


@dataclass(frozen=True, eq=False)
class SiteRegions:
    """Masks at the size of one kind of site.

    Args:
        confidence: b m f n in 0..1, one mask for each mask stream.
        labels: b f n, 0 for the background, else 1 + the last mask that has the token: the later lies on top.
        made: what layers of this size have made of the masks, for the others.
    """

    confidence: Float[Tensor, "b m f n"]
    labels: Int[Tensor, "b f n"]
    made: dict[object, Tensor] = field(default_factory=dict, repr=False)

    @property
    def count(self) -> int:
        """How many labels there may be."""
        return self.confidence.shape[1] + 1

    def subject(self, mask: int, *, hard: bool) -> Float[Tensor, "b f n"]:
        """One mask, b f n; 0 or 1 if `hard`."""
        confidence = self.confidence[:, mask]
        return (confidence > SUBJECT).to(confidence) if hard else confidence

    def background(self) -> Float[Tensor, "b f n"]:
        """1 where no mask has the token, b f n: the mask of adapters without one."""
        return (self.labels == 0).to(self.confidence)


@dataclass(frozen=True, eq=False)
class Regions:
    """Masks of one forward pass, at the size of the latents; pooled once for each size of site.

    Args:
        confidence: b m f h w in 0..1, one mask for each mask stream, in their order.

    Source: MIVA 3.4 and B.2.1; Eq. (S5) for the labels.

    Raises:
        UsageProblem: it has other axes.
    """

    confidence: Float[Tensor, "b m f h w"]
    _pooled: dict[tuple[int, int], SiteRegions] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        if self.confidence.ndim != 5 or self.confidence.shape[1] == 0:
            shape = " x ".join(map(str, self.confidence.shape))
            msg = f"masks of shape `{shape}`, expected batch x masks x frames x height x width"
            raise UsageProblem(msg)

    @property
    def masks(self) -> int:
        """How many masks there are."""
        return self.confidence.shape[1]

    def at(self, grid: tuple[int, int]) -> SiteRegions:
        """The masks at `grid`, height and width in tokens: the mean over each token's area."""
        found = self._pooled.get(grid)
        if found is None:
            pooled = F.adaptive_avg_pool2d(self.confidence.flatten(0, 2)[:, None], grid)
            confidence = pooled.reshape(*self.confidence.shape[:3], -1)
            found = self._pooled[grid] = SiteRegions(confidence, unified_labels(confidence))
        return found

    def without(self, mask: int) -> Regions | None:
        """The same without one mask; None if it was the only one."""
        kept = [index for index in range(self.masks) if index != mask]
        return self.chosen(kept) if kept else None

    def chosen(self, masks: Sequence[int]) -> Regions:
        """Some of the masks, in the order given."""
        return Regions(self.confidence[:, list(masks)])


def unified_labels(confidence: Float[Tensor, "b m f n"]) -> Int[Tensor, "b f n"]:
    """0 for the background, else 1 + the last mask above one half.

    Source: MIVA Eq. (S5); the threshold is that of the authors' code.
    """
    order = torch.arange(1, confidence.shape[1] + 1, device=confidence.device).view(1, -1, 1, 1)
    return ((confidence > SUBJECT) * order).amax(dim=1)
