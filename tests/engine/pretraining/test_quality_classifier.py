"""The classifier of the starter-quality suite: what it sees, and that it learns."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch

from engine.pretraining.quality.classifier import MotionClassifier
from engine.pretraining.quality.clip_motion import MOMENTS, motion_of
from engine.pretraining.quality.confusion import Confusion
from engine.pretraining.quality.degradation import degraded
from engine.pretraining.quality.features import CHANNELS, features_of
from engine.pretraining.quality.fitting import FitPlan, augmented, fit
from engine.pretraining.quality.labelled_clips import DRAWN_BY, ENGINE, LabelledMaps, source_digest
from engine.pretraining.quality.motions import CLASSES
from engine.pretraining.quality.real_clips import MOST_ATTEMPTS, MOST_CLIPS, Stream, real_clip
from engine.pretraining.quality.trained_classifier import MADE_BY, TrainedClassifier, _loaded, _save
from engine.pretraining.scenes.draws import Draws
from engine.progress import SilentProgress


def textured(seed: int) -> np.ndarray:
    """A picture of random blotches, 80 128 3, away from black and white."""
    field = torch.nn.functional.interpolate(Draws(seed).normal(1, 3, 20, 32), (80, 128), mode="bicubic")
    return (field[0].permute(1, 2, 0).numpy() * 20 + 110).clip(40, 200).astype(np.uint8)


def rolling(seed: int, right: int, down: int) -> np.ndarray:
    """A clip in which a picture goes by as a whole."""
    picture = textured(seed)
    return np.stack([np.roll(picture, (down * place, right * place), (0, 1)) for place in range(16)])


def test_features_of_a_still_clip_are_zero():
    features = features_of(motion_of(np.repeat(textured(1)[None], 16, axis=0)))
    assert features.shape == (CHANNELS, len(MOMENTS), 20, 32)
    assert features.abs().max() == 0


def test_brightness_is_not_seen():
    clip = rolling(2, 1, 0)
    features, brighter = (features_of(motion_of(frames)) for frames in (clip, clip + np.uint8(25)))
    torch.testing.assert_close(features, brighter, atol=1e-3, rtol=0)
    assert features.abs().max() > 1


def test_features_know_the_direction():
    right, left, down = (features_of(motion_of(rolling(3, *step))) for step in ((1, 0), (-1, 0), (0, 1)))
    assert right[0].mean() > 0.5
    assert left[0].mean() < -0.5
    assert down[1].mean() > 0.5


def test_a_fit_to_a_few_clips_tells_motions_apart():
    """Three ways to move, four clips each; other pictures are named right more often than by chance."""
    steps = {"camera-pan-right": (-1, 0), "waterfall": (0, 1), "still": (0, 0)}

    def drawn(seeds: range) -> LabelledMaps:
        maps = [features_of(motion_of(rolling(seed, *step))) for step in steps.values() for seed in seeds]
        labels = [CLASSES.index(name) for name in steps for _ in seeds]
        return LabelledMaps(torch.stack(maps), torch.tensor(labels))

    classifier = fit(drawn(range(4)), FitPlan(rounds=10, batch=6), SilentProgress())
    held_out = drawn(range(10, 13))
    assert (classifier.classes_of(held_out.maps) == held_out.labels).float().mean() > 0.7


def test_a_fit_is_the_same_every_time():
    examples = LabelledMaps(torch.randn(8, CHANNELS, 5, 20, 32), torch.arange(8))
    first, again = (fit(examples, FitPlan(rounds=1), SilentProgress()).state_dict() for _ in range(2))
    assert all(torch.equal(first[name], again[name]) for name in first)


def test_examples_are_moved_and_scaled_but_never_mirrored():
    maps = torch.zeros(16, CHANNELS, 5, 20, 32)
    maps[:, 0, :, 8:12, 12:20] = 1.0
    other = augmented(maps, torch.Generator().manual_seed(0))
    assert other.shape == maps.shape
    assert other.min() >= 0
    assert len({tuple(clip[0, 0].nonzero()[0].tolist()) for clip in other}) > 8
    filled = (other > 0).flatten(1).sum(1)
    assert (filled == filled[0]).all()
    assert not other[:, 1:].any()


def test_a_worn_clip_begins_with_the_same_picture():
    clip = rolling(4, 1, 0)
    worn, again = (degraded(clip, Draws(5)) for _ in range(2))
    assert np.array_equal(worn, again)
    assert np.array_equal(worn[0], clip[0])
    assert 0 < np.abs(worn[1:].astype(float) - clip[1:]).mean() < 10


def test_clips_are_drawn_as_their_seed_says_and_every_other_one_holds_two_subjects():
    first, again = (real_clip("horse-running", Stream.PICTURES, 1) for _ in range(2))
    assert np.array_equal(first.frames, again.frames)
    assert first.two_subjects
    assert not real_clip("horse-running", Stream.PICTURES, 0).two_subjects
    assert first.frames.shape == (16, 80, 128, 3)
    assert not first.frames[:, ~first.region].std(axis=0).any()


def test_streams_are_odd_and_apart_from_all_that_anything_was_trained_on():
    streams = sorted(Stream)
    assert all(stream % 2 for stream in streams)
    assert streams[0] > 100_000_000  # three million steps of pretraining
    assert all(low + 2 * MOST_CLIPS * MOST_ATTEMPTS * len(CLASSES) < high for low, high in pairwise(streams))


def test_sources_decide_what_is_kept():
    assert source_digest(DRAWN_BY) == source_digest(DRAWN_BY) != source_digest(MADE_BY)
    assert all(list(ENGINE.glob(pattern)) for pattern in MADE_BY)


def test_a_classifier_is_kept_with_its_examination(tmp_path):
    examination = Confusion.of([("clouds", "clouds"), ("clouds", "waterfall")])
    classifier = MotionClassifier().eval()
    _save(TrainedClassifier(classifier, examination), tmp_path / "new" / "classifier.safetensors")
    loaded = _loaded(tmp_path / "new" / "classifier.safetensors")
    assert loaded.examination == examination
    maps = torch.randn(1, CHANNELS, 5, 20, 32)
    assert torch.equal(loaded.classifier(maps), classifier(maps))


def test_a_confusion_counts():
    found = Confusion.of([("a", "a"), ("a", "b"), ("a", "b"), ("a", "c"), ("b", "b")])
    assert found.accuracy == pytest.approx(0.4)
    assert found.among(["b"]).accuracy == 1
    assert found.mistakes == {"b": 2, "c": 1}
    assert Confusion.of([]).accuracy is None
