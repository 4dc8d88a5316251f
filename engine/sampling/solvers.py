"""One step from a timestep to the next: pure functions of what the base thinks is clean and what is noise."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from engine.sampling.schedule import Level


@dataclass(frozen=True)
class Estimate:
    """What a multistep solver remembers: an earlier clean estimate b c f h w, and where it was made."""

    clean: Tensor
    level: Level


def first_order_step(clean: Tensor, noise: Tensor, *, to: Level) -> Tensor:
    """Latents at level `to`, without fresh noise.

    On a diffusion schedule this is DDIM, on a flow schedule Euler's method: both mix the same two estimates anew.

    Args:
        clean: estimate of the clean latents, b c f h w.
        noise: estimate of the noise in them.
        to: where the result stands.

    Source: Song et al. 2021 (arXiv 2010.02502), Eq. 12 with sigma = 0; Lipman et al. 2023 for Euler on flow.
    """
    return to.signal * clean + to.noise * noise


def multistep_step(noisy: Tensor, now: Estimate, *, to: Level, before: Estimate | None) -> Tensor:
    """Latents at level `to` by DPM-Solver++ (2M): the clean estimate is extended along its change since the last step.

    First order without an earlier estimate, and for a step to the clean end or from pure noise, where log-SNR is
    infinite.

    Args:
        noisy: b c f h w latents at `now.level`.
        now: the clean estimate made of them.
        to: where the result stands.
        before: the clean estimate of the step before.

    Source: Lu et al. 2022 (arXiv 2211.01095), Algorithm 2 in its midpoint form.
    """
    clean = now.clean
    if before is not None and to.noise > 0 and before.level.signal > 0:
        step = _log_snr(to) - _log_snr(now.level)
        last_step = _log_snr(now.level) - _log_snr(before.level)
        clean = clean + step / (2 * last_step) * (clean - before.clean)
    decay = to.noise / now.level.noise
    return decay * noisy + (to.signal - now.level.signal * decay) * clean


def _log_snr(level: Level) -> float:
    """Half the log of the signal-to-noise ratio, lambda in the paper."""
    return math.log(level.signal / level.noise)
