"""The detector and the cutter: real classes, real layout, random weights; what they answer and what they refuse."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from engine.mask_requests import Box, MaskHints, Point, Subject
from engine.masks.grounded import Grounded, GroundedSubject
from engine.masks.published_models import CUTTER, DETECTOR, SEGMENTER
from registry_schema.errors import IntegrityProblem, NotFound, UsageProblem
from tests.engine.masks.tiny_segmenter import write_segmenter

if TYPE_CHECKING:
    from pathlib import Path

CPU = torch.device("cpu")
BIRDS = Subject("birds flying", ("bird", "birds"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_segmenter(tmp_path_factory.mktemp("segmenter"))


@pytest.fixture(scope="module")
def models(folder: Path) -> Grounded:
    return Grounded.load(folder, CPU, short_side=96)


@pytest.fixture
def picture() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, (48, 80, 3), dtype=np.uint8)


def test_boxes_lie_in_the_picture_the_likeliest_first(models: Grounded, picture: np.ndarray):
    found = models.detect(picture, BIRDS.phrases)
    assert len(found) == 5
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)
    for one in found:
        left, top, right, bottom = one.box
        assert 0 <= left <= right <= 80
        assert 0 <= top <= bottom <= 48


def test_the_phrase_decides_what_is_found(models: Grounded, picture: np.ndarray):
    birds, horse = (models.detect(picture, (phrase,)) for phrase in ("bird", "horse"))
    assert [one.score for one in birds] != [one.score for one in horse]
    assert models.detect(picture, (" Bird. ",)) == birds


def test_a_mask_has_the_size_of_its_picture_and_joins_what_lies_in_all_boxes(models: Grounded, picture: np.ndarray):
    boxes = ((4.0, 4.0, 20.0, 20.0), (40.0, 10.0, 70.0, 40.0))
    both, quality = models.cut(picture, boxes)
    assert both.shape == (48, 80)
    assert 0 <= quality <= 1
    each = [models.cut(picture, (box,))[0] for box in boxes]
    assert torch.allclose(both, torch.maximum(*each), atol=1e-5)


def test_a_subject_is_found_with_a_confidence(models: Grounded, picture: np.ndarray):
    found = GroundedSubject(models, BIRDS).find(picture)
    assert found is not None
    assert found.mask.shape == (48, 80)
    assert 0 < found.confidence <= 1
    assert found.source == "GroundingDINO and SAM 2"


def test_boxes_and_clicks_go_to_the_cutter(models: Grounded, picture: np.ndarray):
    boxed = models.cut_hinted(picture, MaskHints(boxes=(Box(4, 4, 16, 16),)))
    assert torch.equal(boxed.mask, models.cut(picture, ((4.0, 4.0, 20.0, 20.0),))[0])
    clicked = models.cut_hinted(picture, MaskHints(points=(Point(10, 10), Point(12, 9))))
    assert not torch.equal(clicked.mask, boxed.mask)
    with pytest.raises(UsageProblem, match=r"point `90,5` lies outside of the picture, which has 80x48 pixels"):
        models.cut_hinted(picture, MaskHints(points=(Point(90, 5),)))


def test_missing_and_broken_models_are_named(folder: Path, tmp_path: Path):
    with pytest.raises(NotFound, match=r"detector` has no `model.safetensors`") as problem:
        Grounded.load(tmp_path, CPU)
    assert problem.value.hint == "`mivactl weights fetch segmenter` downloads it"
    broken = shutil.copytree(folder, tmp_path / "broken")
    (broken / DETECTOR / "model.safetensors").write_bytes(b"no header at all")
    with pytest.raises(IntegrityProblem, match=r"the model in `.*detector` can not be loaded: "):
        Grounded.load(broken, CPU)
    other = shutil.copytree(folder, tmp_path / "other")
    shutil.copy(folder / DETECTOR / "model.safetensors", other / CUTTER / "model.safetensors")
    with pytest.raises(IntegrityProblem, match=r"lacks \d+ tensors of Sam2Model, such as `"):
        Grounded.load(other, CPU)


def test_a_pickle_is_never_read(folder: Path, tmp_path: Path):
    pickled = shutil.copytree(folder, tmp_path / "pickled")
    (pickled / CUTTER / "model.safetensors").rename(pickled / CUTTER / "pytorch_model.bin")
    with pytest.raises(NotFound, match=r"has no `model.safetensors`"):
        Grounded.load(pickled, CPU)


def test_code_that_a_configuration_names_is_not_run(folder: Path, tmp_path: Path):
    hostile = shutil.copytree(folder, tmp_path / "hostile")
    path = hostile / DETECTOR / "config.json"
    config = {**json.loads(path.read_text()), "auto_map": {"AutoModel": "evil.Model"}}
    path.write_text(json.dumps(config))
    (path.parent / "evil.py").write_text("raise SystemExit('run')")
    assert Grounded.load(hostile, CPU) is not None


def test_what_is_fetched_is_pinned():
    for model in SEGMENTER:
        assert len(model.revision) == 40
        assert "config.json" in model.files
        assert not [name for name in model.files if name.endswith((".bin", ".pt", ".py"))]
