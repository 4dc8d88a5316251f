"""An adapter and its file: the same numbers back, and every way a file can be wrong."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import safetensors.torch
import torch

from engine.adapters.attach import attached
from engine.adapters.composition import Composition
from engine.adapters.tensor_file import FiniteVerdicts, tensor_file_bytes
from engine.adapters.weights import adapter_bytes, load_adapter, save_adapter
from registry_schema.digests import Digest
from registry_schema.errors import Incompatible, IntegrityProblem, NotFound
from registry_schema.ranks import Ranks
from tests.engine.tiny_adapters import adapter_spec, all_parts, fresh, lively, noisy_latents

if TYPE_CHECKING:
    from pathlib import Path

DOWN = "miva.down_blocks.0.attentions.0.transformer_blocks.0"


@pytest.fixture
def saved(tiny_base, tmp_path):
    adapter = lively(tiny_base)
    path = tmp_path / "adapter.safetensors"
    save_adapter(adapter, path, {"motion": "waterfall"})
    return adapter, path


def changed(path: Path, change) -> Path:
    tensors = safetensors.torch.load_file(path)
    change(tensors)
    safetensors.torch.save_file(tensors, path)
    return path


def test_a_saved_adapter_comes_back_with_the_same_result(tiny_base, saved):
    adapter, path = saved
    back = load_adapter(path, adapter.spec, tiny_base.sites())
    noisy, timestep = noisy_latents(tiny_base)
    results = []
    for one in (adapter, back):
        with torch.no_grad(), attached(tiny_base, Composition.of(one)):
            results.append(tiny_base.predict(noisy, timestep))
    assert torch.equal(*results)
    assert not any(tensor.requires_grad for tensor in back.parameters())
    assert not back.training


def test_the_file_holds_the_parts_by_their_place_in_the_denoiser(saved):
    names = set(safetensors.torch.load_file(saved[1]))
    assert {name for name in names if name.startswith(DOWN + ".")} == {
        *(f"{DOWN}.cfa.{side}.lora_{half}.weight" for side in "qo" for half in "AB"),
        f"{DOWN}.cfa.lambda.weight",
        f"{DOWN}.cfa.lambda.bias",
        *(f"{DOWN}.ca.{tensor}" for tensor in ("down.weight", "norm.weight", "norm.bias", "up.weight")),
    }
    motion = DOWN.replace("attentions", "motion_modules")
    assert f"{motion}.tsa.attn1.to_q.lora_A.weight" in names
    assert f"{motion}.tsa.attn2.to_out.0.lora_B.weight" in names
    assert all(name.startswith("miva.") for name in names)


def test_a_full_rank_file_keeps_the_query_and_an_output_with_bias(tiny_base):
    adapter = fresh(tiny_base, adapter_spec(tiny_base, ranks=all_parts(tiny_base, rank="full")))
    state = adapter.state_dict()
    query = tiny_base.denoiser.get_submodule("down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q")
    assert torch.equal(state[f"{DOWN}.cfa.q.weight"], query.weight)
    assert not state[f"{DOWN}.cfa.o.weight"].any()
    assert not state[f"{DOWN}.cfa.o.bias"].any()


def test_numbers_can_be_kept_in_the_base_s_format(tiny_base, saved):
    back = load_adapter(saved[1], saved[0].spec, tiny_base.sites(), dtype=torch.bfloat16)
    assert {tensor.dtype for tensor in back.parameters()} == {torch.bfloat16}


def test_a_missing_tensor_is_named(tiny_base, saved):
    path = changed(saved[1], lambda tensors: tensors.pop(f"{DOWN}.ca.up.weight"))
    with pytest.raises(Incompatible, match=rf"1 of \d+ tensors are missing: `{DOWN}.ca.up.weight`"):
        load_adapter(path, saved[0].spec, tiny_base.sites())


def test_of_many_extra_tensors_five_are_named(tiny_base, saved):
    spec = adapter_spec(tiny_base, ranks=Ranks(implicit_prompt=4))
    with pytest.raises(Incompatible, match=r"tensors have no place on this base: (`[^`]+`, ){4}`[^`]+` and \d+ more"):
        load_adapter(saved[1], spec, tiny_base.sites())


def test_another_shape_is_named_with_both(tiny_base, saved):
    ranks = all_parts(tiny_base).model_copy(update={"implicit_prompt": 8})
    with pytest.raises(Incompatible, match=r"ca.down.weight` has shape `4 x 16`, expected `8 x 16`"):
        load_adapter(saved[1], adapter_spec(tiny_base, ranks=ranks), tiny_base.sites())


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_value_that_is_no_number_is_named(tiny_base, saved, value):
    path = changed(saved[1], lambda tensors: tensors[f"{DOWN}.cfa.o.lora_B.weight"].view(-1)[3:4].fill_(value))
    with pytest.raises(IntegrityProblem, match=f"`{DOWN}.cfa.o.lora_B.weight` has values that are not finite"):
        load_adapter(path, saved[0].spec, tiny_base.sites())


def test_a_broken_adapter_is_not_saved(tiny_base, tmp_path):
    adapter = lively(tiny_base)
    next(adapter.parameters()).view(-1)[0] = float("nan")
    with pytest.raises(IntegrityProblem, match="not finite"):
        save_adapter(adapter, tmp_path / "adapter.safetensors", {})
    assert not list(tmp_path.iterdir())


def test_a_file_once_found_finite_is_not_scanned_again(tiny_base, saved, tmp_path):
    verdicts = FiniteVerdicts(tmp_path / "verdicts")
    digest = Digest.of(saved[1].read_bytes())
    load_adapter(saved[1], saved[0].spec, tiny_base.sites(), finite=(verdicts, digest))
    assert verdicts.knows(digest)
    broken = changed(saved[1], lambda tensors: next(iter(tensors.values())).fill_(float("nan")))
    load_adapter(broken, saved[0].spec, tiny_base.sites(), finite=(verdicts, digest))
    other = Digest.of(broken.read_bytes())
    with pytest.raises(IntegrityProblem, match="not finite"):
        load_adapter(broken, saved[0].spec, tiny_base.sites(), finite=(verdicts, other))
    assert not verdicts.knows(other)


def test_a_truncated_file_is_refused(tiny_base, saved):
    saved[1].write_bytes(saved[1].read_bytes()[:-10])
    with pytest.raises(IntegrityProblem, match=r"adapter.safetensors"):
        load_adapter(saved[1], saved[0].spec, tiny_base.sites())


def test_a_file_that_is_not_there_is_not_found(tiny_base, saved, tmp_path):
    with pytest.raises(NotFound, match="is not there"):
        load_adapter(tmp_path / "none.safetensors", saved[0].spec, tiny_base.sites())


def test_the_same_adapter_gives_the_same_bytes_in_another_process(tmp_path):
    program = (
        "import sys, torch; from engine.adapters.tensor_file import tensor_file_bytes as write;"
        "sys.stdout.buffer.write(write({'b': torch.ones(3), 'a': torch.zeros(2, 2)}, {w: w for w in 'zyxwvu'}))"
    )
    elsewhere = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True).stdout
    here = tensor_file_bytes({"a": torch.zeros(2, 2), "b": torch.ones(3)}, {word: word for word in "uvwxyz"})
    assert elsewhere == here
    (tmp_path / "file.safetensors").write_bytes(here)
    assert set(safetensors.torch.load_file(tmp_path / "file.safetensors")) == {"a", "b"}


def test_a_seed_decides_a_fresh_adapter(tiny_base):
    spec = adapter_spec(tiny_base, ranks=all_parts(tiny_base))
    one, same, other = (adapter_bytes(fresh(tiny_base, spec, seed=seed), {}) for seed in (5, 5, 6))
    assert one == same
    assert one != other
