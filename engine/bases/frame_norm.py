"""How motion modules normalise: a clip as a whole, or each frame by itself, as those of AnimateDiff v3 were trained."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from diffusers.models.unets.unet_motion_model import AnimateDiffTransformer3D
from torch import nn
from torch.nn import functional as F

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

    from engine.bases.diffusers_types import DenoiserModel
    from registry_schema.base_spec import MotionNorm

Norm = TypeVar("Norm", bound=nn.GroupNorm)


class FrameGroupNorm(nn.GroupNorm):
    """`GroupNorm` with statistics of each frame alone; its parameters are those of the norm it stands for."""

    @classmethod
    def in_place_of(cls, norm: nn.GroupNorm) -> FrameGroupNorm:
        """The same norm, over one frame at a time."""
        return _with_parameters_of(norm, cls(norm.num_groups, norm.num_channels, eps=norm.eps, affine=False))

    def forward(self, clip: Float[Tensor, "b c f h w"]) -> Float[Tensor, "b c f h w"]:
        """The clip, each frame normalised by itself."""
        frames = clip.transpose(1, 2)
        normal = F.group_norm(frames.flatten(0, 1), self.num_groups, self.weight, self.bias, self.eps)
        return normal.unflatten(0, frames.shape[:2]).transpose(1, 2)


def normalise_each_frame(denoiser: DenoiserModel) -> None:
    """Let all motion modules of a `UNetMotionModel` normalise frame by frame.

    diffusers takes the statistics over all frames together. AnimateDiff's own code, with which the v3 weights were
    trained, folds frames into the batch first. Names and values of the state dict stay.

    Source: AnimateDiff (guoyww/AnimateDiff, motion_module.py), `TemporalTransformer3DModel.forward`.
    """
    for module in motion_transformers(denoiser):
        if not isinstance(module.norm, FrameGroupNorm):
            module.norm = FrameGroupNorm.in_place_of(module.norm)


def normalise_all_frames(denoiser: DenoiserModel) -> None:
    """Let all motion modules normalise over all frames together again: stock diffusers."""
    for module in motion_transformers(denoiser):
        norm = module.norm
        if isinstance(norm, FrameGroupNorm):
            plain = nn.GroupNorm(norm.num_groups, norm.num_channels, eps=norm.eps, affine=False)
            module.norm = _with_parameters_of(norm, plain)


def motion_norm_of(denoiser: DenoiserModel) -> MotionNorm | None:
    """What the motion modules of a model in memory do; None over all frames together, and where there are none."""
    norms = [isinstance(module.norm, FrameGroupNorm) for module in motion_transformers(denoiser)]
    return "frame" if norms and all(norms) else None


def motion_transformers(denoiser: DenoiserModel) -> tuple[AnimateDiffTransformer3D, ...]:
    """The motion modules' transformers, each with a norm in front."""
    return tuple(module for module in denoiser.modules() if isinstance(module, AnimateDiffTransformer3D))


def _with_parameters_of(norm: nn.GroupNorm, own: Norm) -> Norm:
    own.weight, own.bias, own.affine = norm.weight, norm.bias, norm.affine
    return own
