"""Who finds a subject in a photo, and how well: boxes, clicks, the encoder, and nobody."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from engine.bases.image_encoder import ImageEncoder
from engine.mask_requests import Box, MaskHints, MaskRequest, Point, Subject
from engine.masks.cutting import cut_likely, soft_iou
from engine.masks.find_mask import MaskFinder, find_mask
from engine.masks.hinted import cut_hinted
from engine.masks.known_things import THINGS, KnownThing, known_thing
from engine.masks.photo_mask import mask_photo
from engine.pretraining.examples import LABELLED
from engine.video.photo import open_photo
from registry_schema.errors import NotFound, UsageProblem
from tests.engine.masks.scenes import box_around, scene

CPU = torch.device("cpu")
DOG = Subject("dog running", ("dog",))
BIRDS = Subject("birds flying", ("birds", "bird"))
BIRD_SEED, HORSE_SEED = 990_009, 990_005
NOWHERE = Path("/nowhere")


@pytest.mark.parametrize(("motion", "seed"), [("birds-flying", BIRD_SEED), ("horse-running", HORSE_SEED)])
def test_a_box_or_clicks_find_the_subject_of_a_scene(motion: str, seed: int):
    frames, masks = scene(motion, seed)
    rows, columns = (masks[0] > 0.9).nonzero(as_tuple=True)
    middle = len(rows) // 2
    hints = (
        MaskHints(boxes=(box_around(masks[0]),)),
        MaskHints(points=(Point(float(columns[middle]) + 0.5, float(rows[middle]) + 0.5),)),
    )
    for hint in hints:
        found = cut_hinted(frames[0], hint)
        assert soft_iou(found.mask, masks[0]) > 0.6, hint
        assert found.is_confident


def test_the_same_hints_give_the_same_mask():
    frames, masks = scene("birds-flying", BIRD_SEED)
    hints = MaskHints(boxes=(box_around(masks[0]),))
    first, second = (cut_hinted(frames[0], hints).mask for _ in range(2))
    assert torch.equal(first, second)


def test_nothing_outside_of_the_box_is_in_the_mask():
    frames, masks = scene("birds-flying", BIRD_SEED)
    box = box_around(masks[0], margin=4)
    found = cut_hinted(frames[0], MaskHints(boxes=(box,))).mask.clone()
    top, left = max(int(box.top) - 1, 0), max(int(box.left) - 1, 0)
    found[top : int(box.top + box.height) + 1, left : int(box.left + box.width) + 1] = 0
    assert float(found.sum()) == 0


def test_a_likelihood_is_cut_along_the_outline_of_what_it_points_at():
    frames, masks = scene("birds-flying", BIRD_SEED)
    rough = torch.nn.functional.avg_pool2d(masks, 9, stride=1, padding=4)[0]
    cut = torch.from_numpy(cut_likely(frames[0], rough.numpy()))
    assert soft_iou(cut, masks[0]) > soft_iou(rough, masks[0]) + 0.1


@pytest.mark.parametrize(
    ("hints", "message"),
    [
        (MaskHints(boxes=(Box(0, 0, 128, 80),)), "box `0,0,128,80` is the whole picture"),
        (MaskHints(boxes=(Box(100, 10, 40, 10),)), "box `100,10,40,10` does not lie in the picture, which has 128x80"),
        (MaskHints(points=(Point(-1, 3),)), "point `-1,3` lies outside of the picture"),
    ],
)
def test_hints_outside_of_the_picture_are_refused(hints: MaskHints, message: str):
    with pytest.raises(UsageProblem, match=message) as problem:
        cut_hinted(np.zeros((80, 128, 3), dtype=np.uint8), hints)
    assert problem.value.hint


def test_the_rows_of_the_encoder_are_those_it_is_trained_on():
    assert tuple(THINGS) == LABELLED


@pytest.mark.parametrize(
    ("subject", "thing"),
    [
        (Subject("birds flying"), "birds-flying"),
        (Subject("a gallop", ("Horse",)), "horse-running"),
        (Subject("turning to smile", ("face", "portrait")), "turning-to-smile"),
        (DOG, None),
    ],
)
def test_a_subject_is_known_by_its_motion_or_a_phrase(subject: Subject, thing: str | None):
    assert known_thing(subject) == thing


def test_an_untrained_encoder_is_not_sure_of_anything():
    frames, _ = scene("birds-flying", BIRD_SEED)
    torch.manual_seed(0)
    thing = KnownThing(ImageEncoder(len(THINGS), 5).eval(), "birds-flying")
    likelihood = thing.likelihood(frames[0])
    assert likelihood.shape == (80, 128)
    assert 0 <= float(likelihood.min()) <= float(likelihood.max()) <= 1
    mirrored = thing.likelihood(np.ascontiguousarray(frames[0][:, ::-1]))
    assert torch.allclose(mirrored, likelihood.flip(-1), atol=1e-3)
    found = thing.find(frames[0])
    assert found is None or (found.mask.shape == (80, 128) and not found.is_confident)


def test_who_can_not_look_says_how_to_go_on():
    finder = MaskFinder(None, CPU, encoder=NOWHERE)
    picture = np.zeros((80, 128, 3), dtype=np.uint8)
    with pytest.raises(NotFound, match="to find dog in a picture takes the weights of a segmenter") as problem:
        finder.find(picture, DOG)
    assert "`mivactl weights fetch segmenter`" in str(problem.value.hint)
    assert "--box" in str(problem.value.hint)
    with pytest.raises(NotFound, match="nobody said what to look for"):
        finder.find(picture, None)


def test_a_photo_that_is_cut_out_needs_nobody(tmp_path: Path):
    frames, masks = scene("birds-flying", BIRD_SEED)
    alpha = (masks[0].numpy() * 255).round().astype(np.uint8)
    Image.fromarray(np.dstack([frames[0], alpha])).save(tmp_path / "cutout.png")
    found = find_mask(open_photo(tmp_path / "cutout.png"), DOG, MaskFinder(None, CPU, encoder=NOWHERE))
    assert found.source == "the photo's transparency"
    assert soft_iou(found.mask, masks[0]) > 0.95


def test_the_door_writes_the_mask_and_a_picture_that_shows_it(tmp_path: Path):
    frames, masks = scene("birds-flying", BIRD_SEED)
    Image.fromarray(frames[0]).save(tmp_path / "photo.png")
    request = MaskRequest(
        photo=tmp_path / "photo.png",
        subject=None,
        output=tmp_path / "mask.png",
        hints=MaskHints(boxes=(box_around(masks[0]),)),
        preview=tmp_path / "preview.jpg",
    )
    result = mask_photo(request)
    with Image.open(result.output) as image:
        assert (image.mode, image.size) == ("L", (128, 80))
        written = torch.from_numpy(np.array(image, dtype=np.float32) / 255)
    assert soft_iou(written, masks[0]) > 0.6
    assert result.share == pytest.approx(float(written.mean()), abs=0.01)
    with Image.open(tmp_path / "preview.jpg") as image:
        assert image.size == (128 * 2 + 8, 80)
