"""Hooks of diffusers that do not go together with adapters, and its register of attention processors."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeGuard

from diffusers.hooks._helpers import AttentionProcessorRegistry
from diffusers.hooks.group_offloading import _GROUP_OFFLOADING
from diffusers.hooks.pyramid_attention_broadcast import _PYRAMID_ATTENTION_BROADCAST_HOOK
from diffusers.models.attention_processor import AttnProcessor2_0
from torch import nn

from registry_schema.errors import Incompatible

if TYPE_CHECKING:
    from engine.adapters.site_processor import SiteProcessor
    from engine.bases.attention_site import AttentionSite


def refuse_foreign_hooks(site: AttentionSite) -> None:
    """Make sure that nothing answers for a temporal layer from a cache.

    Pyramid Attention Broadcast takes the motion modules of a U-Net for spatial attention and repeats their output over
    timesteps: motion, which is what adapters are for, stands still.

    Raises:
        Incompatible: it does.
    """
    hooks = getattr(site.module, "_diffusers_hook", None)
    if site.kind == "temporal" and hooks is not None and hooks.get_hook(_PYRAMID_ATTENTION_BROADCAST_HOOK) is not None:
        msg = f"Pyramid Attention Broadcast is on at `{site.path}`, where it takes motion for space"
        raise Incompatible(msg, hint="run this base without it; Wan may keep it")


def is_plain(layer: nn.Module) -> TypeGuard[nn.Linear]:
    """Whether a layer is its weight and bias: no style LoRA around it, no hook, no wrapper that casts.

    A wrapper that only fetches the weights from main memory is none; one that fetches them from disk leaves no numbers
    behind that could be read.
    """
    if type(layer) is not nn.Linear or layer._forward_hooks or layer._forward_pre_hooks:
        return False
    if "forward" not in vars(layer):
        return True
    hooks = getattr(getattr(layer, "_diffusers_hook", None), "hooks", {})
    return set(hooks) == {_GROUP_OFFLOADING} and hooks[_GROUP_OFFLOADING].group.offload_to_disk_path is None


def register_processor(processor: type[SiteProcessor]) -> None:
    """Make a processor class known to diffusers' caches, which ask what a layer answers that they skip: its input."""
    AttentionProcessorRegistry.register(processor, AttentionProcessorRegistry.get(AttnProcessor2_0))
