"""The published metrics on small random models of the same classes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from engine.metrics.aesthetic import AestheticLoss
from engine.metrics.average_flow import AverageFlow
from engine.metrics.background import BackgroundConsistency
from engine.metrics.catalog import LEARNED, all_metrics
from engine.metrics.imaging import ImagingLoss
from engine.metrics.networks.amt import Amt, between
from engine.metrics.networks.correlation import CorrelationPyramid
from engine.metrics.networks.musiq import GRID, PATCH, scale_tokens
from engine.metrics.networks.raft import Raft
from engine.metrics.sample import Sample
from engine.metrics.smoothness import MotionSmoothness
from engine.metrics.subject import SubjectConsistency
from registry_schema.errors import IntegrityProblem
from tests.engine.metrics.small_models import small_clip, small_dino, small_head, small_musiq, write_small_weights

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def sample() -> Sample:
    frames = np.random.default_rng(0).integers(0, 255, (4, 48, 64, 3), dtype=np.uint8)
    return Sample(frames=frames, fps=8.0, picture=frames[0])


def test_subject_consistency_is_the_formula_over_the_class_token(sample):
    model = small_dino()
    pixels = F.interpolate(torch.tensor(sample.frames).permute(0, 3, 1, 2).float(), (224, 298), mode="bilinear") / 255
    mean, deviation = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    pixels = (pixels - mean[:, None, None]) / deviation[:, None, None]
    with torch.no_grad():
        token = model(pixels, interpolate_pos_encoding=True).last_hidden_state[:, 0]
    wanted = [
        (F.cosine_similarity(token[i], token[i - 1], dim=0) + F.cosine_similarity(token[i], token[0], dim=0)) / 2
        for i in (1, 2, 3)
    ]
    assert SubjectConsistency(model).score(sample).per_frame == pytest.approx([float(one) for one in wanted], abs=1e-5)


def test_a_clip_that_stands_still_is_wholly_consistent_smooth_and_loses_nothing(sample):
    still = Sample(frames=np.stack([sample.frames[0]] * 4), fps=8.0, picture=sample.frames[0])
    assert SubjectConsistency(small_dino()).score(still).value == pytest.approx(1.0, abs=1e-6)
    assert BackgroundConsistency(small_clip()).score(still).value == pytest.approx(1.0, abs=1e-6)
    assert AestheticLoss(small_clip(), small_head()).score(still).value == pytest.approx(0.0, abs=1e-6)
    assert ImagingLoss(small_musiq()).score(still).value == pytest.approx(0.0, abs=1e-6)


def test_the_aesthetic_head_sees_unit_features_and_is_a_tenth(sample):
    model, head = small_clip(), small_head()
    with torch.no_grad():
        head.weight.zero_()
        head.weight[0, 0] = 10.0
        head.bias.zero_()
    scores = AestheticLoss(model, head).score(sample).per_frame
    assert scores[0] == pytest.approx(0.0, abs=1e-6)
    assert all(abs(score) <= 2.0 for score in scores)


def test_musiq_sees_patches_at_three_scales_and_knows_where_each_was():
    pictures = torch.rand(1, 3, 80, 128)
    counts = [len(scale_tokens(pictures, scale).places) for scale in range(3)]
    filled = [int(scale_tokens(pictures, scale).filled.sum()) for scale in range(3)]
    assert counts == [49, 144, 12]
    assert filled == [7 * 5, 12 * 8, 4 * 3]
    own = scale_tokens(pictures, 2)
    assert own.places.tolist() == [GRID * row + column for row in (0, 3, 6) for column in (0, 2, 5, 7)]
    assert own.patches.shape == (1, 12, 3, PATCH, PATCH)


def test_correlation_at_a_place_is_the_product_of_the_features_there():
    one, other = torch.randn(1, 6, 4, 5), torch.randn(1, 6, 4, 5)
    pyramid = CorrelationPyramid(one, other, levels=1, radius=1)
    places = torch.tensor([2.0, 1.0])[None, :, None, None].expand(1, 2, 4, 5)
    found = pyramid.at(places)
    assert found.shape == (1, 9, 4, 5)
    assert found[0, 4, 3, 0] == pytest.approx(float(one[0, :, 3, 0] @ other[0, :, 1, 2]) / 6**0.5, abs=1e-5)
    # columns count slowly: the one after next stands to the right
    assert found[0, 7, 3, 0] == pytest.approx(float(one[0, :, 3, 0] @ other[0, :, 1, 3]) / 6**0.5, abs=1e-5)


def test_raft_and_amt_take_frames_of_any_size(sample):
    torch.manual_seed(0)
    flow = AverageFlow(Raft(8).eval()).score(sample)
    assert len(flow.per_frame) == 3
    assert np.isfinite(flow.value)
    frame = torch.rand(1, 3, 50, 70)
    with torch.no_grad():
        middle = between(Amt().eval(), frame, frame)
    assert middle.shape == frame.shape
    smooth = MotionSmoothness(Amt().eval()).score(sample)
    assert 0 <= smooth.value <= 1
    assert len(smooth.per_frame) == 1


def test_metrics_whose_weights_are_here_run_and_the_others_say_what_they_lack(tmp_path: Path, sample):
    none = all_metrics(None)
    assert [missing.facts.name for missing in none.missing] == [kind.facts.name for kind in LEARNED]
    weights = write_small_weights(tmp_path)
    found = all_metrics(weights)
    assert not found.missing
    assert {metric.facts.name for metric in found.present} == {
        *(metric.facts.name for metric in none.present),
        *(kind.facts.name for kind in LEARNED),
    }
    assert all(np.isfinite(score.value) for metric in found.present if (score := metric.score(sample)))
    assert not any(metric.facts.verified for metric in found.present if metric.facts.weights)
    (tmp_path / "amt-s" / "weights.json").unlink()
    assert [missing.reason for missing in all_metrics(weights).missing] == ["no weights: amt-s"]


def test_weights_that_were_changed_are_refused(tmp_path: Path):
    weights = write_small_weights(tmp_path)
    tensors = tmp_path / "amt-s" / "model.safetensors"
    tensors.write_bytes(tensors.read_bytes()[:-1] + b"\x00" if tensors.read_bytes()[-1:] != b"\x00" else b"x")
    with pytest.raises(IntegrityProblem, match=r"model.safetensors` has digest"):
        all_metrics(weights)


def test_no_two_tiers_share_a_name():
    names = [metric.facts.name for metric in all_metrics(None).present] + [kind.facts.name for kind in LEARNED]
    assert len(names) == len(set(names))
    assert all(name.partition(":")[0] in {"vbench", "evalcrafter", "proxy", "own"} for name in names)
