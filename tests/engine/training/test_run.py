"""A training from a folder of clips to a draft folder."""

from __future__ import annotations

import json
import tomllib

import pytest
import torch
from safetensors.torch import load_file

from engine.adapters.composition import Composition
from engine.adapters.weights import load_adapter
from engine.progress import SilentProgress
from engine.recipe import recipe_from_toml
from engine.training.draft import write_draft
from engine.training.run import Footage, RunPlace, run_training
from registry_schema.adapter_spec import AdapterSpec, FixedWeighting
from registry_schema.errors import Busy, UsageProblem
from registry_schema.manifest import TrainingRecord
from registry_schema.names import AdapterName
from tests.engine.adapters.site_stories import call_of, first_site, hidden_of, run_site
from tests.engine.tiny_bases import tiny_unet_base
from tests.engine.training.drawn_clips import write_clips
from tests.engine.training.runs import recipe


def trained(tmp_path, *overrides, resume=False):
    base = tiny_unet_base()
    clips = tmp_path / "clips"
    if not clips.exists():
        write_clips(clips)
    chosen = recipe(base, "optimiser.steps=3", *overrides)
    place = RunPlace(folder=tmp_path / "run", resume=resume)
    outcome = run_training(base, Footage(clips), chosen, place, progress=SilentProgress())
    return base, outcome


def test_a_training_leaves_a_draft_that_says_what_it_is(tmp_path):
    base, outcome = trained(tmp_path)
    write_draft(tmp_path / "draft", outcome, base.spec, AdapterName("my/moving-square"))
    draft = {path.name: path.read_bytes() for path in (tmp_path / "draft").iterdir()}
    assert sorted(draft) == [
        "README.md",
        "adapter.json",
        "adapter.safetensors",
        "recipe.toml",
        "release.toml",
        "report.html",
        "training-report.json",
        "training.json",
    ]
    spec = AdapterSpec.of(json.loads(draft["adapter.json"]), source="adapter.json")
    record = TrainingRecord.of(json.loads(draft["training.json"]), source="training.json")
    release = tomllib.loads(draft["release.toml"].decode())
    assert (spec.motion, record.clips, record.steps) == ("square", 3, 3)
    assert recipe_from_toml(draft["recipe.toml"]) == outcome.recipe
    assert record.recipe == outcome.recipe.digest
    assert (release["name"], release["version"], release["title"]) == ("my/moving-square", "0.1.0", "Moving square")


@pytest.mark.parametrize(("choices", "share"), [((), 0.5), (("adapter.weighting_first=0.3",), 0.3)])
def test_an_adapter_trained_with_fixed_reference_weights_mixes_so_and_has_no_tensors_for_it(tmp_path, choices, share):
    base, outcome = trained(tmp_path, "adapter.weighting=fixed", *choices)
    write_draft(tmp_path / "draft", outcome, base.spec, AdapterName("my/moving-square"))
    spec = AdapterSpec.of(json.loads((tmp_path / "draft" / "adapter.json").read_bytes()), source="adapter.json")
    weights = tmp_path / "draft" / "adapter.safetensors"
    assert spec.cross_frame_attention.weighting == FixedWeighting(first=share)
    assert not [name for name in load_file(weights) if "lambda" in name]
    assert [name for name in load_file(weights) if ".cfa." in name]
    mixed, first_alone, previous_alone = (predicted_at(base, weights, spec, first) for first in (share, 1.0, 0.0))
    assert torch.allclose(mixed, share * first_alone + (1 - share) * previous_alone, atol=1e-6)
    assert not torch.allclose(first_alone, previous_alone, atol=1e-4)


def predicted_at(base, weights, spec, first):
    """What the first site of self attention gives with these weights on it, mixed as `first` says."""
    attention = spec.cross_frame_attention.model_copy(update={"weighting": FixedWeighting(first=first)})
    spec = spec.model_copy(update={"cross_frame_attention": attention})
    adapter = load_adapter(weights, spec, base.sites(), dtype=torch.float32)
    site, call = first_site(base, "self"), call_of(base, batch=1, frames=3)
    return run_site(base, site, call, Composition.of(adapter), hidden_of(base, site, call))


def test_the_draft_holds_the_running_average(tmp_path):
    base, outcome = trained(tmp_path)
    write_draft(tmp_path / "draft", outcome, base.spec, AdapterName("my/square"))
    loaded = load_adapter(tmp_path / "draft" / "adapter.safetensors", outcome.adapter.spec, base.sites())
    expected = outcome.adapter.state_dict()
    assert all(torch.equal(tensor, expected[name]) for name, tensor in loaded.state_dict().items())


def test_what_a_person_wrote_about_the_release_stays(tmp_path):
    base, outcome = trained(tmp_path)
    (tmp_path / "draft").mkdir()
    (tmp_path / "draft" / "release.toml").write_text("mine")
    write_draft(tmp_path / "draft", outcome, base.spec, AdapterName("my/square"))
    assert (tmp_path / "draft" / "release.toml").read_text() == "mine"


def test_a_folder_with_a_run_is_not_overwritten(tmp_path):
    _, first = trained(tmp_path)
    with pytest.raises(Busy, match="holds an earlier run") as caught:
        trained(tmp_path)
    assert "--resume" in caught.value.hint
    _, again = trained(tmp_path, resume=True)
    assert again.steps == 3
    expected = first.adapter.state_dict()
    assert all(torch.equal(tensor, expected[name]) for name, tensor in again.adapter.state_dict().items())


def test_a_recipe_without_a_motion_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(UsageProblem, match="names no motion"):
        trained(tmp_path, "adapter.motion=")
    assert not (tmp_path / "run").exists()


def test_a_recipe_without_parts_is_refused(tmp_path):
    off = [f"adapter.ranks.{part}=off" for part in ("cross_frame_attention", "implicit_prompt", "temporal_lora")]
    with pytest.raises(UsageProblem, match="leaves out every part"):
        trained(tmp_path, *off)


def test_one_part_alone_can_be_trained(tmp_path):
    _, outcome = trained(tmp_path, "adapter.ranks.cross_frame_attention=off", "adapter.ranks.implicit_prompt=off")
    assert all(".tsa." in name for name in outcome.adapter.state_dict())
