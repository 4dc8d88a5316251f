"""Several adapters at once: laws of the sum (MIVA Eq. S4)."""

from __future__ import annotations

import math

import pytest
import torch

from engine.adapters.attach import attached
from engine.adapters.composition import Composition
from registry_schema.errors import UsageProblem
from registry_schema.ranks import Ranks
from tests.engine.tiny_adapters import adapter_spec, all_parts, fresh, lively, noisy_latents
from tests.engine.tiny_bases import tiny_unet_base
from tests.engine.tiny_wan import tiny_wan_base


@pytest.fixture(params=["unet", "wan"])
def base(request):
    base = tiny_unet_base() if request.param == "unet" else tiny_wan_base()
    base.denoiser.double()
    base._condition = base._condition.double()
    return base


def predict(base, *entries, batch: int = 2) -> torch.Tensor:
    noisy, timestep = noisy_latents(base, batch=batch)
    with torch.no_grad(), attached(base, Composition(entries)):
        return base.predict(noisy, timestep)


def close(one: torch.Tensor, other: torch.Tensor) -> bool:
    return torch.allclose(one, other, atol=1e-6, rtol=1e-5)  # norms of Wan compute in float32


@pytest.mark.parametrize("combine", ["separate", "joint"])
@pytest.mark.parametrize("copies", [2, 3])
def test_copies_at_equal_shares_equal_one(base, combine, copies):
    adapter = lively(base, adapter_spec(base, ranks=all_parts(base), combine=combine))
    assert close(predict(base, *[(adapter, 1 / copies)] * copies), predict(base, (adapter, 1.0)))


def test_weights_one_and_zero_equal_the_first_alone(base):
    first, second = lively(base, seed=1), lively(base, seed=2)
    alone = predict(base, (first, 1.0))
    assert torch.equal(predict(base, (first, 1.0), (second, 0.0)), alone)
    assert not close(predict(base, (first, 0.5), (second, 0.5)), alone)


def test_the_order_of_adapters_does_not_matter(base):
    first, second = lively(base, seed=1), lively(base, seed=2)
    assert close(predict(base, (first, 0.3), (second, 0.7)), predict(base, (second, 0.7), (first, 0.3)))


def test_adapters_of_different_kinds_share_a_base(base):
    separate = lively(base, adapter_spec(base, ranks=all_parts(base)), seed=1)
    joint = lively(base, adapter_spec(base, ranks=all_parts(base, rank="full"), combine="joint"), seed=2)
    bare = lively(base, adapter_spec(base, ranks=Ranks(cross_frame_attention=4)), seed=3)
    entries = ((separate, 0.5), (joint, 0.3), (bare, 0.2))
    assert close(predict(base, *entries), predict(base, *reversed(entries)))


def test_without_a_prompt_the_base_keeps_its_words(base):
    bare = lively(base, adapter_spec(base, ranks=Ranks(cross_frame_attention=4)))
    cross = [site for site in base.sites() if site.kind == "cross"]
    stock = [site.processor for site in cross]
    with attached(base, Composition(((bare, 0.4),))):
        assert [site.processor for site in cross] == stock


def test_words_stay_with_the_share_of_adapters_without_a_prompt(base):
    with_prompt, bare = lively(base), lively(base, adapter_spec(base, ranks=Ranks(cross_frame_attention=4)))
    site = next(site for site in base.sites() if site.kind == "cross")
    assert Composition(((with_prompt, 0.3), (bare, 0.1))).base_share(site) == pytest.approx(0.25)
    assert Composition(((with_prompt, 1.0), (bare, 0.0))).base_share(site) == 0
    assert Composition(((bare, 0.0),)).base_share(site) == 1


def test_the_rest_of_the_weight_is_that_of_an_adapter_that_does_nothing(base):
    alone = lively(base, seed=1)
    nothing = fresh(base, adapter_spec(base, ranks=Ranks(cross_frame_attention=4)))
    noisy, timestep = noisy_latents(base, batch=2)
    with torch.no_grad(), attached(base, Composition(((alone, 0.6),), rest=0.4)):
        beside_a_rest = base.predict(noisy, timestep)
    assert not close(beside_a_rest, predict(base, (alone, 0.6)))
    assert close(beside_a_rest, predict(base, (alone, 0.6), (nothing, 0.4)))


def test_what_weights_leave_of_1_holds_still_where_the_base_says_so(base):
    entries = ((lively(base, seed=1), 0.3), (lively(base, seed=2), -0.2))
    assert Composition.on(base, entries).rest == 0
    sampling = base.spec.sampling.model_copy(update={"lone_weight": 0.5})
    base.spec = base.spec.model_copy(update={"sampling": sampling})
    assert Composition.on(base, entries).rest == pytest.approx(0.5)
    assert Composition.on(base, entries).without(0).rest == pytest.approx(0.5)
    assert Composition.on(base, ((entries[0][0], 1.5),)).rest == 0


def test_permuting_samples_permutes_results(base):
    noisy, timestep = noisy_latents(base, batch=3)
    order = torch.tensor([2, 0, 1])
    with torch.no_grad(), attached(base, Composition.of(lively(base, seed=1), lively(base, seed=2))):
        straight = base.predict(noisy, timestep)
        permuted = base.predict(noisy[order], timestep[order])
    assert close(straight[order], permuted)


def test_a_stream_is_a_sample_of_its_own(base):
    noisy, timestep = noisy_latents(base, batch=4)
    with torch.no_grad(), attached(base, Composition.of(lively(base))):
        assert torch.equal(base.predict(noisy, timestep, streams=2), base.predict(noisy, timestep))


def test_a_clip_of_one_frame_is_its_own_reference(base):
    noisy, timestep = noisy_latents(base)
    with torch.no_grad(), attached(base, Composition.of(lively(base))):
        assert torch.isfinite(base.predict(noisy[:, :, :1], timestep)).all()


@pytest.mark.parametrize("weight", [math.nan, math.inf])
def test_a_weight_that_is_no_number_is_refused(base, weight):
    with pytest.raises(UsageProblem, match="is not a finite number"):
        Composition(((lively(base), weight),))


def test_a_composition_has_adapters():
    with pytest.raises(UsageProblem, match="without adapters"):
        Composition(())
