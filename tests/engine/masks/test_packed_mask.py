"""Packed masks: nothing that a run reads of a mask is lost."""

from __future__ import annotations

import torch

from engine.masks.found_mask import FoundMask
from engine.masks.packed_mask import pack_mask


def soft_disc(height: int, width: int) -> torch.Tensor:
    """1 in the middle, 0 at the rim, all levels between."""
    rows, columns = torch.meshgrid(torch.linspace(-1, 1, height), torch.linspace(-1, 1, width), indexing="ij")
    return ((0.8 - torch.hypot(rows, columns)) * 10).sigmoid()


def test_a_mask_comes_out_at_the_nearest_of_256_levels_with_all_that_is_known_of_it():
    found = FoundMask(soft_disc(300, 451), 0.75, "somebody", ("a note",))
    again = pack_mask(found).unpacked()
    assert (again.confidence, again.source, again.notes) == (0.75, "somebody", ("a note",))
    assert again.mask.shape == found.mask.shape
    assert torch.equal((again.mask * 255).round(), (found.mask * 255).round())
    assert torch.equal(pack_mask(again).unpacked().mask, again.mask)


def test_an_outline_is_packed_into_a_hundredth():
    outline = (soft_disc(1000, 1500) > 0.5).float()
    assert len(pack_mask(FoundMask(outline, 1.0, "somebody")).content) < 1000 * 1500 * 4 / 100
