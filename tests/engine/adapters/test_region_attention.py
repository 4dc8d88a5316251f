"""Attention that keeps to its region against the paper's bias, written out as a matrix of tokens by tokens."""

from __future__ import annotations

import pytest
import torch

from engine.adapters.region_attention import (
    EPSILON,
    attend_in_labels,
    attend_in_region,
    flexible_kernel,
    frame_bias,
    simplex,
    soft_attention,
)
from engine.bases.attention_layer import attend
from engine.bases.regions import Regions, unified_labels
from registry_schema.errors import UsageProblem

ROWS, LOOKING, SEEN, HEADS, WIDTH = 2, 7, 5, 2, 6


def drawn(*shape: int, dtype=torch.float64) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(sum(shape)), dtype=torch.float64).to(dtype)


def example(dtype=torch.float64):
    query = drawn(ROWS, LOOKING, HEADS, WIDTH, dtype=dtype)
    return query, drawn(ROWS, SEEN, HEADS, WIDTH, dtype=dtype), drawn(ROWS, SEEN, HEADS, WIDTH + 1, dtype=dtype)


def written_out(query, key, value, bias):
    """softmax(q k / sqrt(d) + bias) v with the whole matrix; bias: rows p q."""
    scores = torch.einsum("rphd,rqhd->rhpq", query, key) / query.shape[-1] ** 0.5 + bias[:, None]
    return torch.einsum("rhpq,rqhd->rphd", scores.softmax(-1), value).flatten(2)


def equation_three(looking, seen):
    one, other = looking[:, :, None], seen[:, None, :]
    return (one * other + (1 - one) * (1 - other) + EPSILON).log()


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-6)])
@pytest.mark.parametrize("hard", [False, True])
def test_masked_attention_equals_the_explicit_bias(dtype, tolerance, hard):
    looking, seen = drawn(ROWS, LOOKING, dtype=dtype).sigmoid(), drawn(ROWS, SEEN, dtype=dtype).sigmoid()
    seen[:, 0], looking[:, :2] = 0, 1  # certain tokens, too
    if hard:
        looking, seen = looking.round(), seen.round()
    query, key, value = example(dtype)
    found = attend_in_region(query, key, value, looking=looking, seen=seen, hard=hard)
    expected = written_out(
        *(tensor.double() for tensor in (query, key, value)), equation_three(looking.double(), seen.double())
    )
    assert found.dtype == dtype
    assert (found.double() - expected).abs().max() <= tolerance


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_a_mask_that_is_the_same_everywhere_changes_nothing(share):
    query, key, value = example()
    looking, seen = torch.full((ROWS, LOOKING), share).double(), torch.full((ROWS, SEEN), share).double()
    for hard in (False, True):
        found = attend_in_region(query, key, value, looking=looking, seen=seen, hard=hard)
        assert torch.allclose(found, attend(query, key, value), atol=1e-12)


def test_the_forms_for_hard_labels_agree():
    query, key, value = example()
    looking, seen = drawn(ROWS, LOOKING).sigmoid().round(), drawn(ROWS, SEEN).sigmoid().round()
    one_channel = attend_in_region(query, key, value, looking=looking, seen=seen, hard=True)
    widened_values = soft_attention(query, key, value, looking=looking, seen=seen)
    assert torch.allclose(one_channel, widened_values, atol=1e-12)
    assert torch.allclose(one_channel, split_by_label(query, key, value, looking, seen), atol=1e-12)


def split_by_label(query, key, value, looking, seen):
    """Keys of each label by themselves, the two results put together by their masses."""
    scores = torch.einsum("rphd,rqhd->rhpq", query, key) / WIDTH**0.5
    total, mass = 0, 0
    for label in (0, 1):
        there = (seen == label)[:, None, None]
        part = scores.masked_fill(~there, -torch.inf)
        own = part.logsumexp(-1, keepdim=True).exp()
        result = torch.einsum("rhpq,rqhd->rhpd", part.softmax(-1).nan_to_num(), value)
        weight = own * ((looking == label)[:, None, :, None].double() + EPSILON)
        total, mass = total + weight * result, mass + weight
    return (total / mass).transpose(1, 2).flatten(2)


@pytest.mark.parametrize("count", [2, 3, 5])
def test_unified_labels_equal_the_explicit_bias(count):
    generator = torch.Generator().manual_seed(count)
    looking = torch.randint(count, (ROWS, LOOKING), generator=generator)
    seen = torch.randint(count, (ROWS, SEEN), generator=generator)
    bias = ((looking[:, :, None] == seen[:, None]).double() + EPSILON).log()
    found = attend_in_labels(*example(), looking=looking, seen=seen, count=count)
    assert torch.allclose(found, written_out(*example(), bias), atol=1e-12)


@pytest.mark.parametrize("count", [2, 3, 6])
def test_labels_are_corners_of_a_regular_simplex(count):
    products = simplex(count) @ simplex(count).T
    expected = torch.full((count, count), -1 / (count - 1), dtype=torch.float64).fill_diagonal_(1)
    assert torch.allclose(products, expected)


def test_flex_attention_gives_the_same_when_it_is_switched_on():
    looking, seen = drawn(ROWS, LOOKING).sigmoid().float(), drawn(ROWS, SEEN).sigmoid().float()
    query, key, value = example(torch.float32)
    by_values = attend_in_region(query, key, value, looking=looking, seen=seen, hard=False)
    with flexible_kernel(), pytest.warns(UserWarning, match="without torch.compile"):
        flexible = attend_in_region(query, key, value, looking=looking, seen=seen, hard=False)
    assert torch.allclose(flexible, by_values, atol=1e-6)


def test_the_bias_between_frames_is_equation_three():
    subject = drawn(3, 4).sigmoid()
    assert torch.allclose(frame_bias(subject, torch.float64)[:, 0], equation_three(subject, subject))


def test_on_overlap_the_later_mask_wins():
    confidence = torch.tensor([[0.9, 0.9, 0.2, 0.1], [0.1, 0.6, 0.8, 0.5]]).view(1, 2, 1, 4)
    assert unified_labels(confidence).flatten().tolist() == [1, 2, 2, 0]
    regions = Regions(confidence.view(1, 2, 1, 2, 2)).at((2, 2))
    assert regions.background().flatten().tolist() == [0, 0, 0, 1]
    assert regions.subject(1, hard=True).flatten().tolist() == [0, 1, 1, 0]


def test_masks_are_pooled_by_area_once_for_each_size_of_site():
    regions = Regions(torch.arange(16.0).view(1, 1, 1, 4, 4) / 16)
    assert regions.at((2, 2)) is regions.at((2, 2))
    assert torch.allclose(regions.at((2, 2)).confidence.flatten() * 16, torch.tensor([2.5, 4.5, 10.5, 12.5]))
    assert regions.without(0) is None


def test_masks_of_another_shape_are_refused():
    with pytest.raises(UsageProblem, match="masks of shape `4 x 4`, expected batch x masks x frames"):
        Regions(torch.zeros(4, 4))
