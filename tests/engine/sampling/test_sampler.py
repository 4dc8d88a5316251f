"""The loop: frame 0 stays, seeds decide everything, and Ctrl-C leaves a clip."""

from __future__ import annotations

from contextlib import contextmanager

import pytest
import torch

from engine.adapters.attach import attached
from engine.adapters.composition import Composition
from engine.device import draw_noise, mixed_seed
from engine.sampling.first_frame import hold_first_frame, match_first_frame
from engine.sampling.sampler import Sampler, SamplerSettings, SamplingInterrupted
from registry_schema.errors import MivaError, UsageProblem
from registry_schema.sampling import SamplingDefaults, StartNoise
from tests.engine.sampling.test_schedule import SCHEDULES
from tests.engine.tiny_adapters import lively
from tests.engine.tiny_bases import tiny_unet_base
from tests.engine.tiny_wan import tiny_wan_base

FRAMES = 3


def settings(base, **changes) -> SamplerSettings:
    plain = {"sampler": base.spec.sampling.sampler, "steps": 4, "start_noise": StartNoise(), "match_first_frame": True}
    return SamplerSettings(frames=FRAMES, **(plain | changes))


def photo(batch: int = 1) -> torch.Tensor:
    return torch.randn(batch, 4, 1, 8, 8, generator=torch.Generator().manual_seed(11))


def base_on(name: str):
    """A tiny base with one of the schedules."""
    if name == "flow":
        return tiny_wan_base()
    return tiny_unet_base(schedule=SCHEDULES[name].plain())


class Watcher:
    """A `Progress` that remembers, and interrupts after some steps if asked to."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.seen = 0
        self.stop_after = stop_after

    @contextmanager
    def phase(self, name, total):
        self.name, self.total = name, total
        yield self

    def advance(self, n=1, **facts):
        self.seen += n
        if self.seen == self.stop_after:
            raise KeyboardInterrupt

    def note(self, text):
        raise AssertionError(text)


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("start", [None, StartNoise(), StartNoise(low_pass=0.5, shape="triangle")])
def test_frame_zero_is_the_photo_bit_for_bit(name, start):
    base = base_on(name)
    with attached(base, Composition.of(lively(base))):
        clip = Sampler(base, settings(base, start_noise=start)).sample(photo(2), seed=5)
    assert clip.shape == (2, 4, FRAMES, 8, 8)
    assert torch.equal(clip[:, :, :1], photo(2))
    assert torch.isfinite(clip).all()


@pytest.mark.parametrize("name", ["epsilon", "linear", "v"])
def test_the_fast_sampler_goes_the_same_way(name):
    base = base_on(name)
    start = settings(base, steps=30, match_first_frame=False)
    slow = Sampler(base, start).sample(photo(), seed=5)
    fast = Sampler(base, settings(base, sampler="dpm", steps=30, match_first_frame=False)).sample(photo(), seed=5)
    assert (fast - slow).norm() < 0.2 * slow.norm()


SAMPLERS = ("ddim", "dpm", "renoise")


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_every_sampler_holds_frame_zero_and_meets_a_sure_base(tiny_base, sampler):
    """A base that always finds the same clean clip gets it, whatever the way there."""
    wanted = torch.randn(1, 4, FRAMES, 8, 8, generator=torch.Generator().manual_seed(3))
    wanted[:, :, :1] = photo()
    loop = Sampler(tiny_base, settings(tiny_base, sampler=sampler, steps=5, match_first_frame=False))

    class Sure:
        spec = tiny_base.spec

        def predict(self, noisy, timestep):
            signal, noise = (
                factor.to(noisy.dtype).view(-1, 1, 1, 1, 1)
                for factor in loop.schedule.factors(torch.as_tensor(timestep))
            )
            return (noisy - signal * wanted) / noise

    sure = Sampler(Sure(), settings(tiny_base, sampler=sampler, steps=5, match_first_frame=False))
    assert torch.allclose(sure.sample(photo(), seed=4), wanted, atol=1e-4)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_base_may_start_from_quieter_noise(tiny_base, sampler):
    loud = tiny_base.spec
    quiet = loud.model_copy(update={"sampling": loud.sampling.model_copy(update={"noise_scale": 0.5})})
    asked = {}
    for spec in (loud, quiet):

        class Listening:
            def predict(self, noisy, timestep, spec=spec):
                asked.setdefault(spec.sampling.noise_scale, noisy[:, :, 1:])
                return torch.zeros_like(noisy)

        Listening.spec = spec
        still = settings(tiny_base, sampler=sampler, start_noise=None, steps=2)
        Sampler(Listening(), still).sample(photo(), seed=4)
    assert torch.equal(asked[0.5], 0.5 * asked[1.0])


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_seed_decides_the_clip(tiny_base, name):
    sampler = Sampler(tiny_base, settings(tiny_base, sampler=name))
    one, same, other = (sampler.sample(photo(), seed=seed) for seed in (5, 5, 6))
    assert torch.equal(one, same)
    assert not torch.allclose(one, other, atol=1e-2)


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_clip_does_not_depend_on_its_neighbours(tiny_base, name):
    sampler = Sampler(tiny_base, settings(tiny_base, sampler=name))
    batch = sampler.sample(photo(3), seed=[7, 5, 7])
    alone = sampler.sample(photo(3)[1:2], seed=5)
    assert torch.allclose(batch[1:2], alone, atol=1e-4)
    with pytest.raises(UsageProblem, match="2 seeds for 3 photos"):
        sampler.sample(photo(3), seed=[1, 2])


def test_noise_is_a_pure_function_of_shape_and_seed():
    torch.manual_seed(1)
    first = draw_noise((2, 3), seed=9)
    torch.manual_seed(2)
    assert torch.equal(draw_noise((2, 3), seed=9), first)
    assert mixed_seed(1, "noise", 2) == mixed_seed(1, "noise", 2)
    assert len({mixed_seed(1, 2), mixed_seed(2, 1), mixed_seed(12), mixed_seed("1", 2)}) == 4


def test_progress_is_told_of_every_step(tiny_base):
    watcher, seen = Watcher(), []
    Sampler(tiny_base, settings(tiny_base)).sample(photo(), seed=5, progress=watcher, watch=seen.append)
    assert (watcher.name, watcher.total, watcher.seen) == ("sampling", 4, 4)
    assert [step.index for step in seen] == [0, 1, 2, 3]
    assert all(torch.equal(step.noisy[:, :, :1], photo()) for step in seen)


def test_an_interrupt_leaves_a_clip_of_what_was_known(tiny_base):
    seen = []
    sampler = Sampler(tiny_base, settings(tiny_base))
    with pytest.raises(SamplingInterrupted, match="stopped after step 2 of 4") as stop:
        sampler.sample(photo(), seed=5, progress=Watcher(stop_after=2), watch=seen.append)
    assert stop.value.exit_code == 130
    assert torch.equal(stop.value.latents, match_first_frame(hold_first_frame(seen[-1].clean, photo()), photo()))


def test_an_interrupt_before_the_first_step_leaves_nothing(tiny_base, monkeypatch):
    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(tiny_base, "predict", stop)
    with pytest.raises(SamplingInterrupted) as interrupted:
        Sampler(tiny_base, settings(tiny_base)).sample(photo(), seed=5)
    assert interrupted.value.latents is None


def test_later_frames_get_the_moments_of_frame_zero():
    latents, first = torch.randn(2, 3, 4, 8, 8, dtype=torch.float64) * 3 + 1, torch.randn(2, 3, 1, 8, 8).double()
    matched = match_first_frame(latents, first)
    assert torch.allclose(matched.mean((-2, -1)), first.mean((-2, -1)).expand(2, 3, 4))
    assert torch.allclose(matched.var((-2, -1)), first.var((-2, -1)).expand(2, 3, 4), rtol=1e-6)
    assert torch.equal(matched[:, :, :1], first)


def test_matching_frame_zero_can_be_switched_off(tiny_base):
    on, off = (
        Sampler(tiny_base, settings(tiny_base, match_first_frame=match)).sample(photo(), seed=5)
        for match in (True, False)
    )
    assert torch.equal(match_first_frame(off, photo()), on)
    assert not torch.allclose(on, off, atol=1e-3)


def test_a_sampler_of_another_schedule_is_refused(tiny_base):
    with pytest.raises(UsageProblem, match="sampler `euler_flow` can not follow the base's noise schedule"):
        Sampler(tiny_base, settings(tiny_base, sampler="euler_flow"))
    with pytest.raises(UsageProblem, match="sampler `ddim` can not follow"):
        Sampler(tiny_wan_base(), settings(tiny_base))


@pytest.mark.parametrize("steps", [0, 1001])
def test_steps_are_within_the_schedule(tiny_base, steps):
    with pytest.raises(UsageProblem, match=f"`{steps}` sampling steps, expected 1 to 1000"):
        Sampler(tiny_base, settings(tiny_base, steps=steps))


def test_output_that_is_no_number_is_an_error(tiny_base):
    broken = Composition(((lively(tiny_base), 1e30),))
    with attached(tiny_base, broken), pytest.raises(MivaError, match="values that are not finite"):
        Sampler(tiny_base, settings(tiny_base)).sample(photo(), seed=5)


def test_settings_come_from_a_base(tiny_base):
    defaults = SamplingDefaults(sampler="dpm", steps=20, start_noise=StartNoise(shared=0.2))
    assert SamplerSettings.of(defaults, frames=16) == SamplerSettings(16, "dpm", 20, StartNoise(shared=0.2), True)
