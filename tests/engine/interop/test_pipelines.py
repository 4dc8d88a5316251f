"""Adapters on the pipelines of diffusers a person already has."""

from __future__ import annotations

import pytest
import torch
from diffusers import DDIMScheduler, EulerDiscreteScheduler, UNet2DConditionModel

from engine.adapters.attach import attached
from engine.adapters.composition import Composition
from engine.adapters.weights import save_adapter
from engine.interop.pipeline_adapters import load_into_pipeline, unload_from_pipeline, weigh_in_pipeline
from engine.interop.pipeline_host import pipeline_denoiser, stock_architecture
from engine.interop.pipeline_photo import photo_start
from registry_schema.errors import Incompatible, NotFound, UsageProblem
from tests.end_to_end.tiny_world import write_photo
from tests.engine.adapters.test_sequential import sequential
from tests.engine.interop.tiny_pipelines import animatediff_pipeline, run, wan_pipeline
from tests.engine.tiny_adapters import adapter_spec, all_parts, lively

PIPELINES = pytest.mark.parametrize("make_pipeline", [animatediff_pipeline, wan_pipeline])


class Recorder:
    """Keeps what each pass of a denoiser got and gave."""

    def __init__(self, denoiser) -> None:
        self.passes: list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]] = []
        self._handle = denoiser.register_forward_hook(self._note, with_kwargs=True)

    def _note(self, _module, args, kwargs, output) -> None:
        noisy = args[0] if args else kwargs["hidden_states"]
        timestep = args[1] if len(args) > 1 else kwargs["timestep"]
        prediction = output[0] if isinstance(output, tuple) else output.sample
        self.passes.append((noisy.clone(), timestep.clone(), prediction.clone()))

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, *_) -> None:
        self._handle.remove()


def saved(base, folder, *, seed: int, spec=None):
    adapter = lively(base, spec, seed=seed)
    path = folder / f"adapter-{seed}.safetensors"
    save_adapter(adapter, path, {})
    return path, adapter


@pytest.mark.filterwarnings("ignore::DeprecationWarning:torch.*")
@pytest.mark.parametrize("make_spec", [lambda _: None, sequential], ids=["parallel", "sequential"])
def test_adapters_come_onto_a_pipeline_that_was_compiled_before(tmp_path, make_spec):
    def story(*, compiled: bool) -> list[torch.Tensor]:
        pipe, base = wan_pipeline(tmp_path)
        path, adapter = saved(base, tmp_path, seed=1, spec=make_spec(base))
        if compiled:
            pipe.transformer.compile_repeated_blocks(backend="eager")
        clips = [run(pipe)]
        load_into_pipeline(pipe, path, adapter.spec, name="waves", weight=0.7)
        clips.append(run(pipe))
        weigh_in_pipeline(pipe, {"waves": 0.2})
        clips.append(run(pipe))
        unload_from_pipeline(pipe)
        return [*clips, run(pipe)]

    alone, strong, weak, again = story(compiled=False)
    assert not torch.allclose(strong, alone, atol=1e-2)
    for found, eager in zip(story(compiled=True), (alone, strong, weak, again), strict=True):
        torch.testing.assert_close(found, eager)


@PIPELINES
def test_a_base_alone_is_the_pipelines_denoiser_call_bit_for_bit(tmp_path, make_pipeline):
    pipe, base = make_pipeline(tmp_path)
    with Recorder(base.denoiser) as recorder:
        run(pipe)
    assert len(recorder.passes) == 2
    for noisy, timestep, prediction in recorder.passes:
        with torch.no_grad():
            assert torch.equal(base.predict(noisy, timestep.expand(noisy.shape[0])), prediction)


@PIPELINES
def test_a_pipeline_with_an_adapter_denoises_as_our_base_with_it(tmp_path, make_pipeline):
    pipe, base = make_pipeline(tmp_path)
    path, adapter = saved(base, tmp_path, seed=1)
    untouched = run(pipe)
    load_into_pipeline(pipe, path, adapter.spec, name="waterfall")
    with Recorder(base.denoiser) as recorder:
        moved = run(pipe)
    assert not torch.allclose(moved, untouched, atol=1e-3)
    unload_from_pipeline(pipe)
    with torch.no_grad(), attached(base, Composition.of(adapter)):
        for noisy, timestep, prediction in recorder.passes:
            assert torch.equal(base.predict(noisy, timestep.expand(noisy.shape[0])), prediction)


@PIPELINES
def test_taking_adapters_off_restores_everything(tmp_path, make_pipeline):
    pipe, base = make_pipeline(tmp_path)
    path, adapter = saved(base, tmp_path, seed=1)
    denoiser = base.denoiser
    before = run(pipe)
    state = (list(denoiser.state_dict()), [site.processor for site in base.sites()], set(vars(denoiser)))
    hooks = [(len(module._forward_hooks), len(module._forward_pre_hooks)) for module in denoiser.modules()]
    load_into_pipeline(pipe, path, adapter.spec, name="waterfall")
    assert list(denoiser.state_dict()) == state[0]
    assert not torch.equal(run(pipe), before)
    unload_from_pipeline(pipe)
    assert (list(denoiser.state_dict()), [site.processor for site in base.sites()], set(vars(denoiser))) == state
    assert [(len(module._forward_hooks), len(module._forward_pre_hooks)) for module in denoiser.modules()] == hooks
    assert torch.equal(run(pipe), before)


@PIPELINES
def test_weights_are_shared_then_set(tmp_path, make_pipeline):
    pipe, base = make_pipeline(tmp_path)
    before = run(pipe)
    adapters = {}
    for seed, name in ((1, "waterfall"), (2, "clouds")):
        path, adapters[name] = saved(base, tmp_path, seed=seed)
        load_into_pipeline(pipe, path, adapters[name].spec, name=name)
    halves = run(pipe)
    weigh_in_pipeline(pipe, {"waterfall": 0.5, "clouds": 0.5})
    assert torch.equal(run(pipe), halves)
    weigh_in_pipeline(pipe, {"clouds": 1.0})
    clouds = run(pipe)
    weigh_in_pipeline(pipe, {})
    assert torch.equal(run(pipe), before)
    unload_from_pipeline(pipe)
    load_into_pipeline(pipe, tmp_path / "adapter-2.safetensors", adapters["clouds"].spec, name="clouds")
    assert torch.equal(run(pipe), clouds)


def test_guidance_runs_both_halves_with_the_adapter(tmp_path):
    pipe, base = animatediff_pipeline(tmp_path)
    path, adapter = saved(base, tmp_path, seed=1)
    load_into_pipeline(pipe, path, adapter.spec, name="waterfall")
    words = {"num_frames": 4, "num_inference_steps": 1, "height": 32, "width": 32, "output_type": "latent"}
    with Recorder(base.denoiser) as recorder:
        pipe("a", guidance_scale=3.0, generator=torch.Generator().manual_seed(0), **words)
    (passed,) = recorder.passes
    assert passed[0].shape[0] == 2
    assert torch.equal(passed[2][0], passed[2][1])  # an adapter with an implicit prompt reads no words


def test_names_and_weights_that_will_not_do_are_told(tmp_path):
    pipe, base = animatediff_pipeline(tmp_path)
    path, adapter = saved(base, tmp_path, seed=1)
    with pytest.raises(UsageProblem, match="no adapter is loaded"):
        weigh_in_pipeline(pipe, {"waterfall": 1.0})
    load_into_pipeline(pipe, path, adapter.spec, name="waterfall", weight=1.0)
    with pytest.raises(UsageProblem, match="`waterfall` is loaded already"):
        load_into_pipeline(pipe, path, adapter.spec, name="waterfall")
    with pytest.raises(UsageProblem, match="`clouds` has no weight, and the others leave nothing of 1"):
        load_into_pipeline(pipe, path, adapter.spec, name="clouds")
    with pytest.raises(NotFound, match="no adapter `waterfal` is loaded") as error:
        weigh_in_pipeline(pipe, {"waterfal": 1.0})
    assert error.value.hint == "did you mean `waterfall`?"
    with pytest.raises(UsageProblem, match="expected a finite number"):
        weigh_in_pipeline(pipe, {"waterfall": float("nan")})


def test_what_does_not_fit_is_refused_and_leaves_nothing_behind(tmp_path):
    pipe, base = animatediff_pipeline(tmp_path)
    other_pipe, other = wan_pipeline(tmp_path)
    path, adapter = saved(other, tmp_path, seed=1)
    before = set(vars(base.denoiser))
    with pytest.raises(Incompatible, match="trained on base `tiny-wan` with architecture"):
        load_into_pipeline(pipe, path, adapter.spec, name="waterfall")
    path, adapter = saved(base, tmp_path, seed=2)
    pipe.scheduler = DDIMScheduler.from_config(pipe.scheduler.config, beta_schedule="linear")
    with pytest.raises(
        Incompatible, match="beta_schedule `linear`, the adapter was trained with `scaled_linear`"
    ) as told:
        load_into_pipeline(pipe, path, adapter.spec, name="waterfall")
    pipe.scheduler = eval(  # noqa: S307 - the hint is a line to be run
        told.value.hint.removeprefix("pipe.scheduler = "), {"DDIMScheduler": DDIMScheduler, "pipe": pipe}
    )
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(Exception, match=r"adapter-2\.safetensors"):
        load_into_pipeline(pipe, path, adapter.spec, name="waterfall")
    assert set(vars(base.denoiser)) == before
    assert not base.denoiser._forward_pre_hooks
    other_pipe.transformer_2 = other_pipe.transformer
    with pytest.raises(Incompatible, match="two denoisers"):
        pipeline_denoiser(other_pipe)


def test_a_pipeline_of_pictures_is_refused(tmp_path):
    levels = {"down_block_types": ("DownBlock2D",) * 2, "up_block_types": ("UpBlock2D",) * 2}

    class Pictures:
        unet = UNet2DConditionModel(
            block_out_channels=(8, 8), layers_per_block=1, norm_num_groups=4, cross_attention_dim=8, **levels
        )

    with pytest.raises(Incompatible, match="denoises with `UNet2DConditionModel`"):
        pipeline_denoiser(Pictures())


def test_free_noise_comes_first(tmp_path):
    pipe, base = animatediff_pipeline(tmp_path)
    path, adapter = saved(base, tmp_path, seed=1)
    load_into_pipeline(pipe, path, adapter.spec, name="waterfall")
    pipe.enable_free_noise(context_length=4, context_stride=2)
    with pytest.raises(Incompatible, match="was exchanged for another"):
        run(pipe)
    unload_from_pipeline(pipe)
    stock = run(pipe)
    load_into_pipeline(pipe, path, adapter.spec, name="waterfall")
    assert not torch.allclose(run(pipe), stock, atol=1e-3)


def test_an_architecture_is_the_same_with_a_style_lora_on_it(tmp_path):
    from peft import LoraConfig

    pipe, base = animatediff_pipeline(tmp_path)
    path, adapter = saved(base, tmp_path, seed=1)
    before = stock_architecture(base.denoiser)
    base.denoiser.add_adapter(LoraConfig(r=2, target_modules=["to_q"]), "style")
    assert stock_architecture(base.denoiser) == before
    load_into_pipeline(pipe, path, adapter.spec, name="waterfall")
    assert torch.isfinite(run(pipe)).all()


def test_other_parts_of_an_adapter_work_alone(tmp_path):
    pipe, base = wan_pipeline(tmp_path)
    ranks = all_parts(base).model_copy(update={"implicit_prompt": None})
    spec = adapter_spec(base, ranks=ranks)
    sequential = spec.cross_frame_attention.model_copy(update={"placement": "sequential", "combine": "joint"})
    path, adapter = saved(base, tmp_path, seed=1, spec=spec.model_copy(update={"cross_frame_attention": sequential}))
    before = run(pipe)
    load_into_pipeline(pipe, path, adapter.spec, name="authors")
    assert not torch.allclose(run(pipe), before, atol=1e-3)


@PIPELINES
def test_a_photo_is_frame_zero_from_the_first_step_to_the_last(tmp_path, make_pipeline):
    pipe, base = make_pipeline(tmp_path)
    wan = base.spec.family == "wan"
    photo = write_photo(tmp_path / "photo.png")
    start = photo_start(pipe, photo, frames=9 if wan else 4, width=32, height=32, seed=1)
    words = {"max_sequence_length": 5} if wan else {}
    with Recorder(base.denoiser) as recorder:
        done = pipe("", num_inference_steps=2, output_type="latent", **start, **words).frames
    first = start["latents"][:, :, :1]
    assert [torch.equal(noisy[:, :, :1], first) for noisy, *_ in recorder.passes] == [True, True]
    assert torch.equal(done[:, :, :1], first)
    assert not torch.equal(done[:, :, 1:], start["latents"][:, :, 1:])
    other = photo_start(pipe, photo, frames=9 if wan else 4, width=32, height=32, seed=2)["latents"]
    assert torch.equal(other[:, :, :1], first)
    assert not torch.equal(other[:, :, 1:], start["latents"][:, :, 1:])


def test_a_scheduler_that_rescales_latents_can_not_hold_a_photo(tmp_path):
    pipe, _ = animatediff_pipeline(tmp_path)
    photo = write_photo(tmp_path / "photo.png")
    pipe.scheduler = EulerDiscreteScheduler.from_config(pipe.scheduler.config)
    with pytest.raises(Incompatible, match="`EulerDiscreteScheduler` rescales latents"):
        photo_start(pipe, photo, frames=4, width=32, height=32, seed=1)
    pipe, _ = wan_pipeline(tmp_path)
    with pytest.raises(UsageProblem, match="a clip of 8 frames, expected one more than a multiple of 4"):
        photo_start(pipe, photo, frames=8, width=32, height=32, seed=1)


@PIPELINES
def test_adapters_follow_a_pipeline_into_another_number_format(tmp_path, make_pipeline):
    pipe, base = make_pipeline(tmp_path)
    path, adapter = saved(base, tmp_path, seed=1)
    load_into_pipeline(pipe, path, adapter.spec, name="waterfall")
    in_full = run(pipe)
    pipe.to(torch.bfloat16)
    moved = run(pipe)
    weigh_in_pipeline(pipe, {})
    stock = run(pipe)
    assert (moved.float() - in_full).norm() < 0.3 * (stock.float() - in_full).norm()
