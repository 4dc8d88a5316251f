"""Compiled code computes what eager code does, and is made once for all weights, timesteps and adapters of one form."""

from __future__ import annotations

import pytest
import torch
import torch._inductor.config
from torch._dynamo.utils import counters

from engine.adapters.attach import attached
from engine.adapters.composition import Composition
from engine.adapters.conflict import conflicts
from engine.adapters.miva import MivaAdapter
from engine.bases.compiling import require_compiler
from engine.bases.memory_set import EIGHT_BIT, OFFLOAD, TILES, WHOLE
from registry_schema.errors import NotFound, UsageProblem
from registry_schema.ranks import Ranks
from tests.engine.adapters.test_sequential import sequential
from tests.engine.masked_adapters import drawn_masks, masked
from tests.engine.tiny_adapters import adapter_spec, all_parts, lively, noisy_latents
from tests.engine.tiny_bases import tiny_unet_base
from tests.engine.tiny_wan import tiny_wan_base

CPU = torch.device("cpu")
TIMESTEPS = (901.0, 501.0, 301.0)
# torch warns of parts of its own when its compiler is loaded
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:torch.*")
BASES = pytest.mark.parametrize("make_base", [tiny_unet_base, tiny_wan_base])


@pytest.fixture(autouse=True)
def no_code_of_earlier_tests():
    torch._dynamo.reset()
    counters.clear()


def code_count() -> int:
    """How many pieces of code were made so far; each of them whole, without a break for Python in it."""
    assert not counters["graph_break"]
    return counters["stats"]["unique_graphs"]


def steps(base, composition: Composition) -> torch.Tensor:
    """What a sampler would get."""
    noisy, _ = noisy_latents(base, batch=1)
    with torch.no_grad(), attached(base, composition, timesteps=TIMESTEPS):
        return torch.stack([base.predict(noisy, timestep) for timestep in TIMESTEPS])


@BASES
def test_other_weights_timesteps_and_adapters_find_the_code_that_is_there(make_base):
    base = make_base()
    first, second, third = (lively(base, seed=seed) for seed in (1, 2, 3))
    story = (((first, 0.5), (second, 0.5)), ((first, 0.9), (second, -0.4)), ((third, 0.2), (second, 0.8)))
    wanted = [steps(base, Composition(entries)) for entries in story]
    base.compile(backend="eager")
    made = []
    for entries, eager in zip(story, wanted, strict=True):
        torch.testing.assert_close(steps(base, Composition(entries)), eager)
        made.append(code_count())
    assert made == [made[0]] * 3
    assert made[0] > 0


@BASES
def test_masks_change_their_values_and_find_their_code(make_base):
    """There is code for a step with mask streams, and for one with masks alone."""
    base = make_base()
    composition = Composition.of(masked(base, seed=1), lively(base, seed=2))
    noisy, _ = noisy_latents(base, batch=2)

    def run(seed):
        regions = drawn_masks(base, seed=seed)
        with torch.no_grad(), attached(base, composition, timesteps=TIMESTEPS):
            both = base.predict(noisy, TIMESTEPS[0], streams=2, regions=regions)
            return torch.cat([both, base.predict(noisy[:1], TIMESTEPS[1], regions=regions)])

    wanted = [run(seed) for seed in (0, 1)]
    base.compile(backend="eager")
    made = []
    for seed, eager in enumerate(wanted):
        torch.testing.assert_close(run(seed), eager)
        made.append(code_count())
    assert made[0] == made[1] > 0


@pytest.mark.parametrize("prompt", [False, True], ids=["by itself", "with a prompt"])
def test_what_stands_behind_self_attention_finds_its_code_too(prompt):
    base = tiny_wan_base()
    first, second, third = (lively(base, sequential(base, prompt=prompt), seed=seed) for seed in (1, 2, 3))
    noisy, timestep = noisy_latents(base, batch=1)
    story = (((first, 0.5), (second, 0.5)), ((first, 0.9), (second, -0.4)), ((third, 0.2), (second, 0.8)))
    wanted = [steps(base, Composition(entries)) for entries in story]
    with torch.no_grad():
        alone = base.predict(noisy, timestep)
        base.compile(backend="eager")
        torch.testing.assert_close(base.predict(noisy, timestep), alone)  # code without adapters comes first
    made = []
    for entries, eager in zip(story, wanted, strict=True):
        torch.testing.assert_close(steps(base, Composition(entries)), eager)
        made.append(code_count())
    assert made == [2, 2, 2]
    with torch.no_grad():
        torch.testing.assert_close(base.predict(noisy, timestep), alone)
    assert code_count() == 2


def test_a_person_looks_on_from_outside_of_compiled_code(tiny_base):
    composition = Composition(tuple((lively(tiny_base, seed=seed), 0.5) for seed in (1, 2)))
    noisy, timestep = noisy_latents(tiny_base, batch=1)
    wanted = conflicts(tiny_base, composition, noisy, timestep)
    tiny_base.compile(backend="eager")
    assert conflicts(tiny_base, composition, noisy, timestep) == wanted
    assert code_count() == 0


def test_words_that_stay_in_part_are_weighed_in_compiled_code():
    base = tiny_wan_base()
    speaking = lively(base, seed=1)
    silent = lively(base, adapter_spec(base, ranks=Ranks(cross_frame_attention=4)), seed=2)
    story = [Composition(((speaking, share), (silent, 1 - share))) for share in (0.3, 0.8)]
    wanted = [steps(base, composition) for composition in story]
    base.compile(backend="eager")
    for composition, eager in zip(story, wanted, strict=True):
        torch.testing.assert_close(steps(base, composition), eager)
    assert code_count() == 1


def test_a_compiled_base_has_the_same_names_and_computes_alone_what_it_did():
    base = tiny_wan_base()
    names = list(base.denoiser.state_dict())
    noisy, timestep = noisy_latents(base, batch=1)
    with torch.no_grad():
        wanted = base.predict(noisy, timestep)
        base.compile(backend="eager")
        torch.testing.assert_close(base.predict(noisy, timestep), wanted)
    assert code_count() == 1
    assert list(base.denoiser.state_dict()) == names


def trained_gradients(base, *, checkpointing: bool) -> dict[str, torch.Tensor]:
    adapter = MivaAdapter.create(adapter_spec(base, ranks=all_parts(base)), base.sites())
    noisy, timestep = noisy_latents(base)
    base.set_checkpointing(enabled=checkpointing)
    with attached(base, Composition.of(adapter)):
        base.predict(noisy, timestep).square().mean().backward()
    base.set_checkpointing(enabled=False)
    return {name: tensor.grad for name, tensor in adapter.named_parameters()}


@pytest.mark.parametrize("checkpointing", [False, True])
def test_gradients_are_those_of_eager_code(checkpointing):
    base = tiny_wan_base()
    wanted = trained_gradients(base, checkpointing=checkpointing)
    base.compile(backend="aot_eager")
    for _ in range(2):  # the switch for checkpointing leaves what is compiled where it is
        found = trained_gradients(base, checkpointing=checkpointing)
        for name, gradient in wanted.items():
            torch.testing.assert_close(found[name], gradient, msg=name)
        assert code_count() == 2  # before the first adapter nothing wants a gradient


def test_the_compiler_of_this_machine_makes_code_of_the_same_numbers():
    require_compiler(CPU, WHOLE)
    base = tiny_wan_base()
    composition = Composition.of(lively(base, seed=1))
    wanted = steps(base, composition)
    base.compile()
    torch.testing.assert_close(steps(base, composition), wanted, rtol=1e-4, atol=1e-4)
    assert code_count() == 1


def test_a_machine_without_a_compiler_is_told_so():
    with (
        torch._inductor.config.patch({"cpp.cxx": ("no-such-compiler",)}),
        pytest.raises(NotFound, match=r"`--compile` needs a C\+\+ compiler") as caught,
    ):
        tiny_wan_base().compile()
    assert "leave out `--compile`" in caught.value.hint


@pytest.mark.parametrize("memory", [EIGHT_BIT, OFFLOAD], ids=lambda memory: memory.name)
def test_layers_that_change_while_they_compute_are_not_compiled(memory):
    with pytest.raises(UsageProblem, match=f"does not go with the memory set `{memory.name}`"):
        require_compiler(CPU, memory)
    require_compiler(CPU, TILES)
