"""The image encoder's pretraining: what is asked of it, and what it leaves behind."""

from __future__ import annotations

import pytest
import torch

from engine.bases.image_encoder import ImageEncoder
from engine.pretraining.examples import LABELLED
from engine.pretraining.image_encoder import MOTIONS, Run, draw_picture, losses, trained_encoder


@pytest.mark.parametrize("seed", range(0, 12, 2))
def test_a_picture_says_what_is_in_each_of_its_cells(seed: int):
    picture = draw_picture(seed)
    assert picture.pixels.shape == (3, 80, 128)
    assert picture.pixels.abs().max() <= 1
    assert picture.labels.shape == (len(LABELLED), 20, 32)
    assert 0 <= picture.labels.min() <= picture.labels.max() <= 1 + 1e-6
    assert picture.motions.shape == (MOTIONS, 20, 32)
    assert picture.motions[-1].min() >= 0


def test_nothing_moves_in_a_picture_of_nothing():
    empty = [picture for picture in map(draw_picture, range(0, 80, 2)) if not picture.labels.any()]
    assert len(empty) > 2
    assert not any(picture.motions.any() for picture in empty)


def test_right_answers_cost_nothing_and_a_thing_missed_costs_more_than_one_made_up():
    labels = torch.zeros(len(LABELLED), 4, 4)
    labels[0, 0, 0] = 1
    motions = torch.ones(1, MOTIONS, 4, 4)
    right = (labels * 40 - 20)[None]
    labelling, moving = losses((right, motions), labels[None], motions)
    assert labelling < 1e-6
    assert moving == 0
    missed, made_up = right.clone(), right.clone()
    missed[0, 0, 0, 0] *= -1
    made_up[0, 0, 0, 1] *= -1
    assert losses((missed, motions), labels[None], motions)[0] > losses((made_up, motions), labels[None], motions)[0]
    assert losses((right, torch.zeros_like(motions)), labels[None], motions)[1] == 1


def test_the_averages_are_what_a_base_gets(tmp_path):
    run = Run(tmp_path, seconds=3600)
    run.take_step()
    run.state.save(tmp_path)
    encoder = trained_encoder(tmp_path)
    encoder.save(tmp_path / "image_encoder")
    for name, value in ImageEncoder.load(tmp_path / "image_encoder").state_dict().items():
        assert torch.equal(value, encoder.state_dict()[name])
        assert torch.equal(value, run.state.average[name].half().float())


def test_a_stopped_run_goes_on_to_the_same_weights(tmp_path):
    whole = Run(tmp_path / "whole", seconds=3600)
    for _ in range(2):
        whole.take_step()
    first = Run(tmp_path, seconds=3600)
    first.take_step()
    first.state.save(tmp_path)
    second = Run(tmp_path, seconds=3600)
    second.state.resume(tmp_path)
    second.take_step()
    for name, value in whole.state.model.state_dict().items():
        assert torch.equal(value, second.state.model.state_dict()[name]), name
