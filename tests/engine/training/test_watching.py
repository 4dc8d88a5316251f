"""Looking at a run in progress: what is seen, what is left on disk, and that the run does not notice."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from engine.progress import SilentProgress
from engine.training.clip_dataset import open_clips
from engine.training.held_out import held_out_count, split_clips
from engine.training.looks import looks_in
from engine.training.run import Footage, RunPlace, run_training
from engine.training.watching import look_steps
from registry_schema.errors import NotFound, UsageProblem
from tests.engine.tiny_bases import tiny_unet_base
from tests.engine.training.drawn_clips import moving_square, write_clips
from tests.engine.training.runs import recipe

WATCHED = ("optimiser.steps=4", "evaluation.times=2", "evaluation.points=2", "evaluation.previews=2")


def trained(tmp_path, *overrides, clips=3, resume=False, photos=()):
    folder = tmp_path / "clips"
    if not folder.exists():
        write_clips(folder, clips)
    base = tiny_unet_base()
    place = RunPlace(folder=tmp_path / "run", resume=resume, photos=photos)
    return run_training(base, Footage(folder), recipe(base, *WATCHED, *overrides), place, progress=SilentProgress())


def log_of(run):
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    return [{key: value for key, value in line.items() if key != "seconds"} for line in lines]


@pytest.fixture(scope="module")
def watched(tmp_path_factory):
    folder = tmp_path_factory.mktemp("watched")
    return trained(folder, "evaluation.held_out=1")


def test_looks_are_spread_evenly_and_the_last_step_is_among_them():
    assert look_steps(300, 5) == {60, 120, 180, 240, 300}
    assert look_steps(3, 5) == {1, 2, 3}
    assert look_steps(7, 1) == {7}
    assert look_steps(7, 0) == set()


def test_a_look_has_numbers_previews_and_a_contact_sheet(watched):
    looks = looks_in(watched.run_dir / "log.jsonl")
    assert [look.step for look in looks] == [2, 4]
    assert all(look.loss is not None and look.motion is not None and look.drift is not None for look in looks)
    folder = watched.run_dir / "looks"
    for step in (2, 4):
        assert len(list(folder.glob(f"step-{step:08d}.*.webp"))) == 2
        with Image.open(folder / f"step-{step:08d}.jpg") as sheet:
            assert sheet.width > sheet.height // 2 > 0
    with Image.open(folder / "step-00000004.0.webp") as preview:
        assert preview.n_frames == watched.adapter.spec.clip.frames


def test_the_weights_that_were_looked_at_are_the_ones_that_are_kept(watched):
    chosen = watched.choice.chosen
    assert chosen is not None
    saved = load_file(watched.run_dir / "looks" / f"step-{chosen.step:08d}.safetensors")
    assert all(torch.equal(tensor, saved[name]) for name, tensor in watched.adapter.state_dict().items())


def test_the_last_look_sees_the_average_that_would_be_used(tmp_path):
    outcome = trained(tmp_path, "evaluation.keep=last")
    assert outcome.chosen_step == 4
    assert not list((tmp_path / "run" / "looks").glob("*.safetensors"))
    average = load_file(max((tmp_path / "run" / "checkpoints").glob("step-*")) / "average.safetensors")
    assert all(torch.equal(tensor, average[name]) for name, tensor in outcome.adapter.state_dict().items())


def test_looking_does_not_change_what_is_learned(tmp_path, watched):
    unseen = trained(tmp_path, "evaluation.held_out=1", "evaluation.times=0")
    steps = [line for line in log_of(watched.run_dir) if "look" not in line]
    assert steps == log_of(unseen.run_dir)


def test_a_stopped_run_looks_again_at_the_same_and_finds_the_same(tmp_path, watched):
    place = tmp_path / "clips"
    trained(tmp_path, "evaluation.held_out=1", "run.checkpoint_steps=3")
    run = tmp_path / "run"
    (newest,) = (run / "checkpoints").glob("step-00000004")
    for path in newest.iterdir():
        path.unlink()
    again = trained(tmp_path, "evaluation.held_out=1", "run.checkpoint_steps=3", resume=True)
    assert place.exists()
    assert log_of(run) == log_of(watched.run_dir)
    assert again.choice.looks == watched.choice.looks


def test_clips_that_are_held_out_are_not_trained_on(watched):
    training = {clip.path for clip in watched.dataset.clips}
    held_out = {clip.path for clip in watched.held_out.clips}
    assert (len(training), len(held_out)) == (2, 1)
    assert not training & held_out


def test_one_clip_in_ten_is_held_out_unless_nobody_looks():
    chosen = recipe(tiny_unet_base())
    assert [held_out_count(clips, chosen) for clips in (5, 9, 10, 25, 100)] == [0, 0, 1, 2, 4]
    unwatched = chosen.model_copy(update={"evaluation": chosen.evaluation.model_copy(update={"times": 0})})
    assert held_out_count(100, unwatched) == 0


def test_the_split_is_a_pure_function_of_the_seed(tmp_path):
    base = tiny_unet_base()
    chosen = recipe(base, "evaluation.held_out=2")
    clips = write_clips(tmp_path / "clips", 5)
    dataset = open_clips(clips, base.spec.clip, chosen.clips, seed=1, progress=SilentProgress())
    one, other = split_clips(dataset, chosen), split_clips(dataset, chosen)
    assert one == other
    assert {clip.path for part in one for clip in part.clips} == {clip.path for clip in dataset.clips}
    reseeded = chosen.model_copy(update={"run": chosen.run.model_copy(update={"seed": 3})})
    assert split_clips(dataset, reseeded)[1] != one[1]


def test_not_all_clips_can_be_held_out(tmp_path):
    with pytest.raises(UsageProblem, match=r"`evaluation\.held_out` is `3` of 3 clips") as caught:
        trained(tmp_path, "evaluation.held_out=3")
    assert "--set evaluation.held_out=0" in caught.value.hint


def test_a_persons_photo_is_looked_at_first(tmp_path):
    photo = tmp_path / "photo.png"
    Image.fromarray(moving_square(1, height=90, width=70)[0]).save(photo)
    outcome = trained(tmp_path, "evaluation.previews=1", photos=(photo,))
    assert outcome.picture is not None
    with Image.open(outcome.picture) as kept:
        assert kept.size == (70, 90)
    assert replace(outcome.choice.looks[0], step=1).motion is not None


def test_a_photo_that_is_not_there_is_said_before_the_first_step(tmp_path):
    with pytest.raises(NotFound):
        trained(tmp_path, photos=(tmp_path / "missing.png",))
    assert not (tmp_path / "run" / "log.jsonl").exists()
