"""Start noise that already knows the photo (MIVA Alg. 1): shared noise, and low frequencies of the noised photo."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

    from engine.sampling.schedule import Level
    from registry_schema.sampling import StartNoise

LATENT_VARIANCE = 0.566
"""Of the latents of Stable Diffusion over clips."""


def start_latents(first: Tensor, noise: Tensor, *, start: StartNoise | None, level: Level) -> Tensor:
    """Latents b c f h w at the first timestep; frame 0 is clean.

    Args:
        first: b c 1 h w, clean latents of the photo.
        noise: b c f h w, standard normal.
        start: what the noise knows of the photo; None is plain noise.
        level: where the photo is noised to.

    Source: MIVA Alg. 1; LAMP for shared noise (its mix is not variance preserving), Cinemo for the low frequencies.
    """
    rest = noise[:, :, 1:]
    if start is not None:
        rest = start.shared * noise[:, :, :1] + (1 - start.shared) * rest
        noised = level.signal * first + level.noise * rest
        rest = rest + low_pass(noised - rest, start)
    return torch.cat([first, rest], dim=2)


def analytic_scale(level: Level) -> float:
    """What the noise is multiplied by so that its variance is that of noised clips at a level.

    Source: Zhao et al. 2024 (arXiv 2406.15735), Analytic-Init; mean 0 and 0.566 are what the authors of MIVA tried.
    """
    return math.sqrt(level.noise**2 + level.signal**2 * LATENT_VARIANCE)


def low_pass(values: Tensor, start: StartNoise) -> Tensor:
    """The low spatial frequencies of each frame: those cosine coefficients of ... h w that `start` keeps.

    Cinemo transforms along time as well but keeps every temporal frequency, which comes to the same.
    """
    height, width = values.shape[-2:]
    kept = low_coefficients(height, width, start)
    bases = (cosine_basis(height)[: kept.shape[0]], cosine_basis(width)[: kept.shape[1]], kept)
    down, across, kept = (matrix.to(values.dtype).to(values.device) for matrix in bases)
    return down.T @ ((down @ values @ across.T) * kept) @ across


def low_coefficients(height: int, width: int, start: StartNoise) -> Tensor:
    """1 where a coefficient is kept, 0 elsewhere, over the lowest `low_pass` share of each axis."""
    rows, columns = math.floor(start.low_pass * height + 1e-9), math.floor(start.low_pass * width + 1e-9)
    if start.shape == "rectangle":
        return torch.ones(rows, columns)
    row, column = torch.arange(rows) / height, torch.arange(columns) / width
    return (row[:, None] + column < start.low_pass).float()


def cosine_basis(count: int) -> Tensor:
    """Rows are the orthonormal DCT-II basis of length `count`, slowest first; float64."""
    position = torch.arange(count, dtype=torch.float64) + 0.5
    basis = torch.cos(math.pi / count * torch.outer(torch.arange(count, dtype=torch.float64), position))
    basis[0] /= math.sqrt(2)
    return basis * math.sqrt(2 / count)
