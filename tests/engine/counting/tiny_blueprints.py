"""A tiny base of shapes, and the blueprint of one."""

from __future__ import annotations

import torch
from diffusers import UNetMotionModel, WanTransformer3DModel

from engine.counting.blueprint import Blueprint, assemble
from tests.engine.tiny_bases import tiny_unet_base
from tests.engine.tiny_wan import tiny_wan_base


def tiny_blueprint(family: str = "unet_motion") -> Blueprint:
    base = tiny_wan_base() if family == "wan" else tiny_unet_base()
    model = WanTransformer3DModel if family == "wan" else UNetMotionModel
    with torch.device("meta"):
        denoiser = model.from_config(base.denoiser.config)
    return Blueprint(base.spec, denoiser, tuple(base._condition.shape[1:]))


def meta_base(family: str = "unet_motion"):
    return assemble(tiny_blueprint(family))
