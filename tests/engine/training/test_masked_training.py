"""Training with masks: rows of noise levels, true and predicted masks, mirrored clips, resumed runs."""

from __future__ import annotations

import pytest
import torch

from engine.adapters.miva import MivaAdapter
from engine.progress import SilentProgress
from engine.recipe import base_defaults, recipe_from_dict
from engine.training.adapter_plan import plan_adapter
from engine.training.clip_dataset import open_clips
from engine.training.latent_cache import LatentCache
from engine.training.latent_set import LatentSet
from engine.training.lesson import truth_share
from engine.training.masked_latents import MaskedLatentSet
from engine.training.run import Footage, RunPlace, run_training
from engine.training.shared_recipe import shared_recipe
from engine.training.trainer import Trainer
from registry_schema.errors import UsageProblem
from tests.engine.tiny_bases import tiny_unet_base
from tests.engine.tiny_wan import tiny_wan_base
from tests.engine.training.drawn_clips import write_clips
from tests.engine.training.drawn_masks import DrawnMasks, FirstChannel
from tests.engine.training.runs import recipe

MASKED = ("adapter.ranks.mask_stream=4",)
STEPS = 12


def masked_trainer(folder, *overrides, steps=STEPS, base=None, frames=4):
    base = base or tiny_unet_base()
    chosen = recipe(base, f"optimiser.steps={steps}", *MASKED, *overrides)
    adapter = MivaAdapter.create(plan_adapter(chosen, base.spec), base.sites(), seed=chosen.run.seed)
    return Trainer(base, adapter, DrawnMasks(frames), chosen, folder, FirstChannel())


def watched(base, monkeypatch):
    """What the base is asked: noisy rows, timesteps and masks."""
    seen = []
    plain = base.predict

    def predict(noisy, timestep, *, streams=1, regions=None):
        assert streams == 2
        seen.append((noisy.detach().clone(), timestep.clone(), None if regions is None else regions.confidence.clone()))
        return plain(noisy, timestep, streams=streams, regions=regions)

    monkeypatch.setattr(base, "predict", predict)
    return seen


def test_true_masks_are_always_told_at_first_and_never_at_the_end():
    assert truth_share(0, 1000) == 1
    assert truth_share(1000, 1000) == 0
    assert truth_share(500, 1000) == pytest.approx(0.5)
    shares = [truth_share(step, 100) for step in range(101)]
    assert shares == sorted(shares, reverse=True)


def test_five_steps_take_one_clip_from_noisy_to_clean_and_the_first_knows_no_masks(tmp_path, monkeypatch):
    base = tiny_unet_base()
    seen = watched(base, monkeypatch)
    list(masked_trainer(tmp_path, "optimiser.batch=2", steps=10, base=base).fit())
    assert len(seen) == 10
    for row in (seen[:5], seen[5:]):
        for clip in (0, 1):
            levels = [float(timestep[2 * clip]) for _, timestep, _ in row]
            assert levels == sorted(set(levels), reverse=True)
            photos = [noisy[2 * clip, :, 0] for noisy, _, _ in row]
            assert all(torch.equal(photo, photos[0]) for photo in photos)
        assert [regions is None for _, _, regions in row] == [True] + [False] * 4
        noises = [noisy[0, :, 1:] for noisy, _, _ in row]
        assert not any(torch.equal(noises[0], noise) for noise in noises[1:])
    for noisy, timestep, _ in seen:
        assert torch.equal(timestep[::2], timestep[1::2])
        assert not torch.equal(noisy[0, :, 1:], noisy[1, :, 1:])


def test_masks_come_from_the_truth_first_and_from_predictions_in_the_end(tmp_path, monkeypatch):
    base = tiny_unet_base()
    seen = watched(base, monkeypatch)
    list(masked_trainer(tmp_path, steps=30, base=base).fit())
    told = [regions for _, _, regions in seen]
    true = [None if mask is None else bool(((mask == 0) | (mask == 1)).all()) for mask in told]
    known = [flag for flag in true if flag is not None]
    assert all(known[:4])
    assert not any(known[-4:])
    # frame 0 of a mask is given
    for (noisy, _, mask), flag in zip(seen, true, strict=True):
        if flag is False:
            assert torch.equal(mask[0, 0, 0], FirstChannel().confidence(noisy[1:2, :, :1])[0, 0])


@pytest.mark.parametrize("make_base", [tiny_unet_base, tiny_wan_base])
def test_every_tensor_of_a_masked_adapter_learns_and_the_base_stays(tmp_path, make_base):
    base = make_base()
    before = {name: tensor.clone() for name, tensor in base.denoiser.state_dict().items()}
    run = masked_trainer(tmp_path, steps=7, base=base, frames=3 if base.spec.family == "wan" else 4)
    started = {name: tensor.detach().clone() for name, tensor in run.adapter.state_dict().items()}
    list(run.fit())
    moved = {name for name, tensor in run.adapter.state_dict().items() if not torch.equal(tensor, started[name])}
    assert moved == set(started)
    assert all(torch.equal(tensor, before[name]) for name, tensor in base.denoiser.state_dict().items())


def test_frame_0_of_neither_stream_is_judged(tmp_path):
    """Whatever is said of it, the loss is the same."""
    base = tiny_unet_base()
    lesson = masked_trainer(tmp_path, base=base)._lesson
    plain = base.predict

    def loss_with(change):
        def predict(noisy, timestep, *, streams=1, regions=None):
            output = plain(noisy, timestep, streams=streams, regions=regions)
            output[:, :, 0] += change
            return output

        base.predict = predict
        return lesson.loss(0, range(1)).item()

    assert loss_with(0.0) == loss_with(100.0)


def test_a_run_that_stops_within_a_row_goes_on_as_if_nothing_had_happened(tmp_path):
    def weights(run):
        return {name: tensor.clone() for name, tensor in run.adapter.state_dict().items()}

    whole = masked_trainer(tmp_path / "whole")
    list(whole.fit())
    first = masked_trainer(tmp_path / "broken", "run.checkpoint_steps=8")  # the fourth step of the second row
    for event in first.fit():
        if getattr(event, "step", 0) == 9:
            break
    again = masked_trainer(tmp_path / "broken", "run.checkpoint_steps=8")
    list(again.fit(resume=True))
    one, other = weights(whole), weights(again)
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_the_length_of_a_masked_run_may_not_change_while_it_goes_on():
    base = tiny_unet_base()
    short, long = (recipe(base, f"optimiser.steps={steps}", *MASKED) for steps in (10, 20))
    assert short.resume_digest != long.resume_digest
    always = [recipe(base, f"optimiser.steps={steps}", *MASKED, "masks.truth=always") for steps in (10, 20)]
    assert always[0].resume_digest == always[1].resume_digest


def square_masks(frames=8, *, height=40, width=48, speed=1):
    masks = torch.zeros(frames, height, width)
    for index in range(frames):
        left = (speed * index) % width
        masks[index, 10:20, left : left + 10] = 1
    return masks


def all_masks(clips):
    return {f"clip-{index}.gif": square_masks(speed=index + 1) for index in range(clips)}


def test_a_clip_and_its_mask_are_cut_and_mirrored_together(tmp_path):
    base = tiny_unet_base()
    chosen = recipe(base, "clips.flip=true", "clips.windows=2")
    folder = write_clips(tmp_path / "clips")
    dataset = open_clips(folder, base.spec.clip, chosen.clips, seed=1, progress=SilentProgress())
    pictures = LatentSet(dataset, base, LatentCache(tmp_path / "latents"), flip=True)
    examples = MaskedLatentSet(pictures, all_masks(3))
    examples.encode(SilentProgress())
    batch = examples.batch(1, range(12))
    # the bright square is where the mask is: red is the first channel of the tiny autoencoder
    for clip, subject in zip(batch.latents, batch.confidence, strict=True):
        bright = clip[0, 0] > 0
        assert (subject[bright] > 0.4).float().mean() > 0.9
        assert torch.allclose(clip[1, 0] / 2 + 0.5, subject, atol=1e-5)
    assert examples.digest != MaskedLatentSet(pictures, all_masks(3) | {"clip-0.gif": square_masks(speed=3)}).digest


@pytest.mark.parametrize(
    ("masks", "message"),
    [
        ({"clip-0.gif": square_masks()}, "clip `clip-1.gif` has no mask"),
        (all_masks(3) | {"clip-2.gif": square_masks(5)}, "the mask of `clip-2.gif` has 5 frames, the clip has 8"),
        (None, "the recipe makes a masked adapter, and the clips have no masks"),
    ],
)
def test_masks_that_do_not_go_with_the_clips_are_refused(tmp_path, masks, message):
    base = tiny_unet_base()
    footage = Footage(write_clips(tmp_path / "clips"), masks)
    with pytest.raises(UsageProblem, match=message):
        run_training(base, footage, recipe(base, *MASKED), RunPlace(folder=tmp_path / "run"), progress=SilentProgress())


def test_masks_for_a_plain_adapter_are_refused(tmp_path):
    base = tiny_unet_base()
    footage = Footage(write_clips(tmp_path / "clips"), all_masks(3))
    with pytest.raises(UsageProblem, match="makes an adapter without a mask stream") as caught:
        run_training(base, footage, recipe(base), RunPlace(folder=tmp_path / "run"), progress=SilentProgress())
    assert "--masked" in caught.value.hint


def test_a_masked_adapter_without_cross_frame_attention_is_refused():
    base = tiny_unet_base()
    with pytest.raises(UsageProblem, match="without cross-frame attention, on which the mask stream stands"):
        plan_adapter(recipe(base, *MASKED, "adapter.ranks.cross_frame_attention=off"), base.spec)


class Notes(SilentProgress):
    def __init__(self):
        self.notes = []

    def note(self, text):
        self.notes.append(text)


def test_looks_know_no_masks_so_a_masked_run_has_none_and_says_so_where_they_were_asked_for(tmp_path):
    base, told = tiny_unet_base(), Notes()
    chosen = recipe(base, "optimiser.steps=2", "evaluation.times=2", "evaluation.previews=1", *MASKED)
    footage = Footage(write_clips(tmp_path / "clips"), all_masks(3))
    outcome = run_training(base, footage, chosen, RunPlace(folder=tmp_path / "run"), progress=told)
    assert outcome.recipe.evaluation.times == 0
    assert outcome.choice.reason == "the weights of the last step are kept: nothing was looked at on the way"
    assert outcome.held_out is None
    assert outcome.picture is None
    assert [note for note in told.notes if "not looked at" in note]
    assert recipe_from_dict(base_defaults(base.spec, masked=True)).evaluation.times == 0


def test_a_masked_adapter_is_trained_by_one_process():
    chosen = recipe(tiny_unet_base(), *MASKED)
    assert shared_recipe(chosen, 1) == chosen
    with pytest.raises(UsageProblem, match="on one device, expected 1 process, found 2") as caught:
        shared_recipe(chosen, 2)
    assert "--gpus" in caught.value.hint


def test_a_training_from_files_gives_a_masked_adapter(tmp_path):
    base = tiny_unet_base()
    chosen = recipe(base, "optimiser.steps=6", *MASKED)
    footage = Footage(write_clips(tmp_path / "clips"), all_masks(3))
    outcome = run_training(base, footage, chosen, RunPlace(folder=tmp_path / "run"), progress=SilentProgress())
    assert outcome.adapter.spec.masked
    assert outcome.final_loss is not None
    assert outcome.skipped == 0


def test_a_base_recommends_a_mask_stream_as_wide_as_its_cross_frame_attention():
    for base, guided in ((tiny_unet_base(), True), (tiny_wan_base(), False)):
        chosen = recipe_from_dict(base_defaults(base.spec, masked=True))
        assert chosen.masked
        assert chosen.adapter.ranks.mask_stream == chosen.adapter.ranks.cross_frame_attention
        assert chosen.masks.image_guidance is guided
        assert not recipe_from_dict(base_defaults(base.spec)).masked
