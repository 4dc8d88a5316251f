"""Gates of `nano`'s picture channels as they were taught, and as they are packaged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from engine.bases.motion_autoencoder import MotionAutoencoder

if TYPE_CHECKING:
    from torch import Tensor

SHARPNESS: Final = 1.5
DOUBT: Final = 5.0
"""What gates say before the sigmoid is multiplied by the one, and the other is subtracted."""
OUTPUT: Final = ("conv_out.weight", "conv_out.bias")
_GATES = slice(MotionAutoencoder.channels, MotionAutoencoder.channels + MotionAutoencoder.picture_channels)


def sharpened(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """A denoiser's weights with gates that open where it is sure, and stay closed elsewhere; gates of motion stay.

    A wing that could be here or there leaves the gates half open in both places, and sampling then makes colourful
    noise of it. With its guess instead, a wing is blurred.
    """
    weight, bias = (weights[name].clone() for name in OUTPUT)
    weight[_GATES] *= SHARPNESS
    bias[_GATES] = bias[_GATES] * SHARPNESS - DOUBT
    return {**weights, **dict(zip(OUTPUT, (weight, bias), strict=True))}


def taught(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """The inverse of `sharpened`, for a training that goes on; a denoiser without gates stays as it is."""
    weight, bias = (weights[name].clone() for name in OUTPUT)
    weight[_GATES] /= SHARPNESS
    bias[_GATES] = (bias[_GATES] + DOUBT) / SHARPNESS
    return {**weights, **dict(zip(OUTPUT, (weight, bias), strict=True))}
