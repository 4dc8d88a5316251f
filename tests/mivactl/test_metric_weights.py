"""`mivactl weights`: files of a folder become weights that are known by digest; what is missing is named."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import torch

from engine.metrics.networks.amt import Amt
from engine.metrics.weights_folder import WeightsFolder

if TYPE_CHECKING:
    from pathlib import Path

    from tests.mivactl.world import World


def test_weights_come_from_a_folder_and_pickles_become_safetensors(world: World, tmp_path: Path):
    files = tmp_path / "files"
    files.mkdir()
    torch.manual_seed(0)
    torch.save({"state_dict": Amt().state_dict()}, files / "amt-s.pth")
    torch.save({"weight": torch.zeros(1, 768), "bias": torch.zeros(1)}, files / "sa_0_4_vit_l_14_linear.pth")
    torch.save({"any": torch.zeros(1)}, files / "musiq_spaq_ckpt-358bb6af.pth")
    said = world.mivactl("weights", "fetch", "bench", "--from", str(files), "--json")
    assert said.exit_code == 11
    states = {one["name"]: one for one in json.loads(said.out)["data"]["weights"]}
    assert states["amt-s"]["state"] == states["laion-aesthetic"]["state"] == "new"
    assert "expected one that begins with `358bb6af`" in states["musiq-spaq"]["reason"]
    assert "has no `dino-vitb16/config.json`" in states["dino-vitb16"]["reason"]
    folder = WeightsFolder(world.home / "weights" / "bench")
    assert folder.has("amt-s")
    assert sorted(path.name for path in folder.place("amt-s").iterdir()) == ["model.safetensors", "weights.json"]
    assert list(folder.digests("amt-s")) == ["amt-s.pth"]
    again = world.mivactl("weights", "fetch", "bench", "--from", str(files), "--json")
    states = {one["name"]: one["state"] for one in json.loads(again.out)["data"]["weights"]}
    assert states["amt-s"] == "here"
    assert world.ok("weights", "list").out.count("CC-BY-NC-4.0: not for commercial use") == 1


def test_nothing_is_fetched_offline_and_other_names_are_refused(world: World):
    offline = world.mivactl("weights", "fetch", "bench", "--offline")
    assert offline.exit_code == 6
    assert "the network is switched off" in offline.err
    other = world.mivactl("weights", "fetch", "segmenters")
    assert other.exit_code == 3
    assert "no weights called `segmenters`" in other.err


def test_all_weights_are_in_one_list_and_each_set_goes_by_itself(world: World, tmp_path: Path):
    torch.save({"weight": torch.zeros(1, 768), "bias": torch.zeros(1)}, tmp_path / "sa_0_4_vit_l_14_linear.pth")
    assert world.mivactl("weights", "fetch", "bench", "--from", str(tmp_path)).exit_code == 11
    listed = {one["name"]: one for one in world.ok("weights", "list", "--json").data["weights"]}
    assert {one["fetched_as"] for one in listed.values()} == {"segmenter", "bench"}
    head = listed["laion-aesthetic"]
    assert head["folder"] == str(world.home / "weights" / "bench" / "laion-aesthetic")
    assert listed["segmenter"]["folder"] is listed["amt-s"]["folder"] is None
    assert world.ok("weights", "remove", "bench", "--json").data["freed_bytes"] >= head["size_bytes"] > 768 * 4
    assert not (world.home / "weights" / "bench").exists()
    assert world.mivactl("weights", "remove", "bench").exit_code == 3


def test_options_of_one_set_are_refused_for_the_other(world: World, tmp_path: Path):
    for option in (["--from", str(tmp_path)], ["--again"]):
        said = world.mivactl("weights", "fetch", "segmenter", *option)
        assert said.exit_code == 2
        assert f"`{option[0]}` is for the weights of `bench`, and `segmenter` was asked for" in said.err
