"""Training with less on a graphics card: which set is taken, and that an adapter learns on it as it should."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from engine.adapters.attach import attached
from engine.adapters.composition import Composition
from engine.adapters.miva import MivaAdapter
from engine.bases.base_folder import base_folder
from engine.bases.memory_saving import EIGHT_BITS, lasting_widened_weights
from engine.bases.memory_set import EIGHT_BIT, OFFLOAD, TILES, TRAINING_SETS, WHOLE, Card, MemoryNeeds, choose_set
from engine.counting.blueprint import assemble, blueprint, counted_adapter, in_format
from engine.counting.count import empty_latents
from engine.counting.training_bytes import training_bytes
from engine.progress import SilentProgress
from engine.recipe import apply_overrides, base_defaults, recipe_from_dict
from engine.training.events import StepDone
from engine.training.training_memory import Fitted, fit_card, in_batches_of, training_memory, training_needs
from registry_schema.errors import Incompatible, ResourceProblem, UsageProblem
from tests.engine.bases.test_catalog import write_base
from tests.engine.tiny_adapters import adapter_spec, all_parts, noisy_latents
from tests.engine.tiny_bases import tiny_unet_base
from tests.engine.tiny_wan import tiny_wan_base
from tests.engine.training.runs import recipe, trainer

CPU = torch.device("cpu")
MIB = 1 << 20
# as `training_needs` has them at the paper's sizes
ANIMATEDIFF = MemoryNeeds(2480 * MIB, 2930 * MIB, 320 * MIB, 2048, 320 * 512, 512**2, 1, kept=22_750 * MIB)
WAN = MemoryNeeds(2710 * MIB, 2730 * MIB, 485 * MIB, 2048, 480 * 832, 256**2, 8, kept=20_800 * MIB)
BASES = pytest.mark.parametrize("make_base", [tiny_unet_base, tiny_wan_base])


@pytest.mark.parametrize("needs", [ANIMATEDIFF, WAN], ids=["animatediff", "wan"])
def test_the_fastest_set_that_fits_is_taken(needs):
    chosen = {gib: choose_set(gib, Card(0, needs), sets=TRAINING_SETS) for gib in ("4", "6", "8", "12", "40")}
    assert chosen == {"4": EIGHT_BIT, "6": EIGHT_BIT, "8": TILES, "12": TILES, "40": WHOLE}


def by_batch(needs):
    """Activations grow with the samples computed at once; what the optimiser keeps does not."""
    kept = 700 * MIB
    return {
        batch: replace(needs, denoising=kept + batch * (needs.denoising - kept), kept=batch * needs.kept)
        for batch in (1, 2, 4)
    }


def test_batches_are_split_before_a_slower_set_is_taken():
    needs = by_batch(ANIMATEDIFF)
    assert fit_card("200", 0, needs) == Fitted(WHOLE, 4)
    assert fit_card("40", 0, needs) == Fitted(WHOLE, 1)
    assert fit_card("16", 0, needs) == Fitted(TILES, 4)
    assert fit_card("12", 0, needs) == Fitted(TILES, 2)
    assert fit_card("8", 0, needs) == Fitted(TILES, 1)
    assert fit_card("6", 0, needs) == Fitted(EIGHT_BIT, 1)


def test_what_can_not_fit_is_refused_with_the_size_that_would():
    with pytest.raises(ResourceProblem, match=r"training needs about 4\.6 GiB .*, `--vram` is `4`") as caught:
        fit_card("4", 0, by_batch(ANIMATEDIFF))
    assert "pass `--vram 5`" in caught.value.hint
    # of a whole card nobody knows better than the card: the run may try
    assert fit_card("auto", 4 << 30, by_batch(ANIMATEDIFF)) == Fitted(EIGHT_BIT, 1)


def test_split_batches_are_the_same_samples(tmp_path):
    base = tiny_unet_base()
    whole = recipe(base, "optimiser.batch=4", "optimiser.accumulate=3")
    split = in_batches_of(whole, 2)
    assert (split.optimiser.batch, split.optimiser.accumulate) == (2, 6)
    ways = {"whole": ("optimiser.batch=4",), "split": ("optimiser.batch=2", "optimiser.accumulate=2")}
    events = [next(trainer(tmp_path / name, *choices, steps=1).fit()) for name, choices in ways.items()]
    losses = [event.loss for event in events if isinstance(event, StepDone)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)


def test_layers_that_come_one_by_one_are_not_trained_through(tmp_path):
    base = tiny_unet_base()
    with pytest.raises(UsageProblem, match="`--vram` is `offload`, expected GiB, `auto`, `whole`, `tiles`, `fp8`"):
        training_memory(
            OFFLOAD.name, tmp_path, recipe(base), device=CPU, dtype=torch.float32, progress=SilentProgress()
        )


def test_needs_follow_from_the_recipe(tmp_path):
    base = tiny_unet_base()
    folder = write_base(tmp_path, base)
    plain, saving, wide = (
        training_needs(folder, recipe(base, *choice), dtype=torch.bfloat16)
        for choice in ((), ("run.gradient_checkpointing=true",), ("optimiser.batch=4",))
    )
    trained = sum(tensor.numel() for tensor in trainer(tmp_path, steps=1).adapter.parameters())
    assert saving == replace(plain, kept=0)
    assert 0 < plain.kept == wide.kept / 4
    assert (4 * plain.denoising - wide.denoising) / 3 == 5 * 4 * trained


def test_no_less_is_reckoned_with_than_a_step_is_counted_to_need():
    plan = blueprint("nano")
    base = assemble(plan, in_format(plan.denoiser, torch.bfloat16))
    counted = training_bytes(base, counted_adapter(base), *empty_latents(base))
    chosen = recipe_from_dict(apply_overrides(base_defaults(base.spec), ["adapter.motion=counted"]))
    needs = training_needs(base_folder("nano"), chosen, dtype=torch.bfloat16)
    assert needs.denoiser == pytest.approx(counted.weights, rel=0.02)
    assert counted.peak - counted.weights <= needs.denoising <= 1.5 * (counted.peak - counted.weights)


def rounded_base(make_base, eight_bit):
    """A base that lies in full precision, with the values that the one in 8 bits has."""
    base = make_base()
    values = {name: tensor.float() for name, tensor in eight_bit.denoiser.state_dict().items()}
    base.denoiser.load_state_dict(values)
    return base


def gradients(base, *, checkpointing):
    adapter = MivaAdapter.create(adapter_spec(base, ranks=all_parts(base)), base.sites())
    noisy, timestep = noisy_latents(base)
    base.set_checkpointing(enabled=checkpointing)
    with attached(base, Composition.of(adapter)), lasting_widened_weights(base.memory):
        base.predict(noisy, timestep).square().mean().backward()
    assert {tensor.dtype for tensor in adapter.parameters()} == {torch.float32}
    return {name: tensor.grad for name, tensor in adapter.named_parameters()}


@BASES
@pytest.mark.parametrize("checkpointing", [False, True])
def test_a_base_in_8_bits_trains_an_adapter_like_a_rounded_base_in_full_precision(make_base, checkpointing):
    base = make_base()
    base.save_memory(EIGHT_BIT, CPU)
    stored = {name: tensor.clone() for name, tensor in base.denoiser.state_dict().items()}
    found = gradients(base, checkpointing=checkpointing)
    expected = gradients(rounded_base(make_base, base), checkpointing=checkpointing)
    assert any(tensor.any() for tensor in expected.values())
    for name, tensor in expected.items():
        assert found[name].dtype == torch.float32
        assert torch.equal(found[name], tensor), name
    assert EIGHT_BITS in {tensor.dtype for tensor in stored.values()}
    for name, tensor in base.denoiser.state_dict().items():
        assert tensor.dtype == stored[name].dtype
        assert torch.equal(tensor.float(), stored[name].float()), name


def test_the_set_decides_that_activations_are_computed_again_and_changes_nothing_else(tmp_path):
    whole = steps_of(trainer(tmp_path / "whole", steps=2))
    base = tiny_unet_base()
    base.save_memory(TILES, CPU)
    switched = []
    base.set_checkpointing = lambda *, enabled: (
        switched.append(enabled),
        type(base).set_checkpointing(base, enabled=enabled),
    )
    saving = steps_of(trainer(tmp_path / "saving", steps=2, base=base))
    assert switched == [True, False]
    assert [event.loss for event in saving] == pytest.approx([event.loss for event in whole], rel=1e-4)


def test_a_run_does_not_go_on_with_a_base_of_other_numbers(tmp_path):
    list(trainer(tmp_path, steps=1).fit())
    base = tiny_unet_base()
    base.save_memory(EIGHT_BIT, CPU)
    with pytest.raises(
        Incompatible, match=r"had another precision \(`torch.float32`, now `torch.float32 from 8 bits`\)"
    ):
        list(trainer(tmp_path, steps=2, base=base).fit(resume=True))


def steps_of(run):
    return [event for event in run.fit() if isinstance(event, StepDone)]
