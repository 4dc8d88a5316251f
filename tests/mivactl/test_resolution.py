"""Which build is taken and why: statuses, licences, limits of a base, namespaces that belong to one registry."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from registry_schema.adapter_spec import AdapterSpec
from registry_schema.base_spec import BaseSpec
from tests.mivactl.registry_edits import added_registry, change_line
from tests.mivactl.world import NANO, WAN, World, write_draft
from tests.registry_schema.samples import adapter_spec

if TYPE_CHECKING:
    from pathlib import Path


def installed_version(world: World, *arguments: object) -> str:
    return world.ok("install", "--json", "--dry-run", *arguments).data["adapters"][0]["version"]


def test_a_withdrawn_build_is_skipped_unless_it_is_named_in_full(world: World):
    world.publish(version="1.0.0")
    world.publish(version="1.1.0")
    change_line(world.session().local, "my/waterfall", "1.1.0", status="yanked", note="it flickers")
    assert installed_version(world, "my/waterfall") == "1.0.0"
    for reference in ("my/waterfall@>=1.1", "my/waterfall@==1.1.*"):
        said = world.mivactl("install", reference)
        assert said.exit_code == 4
        assert "it was withdrawn: it flickers; " not in said.err
        assert "it was withdrawn: it flickers" in said.err
        assert "hint: ask for `my/waterfall@==1.1.0` to take it all the same" in said.err
    taken = world.ok("install", "my/waterfall@==1.1.0")
    assert "my/waterfall 1.1.0: it was withdrawn: it flickers\n" in taken.err


def test_a_deprecated_build_is_taken_with_a_word_and_its_successor_is_not_followed(world: World):
    world.publish("my/waterfall")
    world.publish("my/cascade")
    note = {"status": "deprecated", "note": "better foam elsewhere", "successor": "my/cascade"}
    change_line(world.session().local, "my/waterfall", "1.0.0", **note)
    said = world.ok("install", "my/waterfall")
    assert "it is deprecated: better foam elsewhere; `my/cascade` takes its place\n" in said.err
    assert [entry["name"] for entry in world.ok("list", "--json").data["adapters"]] == ["my/waterfall"]


def test_a_licence_that_is_not_the_base_s_own_is_said_before_the_first_byte_is_copied(world: World):
    world.publish(licence="CC-BY-4.0")
    blob = next(path for path in (world.home / "registry" / "blobs").rglob("*") if path.is_file())
    for path in blob.parents[1].rglob("*"):
        if path.is_file():
            path.unlink()
    said = world.mivactl("install", "my/waterfall")
    assert said.exit_code == 5
    assert said.err.index("my/waterfall 1.0.0 from local: licence CC-BY-4.0") < said.err.index("error: ")


def test_a_licence_the_policy_rules_out_is_refused_or_passed_over(world: World):
    world.publish(version="1.0.0", licence="Apache-2.0")
    world.publish(version="1.1.0", licence="CC-BY-NC-4.0")
    assert installed_version(world, "my/waterfall") == "1.1.0"
    (world.home / "config.toml").write_text('[policy]\nlicences_deny = ["CC-BY-NC-*", "GPL-3.0-only"]\n')
    assert installed_version(world, "my/waterfall") == "1.0.0"
    said = world.mivactl("install", "my/waterfall@>=1.1")
    assert said.exit_code == 9
    assert "1.1.0 for `nano`: its licence is `CC-BY-NC-4.0`, which your policy rules out" in said.err
    assert "hint: look at `licences_deny` in the section `[policy]` of config.toml; `mivactl why " in said.err
    told = {entry["build"]: entry for entry in world.ok("why", "--json", "my/waterfall").data["decisions"]}
    assert told["my/waterfall 1.1.0--nano"]["verdict"] == "rejected"
    assert "policy" in told["my/waterfall 1.1.0--nano"]["reason"]
    assert told["my/waterfall 1.0.0--nano"]["verdict"] == "taken"


def test_a_policy_also_holds_for_what_is_installed_already(world: World):
    world.publish(licence="GPL-3.0-only")
    world.ok("install", "my/waterfall")
    (world.home / "config.toml").write_text('[policy]\nlicences_deny = ["GPL-3.0-only"]\n')
    assert world.mivactl("install", "my/waterfall").exit_code == 9


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[policy]\nlicences_deny = 'MIT'\n", "is no list of licences"),
        ("[policy]\nlicences_deny = [3]\n", "is no list of licences"),
        ("[policy]\nlicence_deny = []\n", "`policy` in `"),
        ("policy = 1\n", "`policy` in `"),
        ("[policy]\nlicences_deny = ['gpl']\n", "licence `gpl` is not an SPDX expression"),
        ("[policy]\nlicences_deny = ['mit']\n", "licence `mit` is not the usual spelling, expected `MIT`"),
    ],
)
def test_a_policy_that_can_not_be_read_is_not_silently_no_policy(world: World, content: str, message: str):
    (world.home / "config.toml").write_text(content)
    said = world.mivactl("list")
    assert said.exit_code == 2
    assert message in said.err


def spec_with_frames(frames: int) -> AdapterSpec:
    plain = adapter_spec(NANO).plain()
    plain["clip"]["frames"] = frames
    return AdapterSpec.of(plain, source="adapter.json")


def test_a_trained_length_near_the_base_s_is_a_note_and_past_its_limit_a_refusal(world: World):
    world.ok("publish", write_draft(world.folder / "short", "my/short", spec=spec_with_frames(6)))
    said = world.ok("install", "my/short")
    assert "trained on clips of 6 frames, the nearest that base `nano` makes is 8" in said.err
    told = world.ok("why", "--json", "my/short").data["decisions"][0]
    assert (told["verdict"], "the nearest" in told["reason"]) == ("taken", True)
    long = BaseSpec.from_plain(NANO.plain() | {"frames": {"min": 8, "max": 64}}, source="base.json")
    world.add_base(long)
    world.ok("publish", write_draft(world.folder / "long", "my/long", spec=spec_with_frames(40)))
    world.add_base(NANO)
    said = world.mivactl("install", "my/long")
    assert said.exit_code == 4
    assert "trained on clips of 40 frames, base `nano` takes for example 32" in said.err


def test_one_base_is_found_on_which_every_adapter_has_a_build(world: World):
    world.add_base(WAN)
    world.publish("my/waterfall")
    world.ok("publish", write_draft(world.folder / "w", "my/waterfall", "1.1.0", spec=adapter_spec(WAN)))
    world.ok("publish", write_draft(world.folder / "c", "my/clouds", spec=adapter_spec(WAN)))
    done = world.ok("install", "--json", "my/waterfall", "my/clouds").data
    assert done["base"] == "wan2.1-t2v-1.3b"
    assert [step["version"] for step in done["adapters"]] == ["1.1.0", "1.0.0"]


def test_of_several_misses_the_one_is_named_that_was_asked_for(world: World):
    world.add_base(WAN)
    world.ok("publish", write_draft(world.folder / "w", "my/waterfall", "1.0.0", spec=adapter_spec(WAN)))
    world.publish("my/waterfall", "2.0.0")
    said = world.mivactl("install", "my/waterfall@<2", "--base", "nano")
    assert said.exit_code == 4
    assert "1.0.0 for `wan2.1-t2v-1.3b`: trained on base `wan2.1-t2v-1.3b`" in said.err
    told = {one["build"]: one["reason"] for one in world.ok("why", "--json", "my/waterfall@<2").data["decisions"]}
    assert told["my/waterfall 2.0.0--nano"] == "version 2.0.0 is not in `<2`"


def test_the_first_registry_that_knows_a_name_answers_for_it(world: World):
    first, second = (added_registry(world, name) for name in ("first", "second"))
    world.ok("publish", write_draft(world.folder / "a", "acme/logo", "1.0.0"), "--to", "first")
    world.ok("publish", write_draft(world.folder / "b", "acme/logo", "9.0.0"), "--to", "second")
    assert installed_version(world, "acme/logo") == "1.0.0"
    assert installed_version(world, "second::acme/logo") == "9.0.0"
    assert first.root != second.root


@pytest.mark.parametrize("damage", ["folder gone", "index unreadable", "index no index"])
def test_a_registry_that_can_not_be_read_does_not_hand_its_names_to_the_next(world: World, damage: str):
    """Dependency confusion: while the private registry is down, the public one must not win."""
    added_registry(world, "private")
    added_registry(world, "public")
    world.ok("publish", write_draft(world.folder / "a", "acme/logo", "1.0.0"), "--to", "private")
    world.ok("publish", write_draft(world.folder / "b", "acme/logo", "9.0.0"), "--to", "public")
    index = world.folder / "private" / "index" / "acme" / "logo.jsonl"
    if damage == "folder gone":
        shutil.rmtree(world.folder / "private")
    elif damage == "index unreadable":
        index.unlink()
        index.mkdir()
    else:
        index.write_text("not an index\n")
    said = world.mivactl("install", "acme/logo")
    assert said.exit_code in {1, 3, 5}
    assert str(world.folder / "private") in said.err
    assert world.ok("list", "--json").data["adapters"] == []


def test_a_bound_namespace_is_asked_of_its_registry_alone(world: World):
    added_registry(world, "public")
    world.ok("publish", write_draft(world.folder / "b", "acme/logo", "9.0.0"), "--to", "public")
    world.ok("install", "acme/logo")
    added_registry(world, "private", "--namespace", "acme")
    said = world.mivactl("install", "acme/logo")
    assert said.exit_code == 3
    assert "no adapter `acme/logo` in registry `private`, which the namespace `acme` is bound to" in said.err
    assert world.mivactl("why", "acme/logo").exit_code == 3
    assert world.ok("search", "--json").data["adapters"][-1]["name"] != "acme/logo"
    said = world.mivactl("install", "public::acme/logo")
    assert said.exit_code == 9
    assert "hint: write `private::acme/logo`" in said.err
    world.ok("publish", write_draft(world.folder / "a", "acme/logo", "1.0.0"), "--to", "private")
    assert installed_version(world, "acme/logo") == "1.0.0"
    world.ok("publish", write_draft(world.folder / "c", "other/logo", "1.0.0"), "--to", "public")
    assert installed_version(world, "other/logo") == "1.0.0"
    shutil.rmtree(world.folder / "private")
    assert world.mivactl("install", "acme/logo").exit_code == 3


def test_a_namespace_has_one_registry_and_that_of_mivactl_is_its_own(world: World):
    added_registry(world, "private", "--namespace", "acme", "--namespace", "acme-lab")
    listed = {one["name"]: one["namespaces"] for one in world.ok("registry", "list", "--json").data["registries"]}
    assert listed["private"] == ["acme", "acme-lab"]
    assert "acme acme-lab" in world.ok("registry", "list").out
    other: Path = world.folder / "other"
    said = world.mivactl("registry", "add", "other", other, "--create", "--namespace", "acme")
    assert (said.exit_code, "is bound to registry `private` already" in said.err) == (8, True)
    assert not other.exists()
    assert world.mivactl("registry", "add", "other", other, "--create", "--namespace", "miva").exit_code == 9
    assert world.mivactl("registry", "add", "other", other, "--create", "--namespace", "A/b").exit_code == 2
    world.ok("registry", "remove", "private")
    world.ok("registry", "add", "other", other, "--create", "--namespace", "acme")


def test_a_list_of_registries_from_before_there_were_namespaces_is_read(world: World):
    added_registry(world, "studio")
    path = world.home / "registries.json"
    plain = json.loads(path.read_bytes())
    for entry in plain["registries"]:
        entry.pop("namespaces", None)
    path.write_text(json.dumps(plain))
    assert "studio" in world.ok("registry", "list").out
