"""What is wrong with a mask at first sight: it is empty, full, or inverted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import torch

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

Flaw: TypeAlias = Literal["empty", "full", "inverted"]

EMPTY_SHARE: Final = 1e-4
"""Of the picture; less is a speck that no latent pixel shows."""
INVERTED_BORDER: Final = 0.97
"""Share of the picture's border that only a background covers: skies and waters leave one side free."""

FLAW_WORDS: Final[dict[Flaw, str]] = {
    "empty": "is black all over: nothing would move",
    "full": "is white all over: everything would move",
    "inverted": "is white along all borders and dark inside: it seems to be inverted",
}
FLAW_HINTS: Final[dict[Flaw, str]] = {
    "empty": "paint the subject white",
    "full": "paint what stands still black",
    "inverted": "white is what moves: turn it over, as `mivactl mask PHOTO --from MASK --invert` does",
}


def flaw_of(mask: Float[Tensor, "*f h w"]) -> Flaw | None:
    """What is wrong with a mask in 0..1, or with those of a clip taken together; None for nothing."""
    covered = float(mask.mean())
    if covered < EMPTY_SHARE:
        return "empty"
    if covered > 1 - EMPTY_SHARE:
        return "full"
    border = torch.cat([mask[..., 0, :], mask[..., -1, :], mask[..., :, 0], mask[..., :, -1]], dim=-1)
    return "inverted" if float(border.mean()) > INVERTED_BORDER and covered > float(1 - covered) else None
