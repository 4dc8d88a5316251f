"""What masks cost, counted: no matrix of tokens by tokens, and hard labels as good as free."""

from __future__ import annotations

import pytest
import torch

from engine.adapters.attach import attached
from engine.adapters.composition import Composition
from engine.adapters.miva import MivaAdapter
from engine.bases.regions import Regions
from engine.counting.live_bytes import LiveBytes
from engine.counting.masked_count import count_mask_parts, empty_regions, forward_bytes
from engine.counting.operations import count_operations
from tests.engine.counting.tiny_blueprints import meta_base
from tests.engine.masked_adapters import ALL_HARD, ALL_SOFT, masked_spec
from tests.engine.tiny_adapters import adapter_spec, all_parts


def shapes_of(base, regions=None):
    return MivaAdapter.create(masked_spec(base, regions=regions), base.sites()).eval()


def meta(base, height: int, *, rows: int = 2):
    channels, frames = base.spec.latent.channels, 3
    noisy = torch.empty((rows, channels, frames, height, 32), device="meta")
    return noisy, torch.empty(rows, device="meta"), Regions(torch.empty((1, 1, frames, height, 32), device="meta"))


@pytest.mark.parametrize("family", ["unet_motion", "wan"])
@pytest.mark.parametrize("regions", [ALL_HARD, ALL_SOFT], ids=["hard", "soft"])
def test_a_masked_pass_needs_twice_the_memory_for_twice_the_tokens(family, regions):
    base = meta_base(family)
    adapter = shapes_of(base, regions)
    once, twice = (forward_bytes(base, adapter, *meta(base, height)) for height in (32, 64))
    assert twice < 2.1 * once


def test_plain_matrix_products_would_need_four_times_as_much():
    """The count sees a matrix of tokens by tokens where there is one."""
    base = meta_base()
    adapter = shapes_of(base, ALL_SOFT)

    def peak(height):
        noisy, timestep, regions = meta(base, height)
        live = LiveBytes(apart=[*base.denoiser.parameters(), *adapter.parameters()])
        with torch.no_grad(), attached(base, Composition.of(adapter)), live:
            base.predict(noisy, timestep, streams=2, regions=regions)
        return live.most

    assert peak(64) > 3.5 * peak(32)


@pytest.mark.parametrize("family", ["unet_motion", "wan"])
def test_hard_labels_cost_next_to_nothing_and_soft_masks_half_an_attention_more(family):
    base = meta_base(family)
    noisy, timestep, _ = meta(base, 32, rows=1)
    regions = Regions(torch.empty((1, 1, 3, 32, 32), device="meta"))
    counts = {}
    for name, form in (("hard", ALL_HARD), ("soft", ALL_SOFT)):
        with attached(base, Composition.of(shapes_of(base, form))):
            plain = count_operations(base, noisy, timestep)
            counts[name] = count_operations(base, noisy, timestep, regions=regions) / plain
    assert 1 < counts["hard"] < 1.06  # heads of a tiny base are 8 to 16 wide: one channel more is much
    assert counts["hard"] < counts["soft"] < 1.55


def test_a_mask_stream_costs_as_much_as_pictures_with_an_adapter():
    base = meta_base()
    adapter = MivaAdapter.create(masked_spec(base, guided=False, background=False), base.sites()).eval()
    noisy, timestep, _ = meta(base, 32)
    with attached(base, Composition.of(adapter)):
        pictures = count_operations(base, noisy[:1], timestep[:1])
        both = count_operations(base, noisy, timestep, streams=2)
    assert both == pytest.approx(2 * pictures, rel=0.01)


@pytest.mark.parametrize("family", ["unet_motion", "wan"])
def test_a_masked_adapter_has_what_a_plain_one_has_and_its_mask_stream(family):
    base = meta_base(family)
    masked = shapes_of(base)
    plain = MivaAdapter.create(adapter_spec(base, ranks=all_parts(base)), base.sites())
    numbers = [sum(tensor.numel() for tensor in adapter.parameters()) for adapter in (masked, plain)]
    assert numbers[0] - numbers[1] == sum(count_mask_parts(base, masked).values()) > 0
    assert empty_regions(base).masks == 1
