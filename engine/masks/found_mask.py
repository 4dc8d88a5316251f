"""`FoundMask`: a mask of a picture, how sure whoever found it is, and who that was."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    import numpy as np
    from jaxtyping import Float
    from numpy.typing import NDArray
    from torch import Tensor

CONFIDENT: Final = 0.5
"""Below it a mask is not used unasked: the build without masks takes its place."""


@dataclass(frozen=True, eq=False)
class FoundMask:
    """Where the subject is.

    Attributes:
        mask: `h w` in 0..1, 1 on the subject, at the size of the picture.
        confidence: 0 to 1.
        source: who found it, in words.
        notes: what a person should know; sentences without a final full stop.
    """

    mask: Float[Tensor, "h w"]
    confidence: float
    source: str
    notes: tuple[str, ...] = ()

    @property
    def is_confident(self) -> bool:
        """Whether it may be used unasked."""
        return self.confidence >= CONFIDENT

    @property
    def share(self) -> float:
        """How much of the picture it covers, 0 to 1."""
        return float(self.mask.mean())


@dataclass(frozen=True)
class Missed:
    """Why there is no mask that may be used unasked, in a sentence without a final full stop, and the way out."""

    reason: str
    hint: str | None = None


class Segmenter(Protocol):
    """Whoever finds one kind of subject in pictures by itself.

    Attributes:
        source: who that is, in words.
        every: of how many frames of a clip one is worth looking at; masks of the others are carried over.
    """

    source: str
    every: int

    def find(self, pixels: NDArray[np.uint8]) -> FoundMask | None:
        """The subject in a picture `h w 3`, or None where none is seen."""
