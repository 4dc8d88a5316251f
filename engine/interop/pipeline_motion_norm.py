"""How a pipeline's motion modules normalise, which an adapter is trained with: equal shapes, other meaning."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from engine.bases.frame_norm import motion_norm_of, motion_transformers, normalise_all_frames, normalise_each_frame
from registry_schema.errors import Incompatible, UsageProblem

if TYPE_CHECKING:
    from engine.bases.diffusers_types import DenoiserModel
    from registry_schema.base_spec import MotionNorm

CLIP: Final = "clip"
"""All frames of a clip together, as diffusers does; in manifests the word is left out."""

_SWITCHES = {"frame": normalise_each_frame, CLIP: normalise_all_frames}


def require_motion_norm(denoiser: DenoiserModel, trained: MotionNorm | None) -> None:
    """Make sure that a pipeline's motion modules normalise as in training.

    Raises:
        Incompatible: they do not; the hint is the line that sets it.
    """
    runs = motion_norm_of(denoiser)
    if runs != trained:
        wanted = trained or CLIP
        msg = f"the pipeline runs motion_norm `{runs or CLIP}`, the adapter was trained with `{wanted}`"
        raise Incompatible(msg, hint=f"`mivactl.set_motion_norm(pipe, {wanted!r})`, then load it again")


def switch_motion_norm(denoiser: DenoiserModel, norm: str) -> None:
    """Let motion modules normalise each `frame`, or all frames of a `clip` together; names and values of weights stay.

    Raises:
        UsageProblem: another word.
        Incompatible: there are no motion modules, or something else computes their norms already.
    """
    if norm not in _SWITCHES:
        msg = f"motion_norm is `{norm}`, expected `frame` or `{CLIP}`"
        raise UsageProblem(msg)
    modules = motion_transformers(denoiser)
    if not modules:
        msg = f"`{type(denoiser).__name__}` has no motion modules"
        raise Incompatible(msg, hint="only bases of the AnimateDiff family have this switch")
    if any("forward" in vars(module.norm) for module in modules):
        msg = "offloading has wrapped the motion modules already, a norm that is exchanged now would be left out"
        raise Incompatible(msg, hint="set_motion_norm first, then move or offload the pipeline")
    _SWITCHES[norm](denoiser)
