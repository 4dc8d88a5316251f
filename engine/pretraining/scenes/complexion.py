"""Colours of people: skin, hair, cloth; 3 in [0, 1] each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from jaxtyping import Float

    from engine.pretraining.scenes.draws import Draws

SKINS = ((0.98, 0.85, 0.75), (0.93, 0.75, 0.62), (0.82, 0.62, 0.46), (0.62, 0.43, 0.3), (0.42, 0.28, 0.2))
HAIRS = ((0.06, 0.05, 0.05), (0.2, 0.12, 0.07), (0.4, 0.24, 0.12), (0.85, 0.7, 0.4), (0.6, 0.25, 0.1), (0.75,) * 3)


def skin_colour(draws: Draws) -> Float[Tensor, "3"]:
    """A colour of skin in warm or cold, weak or strong light."""
    colour = torch.tensor(draws.choice(SKINS)) * draws.uniform(0.75, 1.05) + 0.03 * draws.normal(3)
    return colour.clamp(0, 1)


def hair_colour(draws: Draws) -> Float[Tensor, "3"]:
    """Mostly a colour that hair has by nature; one in eight is dyed."""
    if draws.chance(0.125):
        return draws.colour(0.1, 0.8)
    return (torch.tensor(draws.choice(HAIRS)) * draws.uniform(0.7, 1.2) + 0.02 * draws.normal(3)).clamp(0, 1)


def cloth_colour(draws: Draws) -> Float[Tensor, "3"]:
    """Any colour, one in two a bright one."""
    if draws.chance(0.5):
        return (draws.uniform(0.15, 0.5) + draws.uniform(0.2, 0.7) * torch.rand(3, generator=draws.generator)).clamp(
            0, 1
        )
    return draws.colour(0.05, 0.95)
