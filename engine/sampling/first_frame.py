"""Frame 0 is the photo, whatever the denoiser thinks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

SMALLEST_VARIANCE = 1e-8


def hold_first_frame(latents: Tensor, first: Tensor) -> Tensor:
    """`latents` b c f h w with frame 0 replaced by `first`, b c 1 h w."""
    return torch.cat([first.to(latents), latents[:, :, 1:]], dim=2)


def match_first_frame(latents: Tensor, first: Tensor) -> Tensor:
    """Every later frame with the mean and deviation of frame 0, channel by channel over space (AdaIN).

    Args:
        latents: b c f h w, f at least 1.
        first: b c 1 h w.

    Source: MIVA 7.3 and `init_utils.py` of the authors' code; unbiased variance, applied once after the last step.
    """
    rest = latents[:, :, 1:]
    mean, deviation = _moments(rest)
    wanted_mean, wanted_deviation = _moments(first)
    return torch.cat([first, (rest - mean) / deviation * wanted_deviation + wanted_mean], dim=2)


def match_histogram(latents: Tensor, first: Tensor) -> Tensor:
    """Every later frame with the values of frame 0, channel by channel: the smallest gets the smallest, and so on.

    Args:
        latents: b c f h w, f at least 1.
        first: b c 1 h w.

    Source: LAMP (arXiv 2310.10769) does so with finished pictures; here it is done with latents.
    """
    order = latents[:, :, 1:].flatten(-2).argsort(dim=-1).argsort(dim=-1)
    values = first.flatten(-2).sort(dim=-1).values.expand_as(order)
    return torch.cat([first, values.gather(-1, order).unflatten(-1, latents.shape[-2:])], dim=2)


def _moments(frames: Tensor) -> tuple[Tensor, Tensor]:
    variance, mean = torch.var_mean(frames, dim=(-2, -1), keepdim=True)
    return mean, (variance + SMALLEST_VARIANCE).sqrt()
