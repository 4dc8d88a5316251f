"""`animate --mask`: a masked adapter by the command line, its clip, its masks, its receipt, and what goes wrong."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from engine.animation.clip_files import read_receipt
from engine.masks.find_mask import MaskFinder
from engine.masks.mask_files import write_clip_mask
from engine.masks.published_models import CUTTER
from engine.masks.training_masks import place_of_masks
from engine.video.clip_reader import read_clip
from mivactl.cli.app import run
from tests.end_to_end.masked_world import MASK, masked_world, write_cut_out, write_mask
from tests.end_to_end.tiny_world import (
    FRAMES,
    HEIGHT,
    STEPS,
    WIDTH,
    TinyWorld,
    write_adapter_draft,
    write_clips,
    write_photo,
)
from tests.engine.masks.tiny_segmenter import write_segmenter

if TYPE_CHECKING:
    from pathlib import Path

USE = ("--use", "my/bird", "--use", "my/wave")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> TinyWorld:
    return masked_world(tmp_path_factory.mktemp("masks"))


def test_a_mask_takes_the_masked_build_and_leaves_masks_beside_the_clip(world, said):
    code, data, error = said("animate", "photo.png", *USE, *MASK, "-o", "clip.mp4", "--save-masks")
    assert (code, error) == (0, None)
    (clip,) = data["clips"]
    names = [world.folder / name for name in ("clip.mask-my-bird.mp4", "clip.masks.mp4")]
    assert [path.name for path in names] == [name.rpartition("/")[2] for name in clip["masks"]]
    mask = read_clip(names[0]).frames
    assert mask.shape == (FRAMES, HEIGHT, WIDTH, 3)
    inside, outside = mask[0, 18:22, 18:30].mean(), mask[0, 35:, 40:].mean()
    assert inside > 200
    assert outside < 60
    assert read_clip(names[1]).frames.shape[2] > 4 * WIDTH
    receipt = read_receipt(world.folder / "clip.mp4")
    assert receipt is not None
    (given,) = receipt.settings.masks.given
    assert (given.adapter, given.source) == ("my/bird", "mask.png")
    assert receipt.settings.masks.evaluations == 8


def test_the_clip_is_rendered_again_from_its_receipt_with_the_same_mask_only(world, said):
    assert said("animate", "photo.png", *USE, *MASK, "-o", "again.mp4")[0] == 0
    code, data, _ = said("replay", "again.mp4", *MASK)
    assert (code, data["verdict"]) == (0, "same")
    code, _, error = said("replay", "again.mp4")
    assert (code, error["hint"]) == (3, "pass `--mask my/bird=FILE`")
    write_mask(world.folder / "other.png", light=180)
    code, _, error = said("replay", "again.mp4", "--mask", "my/bird=other.png")
    assert code == 5
    assert "`other.png` is not the mask of the receipt, mask.png" in error["message"]


def test_the_mask_decides_what_the_clip_shows_and_no_mask_is_the_plain_build(world, said):
    write_mask(world.folder / "everything.png", width=2, height=2)
    Image.new("L", (200, 130), 255).save(world.folder / "everything.png")
    for name, options in {
        "a.mp4": MASK,
        "b.mp4": ("--mask", "my/bird=everything.png"),
        "c.mp4": ("--no-mask",),
        "d.mp4": (),
    }.items():
        assert said("animate", "photo.png", *USE, *options, "-o", name)[0] == 0
    frames = {name: read_receipt(world.folder / f"{name}.mp4").output.frames for name in "abcd"}
    assert frames["c"] == frames["d"]
    assert len(set(frames.values())) == 3


def test_a_plan_says_how_often_masks_are_predicted(world, monkeypatch, capsys):
    monkeypatch.setenv("MIVACTL_HOME", str(world.home))
    monkeypatch.chdir(world.folder)
    options = ("--mask-steps", "2", "--steps", "20", "-o", "plan.mp4", "--plan")
    assert run(["animate", "photo.png", *USE, *MASK, *options]) == 0
    assert "2 of 20 steps predict 1 mask: about 10% more to compute" in capsys.readouterr().out
    assert STEPS < 20


def test_a_mask_of_another_size_is_resized_with_a_note(world, said):
    write_mask(world.folder / "small.png", width=100, height=65)
    write_mask(world.folder / "square.png", width=90, height=90)
    for name, told in (("small", "was resized"), ("square", "and is stretched by that")):
        mask = f"my/bird={name}.png"
        code, data, _ = said("animate", "photo.png", *USE, "--mask", mask, "-o", f"{name}.mp4")
        assert code == 0
        assert any(f"the mask `{name}.png` is" in note and told in note for note in data["clips"][0]["notes"])


def test_transparency_is_a_mask(world, said):
    pixels = np.zeros((130, 200, 4), dtype=np.uint8)
    pixels[43:65, 50:100, 3] = 255
    Image.fromarray(pixels).save(world.folder / "cut-out.png")
    frames = []
    for name, file in (("e.mp4", "mask.png"), ("f.mp4", "cut-out.png")):
        assert said("animate", "photo.png", *USE, "--mask", f"my/bird={file}", "-o", name)[0] == 0
        frames.append(read_receipt(world.folder / name).output.frames)
    assert frames[0] == frames[1]


def test_a_cut_out_photo_takes_the_masked_build_by_itself(world, said):
    write_cut_out(world.folder / "own.png")
    code, data, error = said("animate", "own.png", *USE, "-o", "own.mp4")
    assert (code, error) == (0, None)
    assert any("found by the photo's transparency, confidence 1.00: 4%" in note for note in data["clips"][0]["notes"])
    found = read_receipt(world.folder / "own.mp4")
    assert [mask.source for mask in found.settings.masks.given] == ["the photo's transparency"]
    assert said("animate", "own.png", *USE, "--mask", "my/bird=own.png", "-o", "given.mp4")[0] == 0
    assert read_receipt(world.folder / "given.mp4").output.frames == found.output.frames
    code, data, _ = said("replay", "own.mp4")
    assert (code, data["verdict"]) == (0, "same")
    assert said("animate", "own.png", *USE, "--no-mask", "-o", "plain.mp4")[0] == 0
    plain = read_receipt(world.folder / "plain.mp4")
    assert plain.settings.masks is None
    assert plain.output.frames != found.output.frames


def test_of_several_photos_all_must_show_the_subject(world, said, capsys):
    for seed, name in enumerate(("one", "two")):
        write_cut_out(world.folder / f"{name}.png", seed=seed)
    assert said("animate", "one.png", "two.png", *USE, "-o", "both/")[0] == 0
    receipts = [read_receipt(world.folder / "both" / f"{name}-bird+wave.mp4") for name in ("one", "two")]
    assert [len(receipt.settings.masks.given) for receipt in receipts] == [1, 1]
    capsys.readouterr()
    assert run(["animate", "one.png", "photo.png", *USE, "-o", "mixed/"]) == 0
    assert "my/bird runs in its plain build, without a mask in `photo.png`" in capsys.readouterr().err
    assert read_receipt(world.folder / "mixed" / "one-bird+wave.mp4").settings.masks is None


@pytest.fixture(params=[100.0, -100.0], ids=["sure", "unsure"])
def segmenter_is_sure(world, request):
    """A random segmenter in the home, whose cutter thinks well of its masks or does not."""
    folder = write_segmenter(world.home / "weights" / "segmenter")
    path = folder / CUTTER / "model.safetensors"
    tensors = load_file(path)
    (bias,) = [name for name in tensors if name.endswith("iou_prediction_head.proj_out.bias")]
    save_file({**tensors, bias: torch.full_like(tensors[bias], request.param)}, path)
    yield request.param > 0
    shutil.rmtree(folder)


def test_the_segmenter_decides_which_build_runs(world, said, capsys, segmenter_is_sure):
    assert run(["animate", "photo.png", *USE, "-o", "seen.mp4"]) == 0
    told = [line for line in capsys.readouterr().err.splitlines() if "my/bird runs in its plain build" in line]
    masks = read_receipt(world.folder / "seen.mp4").settings.masks
    if segmenter_is_sure:
        assert not told
        assert [mask.source for mask in masks.given] == ["GroundingDINO and SAM 2"]
        assert said("replay", "seen.mp4")[1]["verdict"] == "same"
    else:
        (note,) = told
        assert "GroundingDINO and SAM 2 is not sure of bird: the confidence is 0.00, expected at least 0.5" in note
        assert "`--mask my/bird=FILE` shows its subject" in note
        assert masks is None


def test_a_subject_is_looked_for_once_in_each_of_several_photos(world, said, monkeypatch, segmenter_is_sure):
    looked_at = []
    find = MaskFinder.find

    def counted(finder, pixels, subject, hints=None):
        looked_at.append(pixels.copy())
        return find(finder, pixels, subject, hints)

    monkeypatch.setattr(MaskFinder, "find", counted)
    for seed in (1, 2):
        write_photo(world.folder / f"view-{seed}.png", seed=seed)
    assert said("animate", "view-1.png", "view-2.png", *USE, "-o", "views/")[0] == 0
    # one photo without its subject decides for all: the second is then of no interest
    assert len(looked_at) == (2 if segmenter_is_sure else 1)
    assert len({pixels.tobytes() for pixels in looked_at}) == len(looked_at)
    for seed in (1, 2):
        assert said("animate", f"view-{seed}.png", *USE, "-o", "alone.mp4")[0] == 0
        together, alone = (
            read_receipt(world.folder / name) for name in (f"views/view-{seed}-bird+wave.mp4", "alone.mp4")
        )
        assert together.output.frames == alone.output.frames
        assert together.settings.masks == alone.settings.masks


def test_an_adapter_with_masked_builds_alone_wants_a_mask(world, said):
    draft = write_adapter_draft(world.folder / "draft-fish", world.base_folder, "my/fish", seed=5, masked=True)
    assert run(["publish", str(draft), "--quiet"]) == 0
    assert run(["install", "my/fish", "--masked", "--quiet"]) == 0
    code, _, error = said("animate", "photo.png", "--use", "my/fish", "-o", "fish.mp4")
    assert (code, error["hint"]) == (2, "pass `--mask my/fish=mask.png`")
    assert "to find fish in a picture takes the weights of a segmenter" in error["message"]
    code, _, error = said("animate", "photo.png", "--use", "my/fish", "--no-mask", "-o", "fish.mp4")
    assert code == 4
    assert "`my/fish` has masked builds alone here, and `--no-mask` refuses them" in error["message"]
    assert said("animate", "photo.png", "--use", "my/fish", "--mask", "my/fish=mask.png", "-o", "fish.mp4")[0] == 0
    write_cut_out(world.folder / "own.png")
    assert said("animate", "own.png", "--use", "my/fish", "-o", "own-fish.mp4")[0] == 0


def test_a_lock_with_the_plain_build_is_named_when_a_mask_is_given(world, said, monkeypatch):
    project = world.folder / "project"
    project.mkdir()
    monkeypatch.chdir(project)
    assert said("lock", "my/bird")[0] == 0
    animate = ("animate", "../photo.png", "--use", "my/bird", "--mask", "my/bird=../mask.png", "-o", "locked.mp4")
    code, _, error = said(*animate)
    assert code == 4
    assert "`my/bird` was given a mask, and miva.lock names its plain build" in error["message"]
    assert "`mivactl lock my/bird --masked` locks its masked build" in error["hint"]
    assert said("lock", "my/bird", "--masked")[0] == 0
    assert said(*animate)[0] == 0
    code, _, error = said("animate", "../photo.png", "--use", "my/bird", "--no-mask", "-o", "locked.mp4")
    assert code == 4
    assert "`--no-mask` refuses the masked build of `my/bird` that miva.lock names" in error["message"]


def test_a_masked_adapter_is_trained_from_masks_beside_the_clips(world, said):
    clips = write_clips(world.folder / "clips", count=2)
    for clip in range(2):
        masks = np.zeros((FRAMES + 4, HEIGHT, WIDTH), dtype=np.float32)
        for frame in range(FRAMES + 4):
            masks[frame, 12:28, 4 + 4 * frame + clip :][:, :14] = 1
        write_clip_mask(torch.from_numpy(masks), place_of_masks(clips / f"clip-{clip}.gif"), fps=8)
    train = ("train", clips, "--name", "my/square", "--masked", "--steps", 2, "--set", "clips.windows=1")
    code, data, error = said(*train, "-o", "square")
    assert (code, error) == (0, None)
    assert (data["clips"], data["steps"], data["spec"]["masked"]) == (2, 2, True)
    assert said(*[part for part in train if part != "--masked"], "-o", "plain-square")[0] == 0
    place_of_masks(clips / "clip-1.gif").unlink()
    code, _, error = said(*train, "-o", "again")
    assert code == 2
    assert (
        "1 of 2 clips have no masks that can be used: `clip-1.gif`: nothing called `masks/clip-1`" in error["message"]
    )
    assert "`mivactl mask CLIPS/ --for NAME` makes masks" in error["hint"]


def write_faulty_masks(folder: Path) -> None:
    Image.new("L", (200, 130), 0).save(folder / "black.png")
    (folder / "text.png").write_text("no picture")
    write_photo(folder / "second.png", seed=1)


REFUSALS = {
    "empty": (("--mask", "my/bird=black.png"), 2, "the mask of `my/bird`, black.png, is empty", "--no-mask"),
    "no file": (("--mask", "my/bird=gone.png"), 3, "`gone.png` does not exist", ""),
    "no picture": (("--mask", "my/bird=text.png"), 2, "`text.png` is a text file", ""),
    "plain adapter": (("--mask", "my/wave=mask.png"), 4, "`my/wave` has no masked build", "leave out `--mask my/wave"),
    "not used": (("--mask", "my/horse=mask.png"), 2, "names `my/horse`, which is not among", "add `--use my/horse`"),
    "no name": (("--mask", "mask.png"), 2, "expected `NAME=FILE`", "pass `--mask birds-flying=mask.png`"),
    "twice": ((*MASK, *MASK), 2, "names `my/bird` twice", ""),
    "both": ((*MASK, "--no-mask"), 2, "`--mask` and `--no-mask` were both given", "leave one of them out"),
    "steps": ((*MASK, "--mask-steps", "0"), 2, "`--mask-steps` is `0`, expected 1 to 1000", "pass `--mask-steps 1`"),
    "decoder": ((*MASK, "--mask-decoder", "vea"), 2, "`--mask-decoder` is `vea`", "pass `--mask-decoder vae`"),
    "no tiny decoder": ((*MASK, "--mask-decoder", "tiny"), 3, "has no tiny autoencoder", "--mask-decoder probe"),
    "no masks": (("--save-masks",), 2, "no adapter of this run is masked", "pass `--mask NAME=FILE`"),
    "several photos": (("second.png", *MASK), 2, "`--mask` is for one photo, these are 2", "give the photo"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_what_can_not_be_done_with_a_mask_is_one_clear_error(world, said, case):
    write_faulty_masks(world.folder)
    options, expected, message, hint = REFUSALS[case]
    output = () if case == "several photos" else ("-o", "refused.mp4")
    code, _, error = said("animate", "photo.png", *options, *USE, *output)
    assert code == expected
    assert message in error["message"]
    assert hint in (error["hint"] or "")
    assert not (world.folder / "refused.mp4").exists()


def test_a_masked_build_without_any_mask_is_refused(world, said):
    listed = said("list")[1]["adapters"]
    digest = next(build["digest"] for build in listed if build["name"] == "my/bird" and build["masked"])
    code, _, error = said("animate", "photo.png", "--use", f"my/bird@{digest}", "-o", "refused.mp4")
    assert code == 2
    assert "`my/bird` is a masked adapter, and nothing says where its subject is in `photo.png`" in error["message"]
    assert "pass `--mask my/bird=mask.png`, or `--no-mask`" in error["hint"]
