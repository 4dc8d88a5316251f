"""The clean clip from a denoiser's own guess and its gates, which say how much of the noisy clip to keep."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor


def clean_clip(output: Float[Tensor, "b c2 f h w"], noisy: Float[Tensor, "b c f h w"]) -> Float[Tensor, "b c f h w"]:
    """What a denoiser says of the clip behind the noise.

    Args:
        output: c channels of a guess, and c of gates: their sigmoid is the share of the noisy clip in the answer, the
            rest is the guess. With c channels in all, the guess is the answer.
        noisy: what the denoiser was given.

    Source: the skip of Karras et al. 2022 (arXiv 2206.00364), eq. 7, one for each place instead of each noise level.
    """
    if output.shape[1] == noisy.shape[1]:
        return output
    guess, gates = output.chunk(2, 1)
    return guess + gates.sigmoid() * (noisy - guess)
