"""Weights that are finite and no size for weights: a person is told, by whoever publishes and whoever runs them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from safetensors.numpy import save_file

from engine.adapters.tensor_file import FiniteVerdicts
from mivactl.operations.composition import large_updates
from mivactl.session import Session
from mivactl.settings import Settings
from mivactl.update_norms import MOST, large_update, update_ratios
from registry_schema.safetensors_header import read_header
from tests.mivactl.world import NANO, World, write_draft
from tests.registry_schema.samples import adapter_spec

if TYPE_CHECKING:
    from pathlib import Path

FIRST, SECOND = "miva.down_blocks.0.tsa.to_q.lora_A.weight", "miva.down_blocks.0.tsa.to_q.lora_B.weight"
SPEC = adapter_spec(NANO)


def pair(seed: int = 0) -> dict[str, np.ndarray]:
    """A low-rank update as `train` makes one."""
    random = np.random.default_rng(seed)
    return {
        FIRST: random.standard_normal((4, 64)).astype(np.float32) / 8,
        SECOND: random.standard_normal((32, 4)).astype(np.float32) / 2,
    }


def ratios(path: Path, tensors: dict[str, np.ndarray]) -> dict[str, float]:
    save_file(tensors, path)
    with path.open("rb") as file:
        return dict(update_ratios(file, read_header(file, path.stat().st_size), SPEC))


@pytest.mark.parametrize("seed", range(5))
def test_the_bound_is_one_and_does_not_care_how_the_factors_share_the_size(tmp_path: Path, seed: int):
    tensors = pair(seed)
    assert SPEC.temporal_lora is not None
    assert SPEC.ranks.temporal_lora is not None
    scale = SPEC.temporal_lora.alpha / SPEC.ranks.temporal_lora
    update = scale * np.linalg.norm(tensors[SECOND].astype(float) @ tensors[FIRST]) / np.sqrt(32)
    (ratio,) = ratios(tmp_path / "one", tensors).values()
    assert update <= ratio <= 10 * update
    shared = {FIRST: tensors[FIRST] * 1000, SECOND: tensors[SECOND] / 1000}
    assert ratios(tmp_path / "two", shared)[FIRST] == pytest.approx(ratio, rel=1e-5)
    larger = {FIRST: tensors[FIRST] * 1000, SECOND: tensors[SECOND]}
    assert ratios(tmp_path / "three", larger)[FIRST] == pytest.approx(1000 * ratio, rel=1e-5)


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_the_size_is_the_same_in_every_format(tmp_path: Path, dtype: type):
    tensors = {"miva.o.weight": np.full((16, 4), 0.5, dtype), "miva.norm.bias": np.full(9, 3, dtype)}
    assert ratios(tmp_path / "file", tensors) == {"miva.o.weight": 1.0, "miva.norm.bias": 3.0}


def test_bfloat16_is_read_too(tmp_path: Path):
    import torch
    from safetensors.torch import save_file as save_tensors

    save_tensors({"miva.o.weight": torch.full((16, 4), 0.5, dtype=torch.bfloat16)}, tmp_path / "file")
    with (tmp_path / "file").open("rb") as file:
        assert dict(update_ratios(file, read_header(file, (tmp_path / "file").stat().st_size), SPEC)) == {
            "miva.o.weight": 1.0
        }


def test_finite_values_at_the_end_of_their_range_do_not_overflow_the_measure(tmp_path: Path):
    largest = np.finfo(np.float32).max
    save_file({FIRST: np.full((4, 64), largest), SECOND: np.full((32, 4), largest)}, tmp_path / "file")
    assert "changes its layer by up to" in large_update(tmp_path / "file", SPEC, source="adapter.safetensors")


def test_what_drowns_everything_is_told_at_publishing_and_before_it_first_runs(world: World):
    """It is published all the same: a bound on a norm proves nothing about clips."""
    usual = write_draft(world.folder / "usual", "my/usual", weights=pair())
    assert "changes its layer" not in world.ok("publish", usual).err
    huge = pair()
    huge[FIRST] *= 1e6
    said = world.ok("publish", write_draft(world.folder / "huge", "my/huge", weights=huge))
    assert f"warning: adapter.safetensors: `{FIRST}` changes its layer by up to" in said.err
    assert f"expected at most {MOST:.0f}" in said.err
    world.ok("install", "my/usual", "my/huge")
    session = world.session()
    builds = session.store.installed()
    (line,) = large_updates(builds, session)
    assert line.startswith(f"my/huge 1.0.0: `{FIRST}` changes its layer by up to")
    for build in builds:  # as the engine does once it has run
        FiniteVerdicts(session.store.layout.verdicts).remember(build.line.weights.digest)
    assert list(large_updates(builds, session)) == []


def test_the_starter_adapters_are_far_below(world: World):
    starter = Session(Settings(home=world.home)).starter
    for name in starter.names():
        for line in starter.lines(name):
            manifest = starter.manifest(line)
            path = starter.blob_path(manifest.weights.digest)
            with path.open("rb") as file:
                header = read_header(file, path.stat().st_size)
                assert max(ratio for _, ratio in update_ratios(file, header, manifest.adapter)) < MOST / 20
