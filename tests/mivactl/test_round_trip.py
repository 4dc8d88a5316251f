"""Publish, search, install, list, verify, uninstall: the life of an adapter, through the command line."""

from __future__ import annotations

import json

import pytest

from mivactl.operations.install import ensure_installed
from mivactl.operations.publish import publish
from mivactl.registry.directory import create_directory_registry
from registry_schema.errors import Refused
from registry_schema.names import RegistryName
from registry_schema.ref import AdapterRef
from tests.mivactl.world import NANO, WAN, World, masked_spec, write_draft
from tests.registry_schema.samples import adapter_spec


def test_what_is_published_can_be_found_installed_verified_and_removed(world: World):
    world.publish("my/waterfall")
    assert "my/waterfall" in world.ok("search", "water").out
    installed = world.ok("install", "my/waterfall")
    assert installed.out.startswith("my/waterfall 1.0.0 added: for nano from local, ")
    listed = world.ok("list", "--json").data["adapters"]
    assert [(entry["name"], entry["version"], entry["base"], entry["fit"]) for entry in listed] == [
        ("my/waterfall", "1.0.0", "nano", "exact")
    ]
    assert world.ok("verify").out.startswith("1 builds, ")
    assert world.ok("uninstall", "my/waterfall").out == "my/waterfall 1.0.0 for nano removed\n"
    assert world.ok("list", "--json").data["adapters"] == []
    assert not [path for path in (world.home / "store" / "blobs").rglob("*") if path.is_file()]


def test_installing_twice_is_installing_once(world: World):
    world.publish()
    world.ok("install", "my/waterfall")
    before = {path: path.stat().st_mtime_ns for path in (world.home / "store").rglob("*") if path.is_file()}
    assert world.ok("install", "--json", "my/waterfall").data["adapters"][0]["action"] == "kept"
    assert {path: path.stat().st_mtime_ns for path in (world.home / "store").rglob("*") if path.is_file()} == before


def test_installed_files_are_read_only_and_named_by_their_digest(world: World):
    world.publish()
    world.ok("install", "my/waterfall")
    store = world.session().store
    (build,) = store.installed()
    manifest = store.manifest(build.line.manifest.digest)
    path = store.file(build, manifest.weights)
    assert path.stat().st_mode & 0o777 == 0o444
    assert path.parent.name + path.name == manifest.weights.digest.hex


def test_of_several_adapters_all_are_installed_or_none(world: World):
    world.publish("my/waterfall")
    said = world.mivactl("install", "my/waterfall", "my/unknown")
    assert said.exit_code == 3
    assert world.ok("list", "--json").data["adapters"] == []


def test_the_newest_version_is_installed_beside_the_old_one(world: World):
    world.publish(version="1.0.0")
    world.ok("install", "my/waterfall")
    world.publish(version="1.1.0")
    world.publish(version="1.2.0rc1")
    world.ok("install", "my/waterfall")
    versions = [entry["version"] for entry in world.ok("list", "--json").data["adapters"]]
    assert versions == ["1.0.0", "1.1.0"]
    assert "1.0.0" in world.ok("install", "my/waterfall@<1.1").out
    assert "1.2.0rc1" in world.ok("install", "my/waterfall@beta").out


def test_publishing_the_same_draft_again_changes_nothing(world: World):
    draft = write_draft(world.folder / "draft")
    assert world.ok("publish", "--json", draft).data["publication"]["is_new"]
    registry = world.home / "registry"
    before = {path: path.read_bytes() for path in registry.rglob("*") if path.is_file()}
    assert not world.ok("publish", "--json", draft).data["publication"]["is_new"]
    assert {path: path.read_bytes() for path in registry.rglob("*") if path.is_file()} == before


def test_a_published_version_can_not_be_changed(world: World):
    draft = write_draft(world.folder / "draft")
    world.ok("publish", draft)
    (draft / "README.md").write_text("other words\n")
    said = world.mivactl("publish", draft)
    assert said.exit_code == 8
    assert "error: `my/waterfall` 1.0.0--nano is in registry `local` already, with other content\n" in said.err
    assert "hint: published versions never change: raise `version` in release.toml\n" in said.err


def test_a_dry_run_publishes_and_installs_nothing(world: World):
    draft = write_draft(world.folder / "draft")
    assert "would be published" in world.ok("publish", "--dry-run", draft).out
    assert not (world.home / "registry").exists()
    world.ok("publish", draft)
    assert "would be added" in world.ok("install", "--dry-run", "my/waterfall").out
    assert world.ok("list", "--json").data["adapters"] == []


def test_a_release_is_its_builds_for_several_bases_and_masks(world: World):
    world.add_base(WAN)
    world.publish("my/waterfall")
    other = write_draft(world.folder / "wan", spec=adapter_spec(WAN))
    masked = write_draft(world.folder / "masked", spec=masked_spec())
    world.ok("publish", other)
    world.ok("publish", masked)
    builds = world.ok("info", "--json", "my/waterfall").data["adapter"]["builds"]
    assert {
        (build["manifest"]["adapter"]["base"]["name"], build["manifest"]["adapter"]["masked"]) for build in builds
    } == {
        ("nano", False),
        ("nano", True),
        ("wan2.1-t2v-1.3b", False),
    }
    assert "for nano" in world.ok("install", "--base", "nano", "my/waterfall").out
    assert "for wan2.1-t2v-1.3b" in world.ok("install", "--base", "wan2.1-t2v-1.3b", "my/waterfall").out
    assert world.ok("install", "--json", "--base", "nano", "--masked", "my/waterfall").data["adapters"][0]["masked"]
    assert len(world.ok("list", "--json").data["adapters"]) == 3
    world.ok("verify")


def test_the_base_is_one_that_all_adapters_have_builds_for(world: World):
    world.add_base(WAN)
    world.publish("my/waterfall")
    world.ok("publish", write_draft(world.folder / "wan", spec=adapter_spec(WAN)))
    world.publish("my/clouds")
    done = world.ok("install", "--json", "my/waterfall", "my/clouds").data
    assert done["base"] == "nano"
    trace = world.ok("why", "--json", "my/waterfall", "my/clouds").data["decisions"]
    assert {(entry["base"], entry["verdict"]) for entry in trace if entry["asked"] == "my/clouds"} == {
        ("wan2.1-t2v-1.3b", "rejected"),
        ("nano", "taken"),
    }


def test_info_shows_what_a_person_asks_for_in_the_words_of_the_manifest(world: World):
    world.publish()
    shown = world.ok("info", "my/waterfall").out
    for word in ("base", "masked", "ranks", "implicit_prompt", "motion", "licence", "digest", "evidence"):
        assert any(line.startswith(word) for line in shown.splitlines()), word
    assert "a waterfall" in shown
    assert not (world.home / "store").exists()


def test_why_gives_a_reason_for_every_build(world: World):
    world.publish(version="1.0.0")
    world.publish(version="1.1.0rc1")
    decisions = world.ok("why", "--json", "my/waterfall").data["decisions"]
    assert [(entry["build"], entry["verdict"], entry["reason"]) for entry in decisions] == [
        ("my/waterfall 1.1.0rc1--nano", "rejected", "it is a pre-release"),
        ("my/waterfall 1.0.0--nano", "taken", "exact"),
    ]


def test_registries_are_added_listed_and_removed(world: World):
    studio = world.folder / "studio"
    world.ok("registry", "add", "studio", studio, "--create")
    world.ok("publish", write_draft(world.folder / "draft", "team/smoke"), "--to", "studio")
    rows = world.ok("registry", "list", "--json").data["registries"]
    assert [(row["name"], row["adapter_count"]) for row in rows][-1] == ("studio", 1)
    assert "studio" in world.ok("install", "studio::team/smoke").out
    world.ok("registry", "remove", "studio")
    assert world.mivactl("install", "studio::team/smoke").exit_code == 3
    assert world.ok("list", "--json").data["adapters"][0]["name"] == "team/smoke"
    assert studio.exists()


def test_a_later_registry_can_not_take_over_a_name(world: World):
    for name in ("first", "second"):
        world.ok("registry", "add", name, world.folder / name, "--create")
    world.ok("publish", write_draft(world.folder / "a", "team/smoke", "1.0.0"), "--to", "first")
    world.ok("publish", write_draft(world.folder / "b", "team/smoke", "9.0.0"), "--to", "second")
    assert world.ok("install", "--json", "team/smoke").data["adapters"][0]["version"] == "1.0.0"
    assert world.ok("install", "--json", "second::team/smoke").data["adapters"][0]["version"] == "9.0.0"


def test_one_version_from_two_registries_is_refused(world: World):
    for name in ("first", "second"):
        world.ok("registry", "add", name, world.folder / name, "--create")
        draft = write_draft(world.folder / f"draft-{name}", "team/smoke", title=name)
        world.ok("publish", draft, "--to", name)
    world.ok("install", "first::team/smoke")
    said = world.mivactl("install", "second::team/smoke")
    assert said.exit_code == 9
    assert "hint: run `mivactl uninstall team/smoke@==1.0.0` first" in said.err


def test_the_home_namespace_is_kept_for_the_starter_registry(world: World):
    said = world.mivactl("publish", write_draft(world.folder / "draft", "miva/waterfall"))
    assert said.exit_code == 9
    assert 'hint: write `name = "my/waterfall"` in release.toml' in said.err


def test_missing_adapters_come_from_the_starter_silently_and_from_elsewhere_only_with_yes(world: World):
    starter = create_directory_registry(RegistryName("starter"), world.folder / "starter")
    session = world.session()
    publish(write_draft(world.folder / "a", "miva/waterfall"), session, to=str(starter.root))
    publish(write_draft(world.folder / "b", "my/clouds"), session)
    session = world.session()
    refs = [AdapterRef.parse("waterfall:0.5"), AdapterRef.parse("my/clouds:0.5")]
    (build,) = ensure_installed(refs[:1], session)
    assert build.line.name == "miva/waterfall"
    with pytest.raises(Refused) as caught:
        ensure_installed(refs, session)
    assert caught.value.hint == "add `--yes`, or run `mivactl install local::my/clouds` first"
    builds = ensure_installed(refs, session, yes=True, base="nano")
    assert [build.line.name for build in builds] == ["miva/waterfall", "my/clouds"]
    assert [build.line.base.name for build in builds] == [NANO.name] * 2


def test_what_is_installed_and_fits_is_taken_without_looking_further(world: World):
    world.publish(version="1.0.0")
    world.ok("install", "my/waterfall")
    world.publish(version="2.0.0")
    (build,) = ensure_installed([AdapterRef.parse("my/waterfall")], world.session())
    assert str(build.line.version) == "1.0.0"


def test_a_yanked_version_is_left_out_and_can_be_asked_for_by_number(world: World):
    world.publish(version="1.0.0")
    world.publish(version="1.1.0")
    index = world.home / "registry" / "index" / "my" / "waterfall.jsonl"
    lines = [json.loads(line) for line in index.read_text().splitlines()]
    lines[1] |= {"status": "yanked", "note": "flickers"}
    index.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert world.ok("install", "--json", "my/waterfall").data["adapters"][0]["version"] == "1.0.0"
    assert "it was withdrawn: flickers" in world.ok("why", "my/waterfall").out
    assert world.ok("install", "--json", "my/waterfall@==1.1.0").data["adapters"][0]["version"] == "1.1.0"


def test_a_damaged_file_is_found_and_installed_again(world: World):
    world.publish()
    world.ok("install", "my/waterfall")
    blob = next(path for path in (world.home / "store" / "blobs").rglob("*") if path.is_file())
    content = blob.read_bytes()
    blob.chmod(0o644)
    blob.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert world.mivactl("verify").exit_code == 5
    assert world.ok("install", "--json", "my/waterfall").data["adapters"][0]["action"] == "repaired"
    world.ok("verify")
