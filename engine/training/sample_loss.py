"""What a base with an adapter on it makes of clean latents, and what that costs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

    from engine.bases.base import Base
    from engine.training.objective import Objective


class Examples(Protocol):
    """Where a trainer gets its clean latents from."""

    @property
    def digest(self) -> str:
        """Changes with anything that `batch` may give."""

    def batch(self, seed: int, samples: range) -> Float[Tensor, "b c f h w"]:
        """The latents of these samples of a run, counted from its first one; a pure function."""


def sample_loss(
    base: Base,
    objective: Objective,
    clean: Float[Tensor, "b c f h w"],
    *,
    noise: Float[Tensor, "b c f h w"],
    fractions: Float[Tensor, "b"],
) -> Float[Tensor, ""]:
    """The loss of these latents under this noise.

    Args:
        base: with the adapter on it.
        objective: of the training.
        clean: latents.
        noise: of their shape.
        fractions: in [0, 1): where on the noise schedule, see `Objective.timesteps`.
    """
    timestep = objective.timesteps(fractions).to(base.device)
    clean, noise = clean.to(base.device), noise.to(base.device)
    predicted = base.predict(objective.noisy(clean, noise, timestep), timestep)
    return objective.loss(predicted, clean, noise, timestep)
