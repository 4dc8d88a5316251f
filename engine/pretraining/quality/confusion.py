"""Which motions were named, and which were true."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True)
class Confusion:
    """Pairs of what was true and what was named, one for each clip."""

    pairs: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, pairs: Iterable[tuple[str, str]]) -> Confusion:
        """The confusion of any number of clips."""
        return cls(tuple(pairs))

    def among(self, motions: Iterable[str]) -> Confusion:
        """Clips of these motions alone."""
        wanted = set(motions)
        return Confusion(tuple(pair for pair in self.pairs if pair[0] in wanted))

    @property
    def accuracy(self) -> float | None:
        """Share of clips whose motion was named; None where there is no clip."""
        return sum(true == named for true, named in self.pairs) / len(self.pairs) if self.pairs else None

    @property
    def mistakes(self) -> dict[str, int]:
        """How often each wrong motion was named, the most frequent first."""
        return dict(Counter(named for true, named in self.pairs if true != named).most_common())
