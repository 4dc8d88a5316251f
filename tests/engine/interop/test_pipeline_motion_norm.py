"""Adapters that were trained frame by frame, on pipelines of diffusers, which normalise all frames together."""

from __future__ import annotations

import pytest
import torch

import mivactl
from engine.adapters.attach import attached
from engine.adapters.composition import Composition
from engine.bases.unet_motion import UNetMotionBase
from engine.interop.pipeline_adapters import load_into_pipeline, set_motion_norm, unload_from_pipeline
from engine.interop.pipeline_host import stock_architecture
from registry_schema.base_spec import BaseSpec
from registry_schema.errors import Incompatible, UsageProblem
from tests.engine.interop.test_pipelines import Recorder, saved
from tests.engine.interop.tiny_pipelines import animatediff_pipeline, run, wan_pipeline
from tests.engine.tiny_adapters import adapter_spec, all_parts
from tests.engine.tiny_bases import tiny_unet_base


@pytest.fixture
def world(tmp_path):
    """A stock pipeline, and a base with the same weights whose motion modules normalise each frame."""
    pipe, plain = animatediff_pipeline(tmp_path)
    spec = BaseSpec.from_plain({**plain.spec.plain(), "motion_norm": "frame"}, source="tiny")
    twin = tiny_unet_base().denoiser
    return pipe, UNetMotionBase(spec, twin, autoencoder=plain.autoencoder, condition=plain._condition)


def trained_frame_by_frame(base, folder):
    spec = adapter_spec(base, ranks=all_parts(base)).model_copy(update={"motion_norm": "frame"})
    return saved(base, folder, seed=1, spec=spec)


def test_a_stock_pipeline_is_refused_and_the_hint_makes_it_the_base_that_was_trained_on(world, tmp_path):
    pipe, base = world
    path, adapter = trained_frame_by_frame(base, tmp_path)
    stock, untouched = run(pipe), set(vars(pipe.unet))
    with pytest.raises(
        Incompatible, match="the pipeline runs motion_norm `clip`, the adapter was trained with `frame`"
    ) as told:
        load_into_pipeline(pipe, path, adapter.spec, name="waterfall")
    assert set(vars(pipe.unet)) == untouched
    assert torch.equal(run(pipe), stock)
    eval(told.value.hint.split("`")[1], {"mivactl": mivactl, "pipe": pipe})  # noqa: S307 - the hint is a line to be run
    load_into_pipeline(pipe, path, adapter.spec, name="waterfall")
    with Recorder(pipe.unet) as recorder:
        run(pipe)
    with torch.no_grad(), attached(base, Composition.of(adapter)):
        for noisy, timestep, prediction in recorder.passes:
            assert torch.equal(base.predict(noisy, timestep.expand(noisy.shape[0])), prediction)
    unload_from_pipeline(pipe)
    assert not torch.allclose(run(pipe), stock, atol=1e-3)
    set_motion_norm(pipe, "clip")
    assert torch.equal(run(pipe), stock)


def test_an_adapter_of_stock_modules_is_refused_where_frames_are_normalised_alone(world, tmp_path):
    pipe, base = world
    path, adapter = saved(base, tmp_path, seed=1)
    set_motion_norm(pipe, "frame")
    assert stock_architecture(pipe.unet) == base.spec.architecture
    with pytest.raises(Incompatible, match="runs motion_norm `frame`, the adapter was trained with `clip`"):
        load_into_pipeline(pipe, path, adapter.spec, name="waterfall")


def test_two_adapters_of_different_norms_do_not_share_a_pipeline(world, tmp_path):
    pipe, base = world
    set_motion_norm(pipe, "frame")
    path, adapter = trained_frame_by_frame(base, tmp_path)
    load_into_pipeline(pipe, path, adapter.spec, name="waterfall")
    other, stock = saved(base, tmp_path, seed=2)
    with pytest.raises(Incompatible, match="the adapter was trained with `clip`"):
        load_into_pipeline(pipe, other, stock.spec, name="clouds")
    with pytest.raises(UsageProblem, match="adapters are loaded into the pipeline") as told:
        set_motion_norm(pipe, "clip")
    assert told.value.hint == "`unload_miva(pipe)` first"


def test_what_has_no_such_switch_is_told(world, tmp_path):
    pipe, _ = world
    with pytest.raises(UsageProblem, match="motion_norm is `each`, expected `frame` or `clip`"):
        set_motion_norm(pipe, "each")
    wan, _ = wan_pipeline(tmp_path)
    with pytest.raises(Incompatible, match="`WanTransformer3DModel` has no motion modules"):
        set_motion_norm(wan, "frame")
    pipe.unet.enable_group_offload("cpu", offload_type="leaf_level")
    with pytest.raises(Incompatible, match="offloading has wrapped the motion modules already"):
        set_motion_norm(pipe, "frame")
