"""Counted operations against counts by hand, on the meta device and on this processor."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from engine.adapters.attach import _processor, attached
from engine.adapters.composition import Composition
from engine.adapters.miva import MivaAdapter
from engine.counting.count import empty_latents
from engine.counting.operations import count_operations, count_with
from registry_schema.ranks import Ranks
from tests.engine.adapters.site_stories import call_of, first_site
from tests.engine.counting.tiny_blueprints import meta_base
from tests.engine.tiny_adapters import adapter_spec, all_parts, lively, noisy_latents
from tests.engine.tiny_bases import tiny_unet_base
from tests.engine.tiny_wan import tiny_wan_base

FRAMES, BATCH = 5, 2


def shapes_of(base, *, skip_first: bool = False, rank: int | str = "full") -> MivaAdapter:
    spec = adapter_spec(base, ranks=all_parts(base, rank=rank), skip_first=skip_first)
    return MivaAdapter.create(spec, base.sites()).eval()


def site_operations(base, kind: str, adapters: list[MivaAdapter]) -> int:
    site = first_site(base, kind)
    call = call_of(base, batch=BATCH, frames=FRAMES)
    tokens = call.grid(site.down_scale)[0] * call.grid(site.down_scale)[1]
    axes = (BATCH * tokens, FRAMES) if kind == "temporal" else (BATCH * FRAMES, tokens)
    hidden = torch.empty(*axes, site.width, device="meta")
    call = call.__class__(BATCH, 1, FRAMES, height=8, width=8, time_embedding=call.time_embedding.to("meta"))
    with base.calls.during(call), torch.no_grad(), FlopCounterMode(display=False) as counter:
        _processor(base, Composition.of(*adapters), site, None)(site.module, hidden)
    return counter.get_total_flops()


@pytest.mark.parametrize("number", [1, 3])
@pytest.mark.parametrize("skip_first", [False, True])
def test_self_attention_with_adapters_is_what_a_hand_counts(number, skip_first):
    base = meta_base()
    site = first_site(base, "self")
    width, tokens = site.width, 64
    looking = FRAMES - 1 if skip_first else FRAMES
    own = 4 * 2 * FRAMES * tokens * width**2 + 2 * 2 * FRAMES * tokens * tokens * width
    projections = 2 * 2 * looking * tokens * width**2
    to_first = 2 * 2 * looking * tokens * tokens * width
    to_previous = 2 * 2 * (FRAMES - 1) * tokens * tokens * width
    weights = 2 * site.time_width * 2
    by_hand = BATCH * (own + number * (projections + to_first + to_previous + weights))
    assert site_operations(base, "self", [shapes_of(base, skip_first=skip_first)] * number) == by_hand


@pytest.mark.parametrize("number", [1, 3])
def test_a_folded_prompt_costs_two_thin_products(number):
    base = meta_base()
    site = first_site(base, "cross")
    thin = 2 * FRAMES * 64 * site.width * 4
    fold = 2 * 4 * site.width**2
    assert site_operations(base, "cross", [shapes_of(base)] * number) - number * fold == number * BATCH * 2 * thin


@pytest.mark.parametrize("number", [1, 3])
def test_temporal_attention_projects_the_base_once_and_skips_the_anchor(number):
    base = meta_base()
    width, rows = first_site(base, "temporal").width, BATCH * 64
    own = 4 * 2 * FRAMES * width**2
    updates = 4 * 2 * 2 * FRAMES * width * 4
    attention = 2 * 2 * FRAMES * FRAMES * width
    by_hand = rows * (own + number * (updates + attention))
    assert site_operations(base, "temporal", [shapes_of(base)] * number) == by_hand


@pytest.mark.parametrize("make_base", [tiny_unet_base, tiny_wan_base])
def test_shapes_count_what_a_real_pass_on_the_processor_counts(make_base):
    """torch's own counter knows no attention kernel of processors: left alone, it counts them as nothing."""
    real = make_base()
    noisy, timestep = noisy_latents(real, batch=1)
    shapes = meta_base(real.spec.family)
    for number in (0, 1, 2):
        adapters = [lively(real, seed=seed) for seed in range(number)]
        counted = count_with(shapes, [shapes_of(shapes, rank=4)] * number, *empty_latents(shapes))
        assert count_with(real, adapters, noisy, timestep) == counted > 0


@pytest.mark.parametrize("family", ["unet_motion", "wan"])
def test_every_further_adapter_costs_the_same(family):
    base = meta_base(family)
    adapter = shapes_of(base)
    counts = [count_with(base, [adapter] * number, *empty_latents(base)) for number in range(4)]
    more = [after - before for before, after in pairwise(counts)]
    assert more[1] == more[2] > 0


def test_an_adapter_of_weight_zero_costs_nothing():
    base = meta_base()
    adapter = shapes_of(base)
    parts = Ranks(cross_frame_attention=4)
    silent = MivaAdapter.create(adapter_spec(base, ranks=parts), base.sites()).eval()
    noisy, timestep = empty_latents(base)
    alone = count_with(base, [adapter], noisy, timestep)
    with attached(base, Composition(((adapter, 1.0), (silent, 0.0)))):
        assert count_operations(base, noisy, timestep) == alone
