"""The promises of `miva.lock`, each kept in a story and each attacked: bytes, builds, bases, registries."""

from __future__ import annotations

import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mivactl.operations.collect_garbage import collect_garbage
from mivactl.store.garbage import GarbagePolicy
from registry_schema.digests import Digest
from registry_schema.lock import Lock
from tests.mivactl.registry_edits import added_registry, change_line, take_away
from tests.mivactl.world import NANO, WAN, World, masked_spec, write_draft
from tests.registry_schema.samples import adapter_spec, base_spec

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def project(world: World, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that the commands run in; `my/waterfall` has two versions, `my/clouds` one."""
    world.publish("my/waterfall", "1.0.0")
    world.publish("my/waterfall", "1.1.0")
    world.publish("my/clouds", "1.0.0")
    folder = world.folder / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def lock_of(project: Path) -> Lock:
    return Lock.parse((project / "miva.lock").read_bytes())


def versions(project: Path) -> dict[str, str]:
    return {str(entry.name): str(entry.version) for entry in lock_of(project).adapters}


def installed(world: World) -> dict[str, str]:
    return {entry["name"]: entry["version"] for entry in world.ok("list", "--json").data["adapters"]}


def test_a_project_is_locked_once_and_everybody_gets_the_same(world: World, project: Path):
    said = world.ok("lock", "my/waterfall", "my/clouds")
    assert said.out == "my/clouds 1.0.0 is new\nmy/waterfall 1.1.0 is new\n"
    assert "miva.lock written: 2 adapters on base nano" in said.err
    world.publish("my/waterfall", "1.2.0")
    assert "unchanged" in world.ok("lock").err
    assert versions(project) == {"my/clouds": "1.0.0", "my/waterfall": "1.1.0"}
    world.ok("sync")
    assert installed(world) == {"my/clouds": "1.0.0", "my/waterfall": "1.1.0"}
    assert {step["action"] for step in world.ok("sync", "--json").data["adapters"]} == {"kept"}
    assert world.ok("lock", "--remove", "my/clouds").out == "my/clouds 1.0.0 is gone\n"
    assert versions(project) == {"my/waterfall": "1.1.0"}


def test_what_a_lock_names_is_collected_only_once_no_lock_names_it(world: World, project: Path):
    world.ok("lock", "my/waterfall", "my/clouds")
    world.ok("sync")
    weights = {build.line.name: build.line.weights.digest for build in world.session().store.installed()}
    world.ok("uninstall", "my/waterfall", "my/clouds")
    blob = world.session().store.layout.blob
    world.ok("lock", "--remove", "my/clouds")
    collect_garbage(world.session(), policy=GarbagePolicy(grace_seconds=0))
    assert {name: blob(digest).exists() for name, digest in weights.items()} == {
        "my/waterfall": True,
        "my/clouds": False,
    }
    (project / "miva.lock").unlink()
    collect_garbage(world.session(), policy=GarbagePolicy(grace_seconds=0))
    assert not blob(weights["my/waterfall"]).exists()


def test_two_runs_write_the_same_bytes_whatever_the_order_the_moment_and_the_machine(world: World, project: Path):
    world.ok("lock", "my/waterfall", "my/clouds")
    first = (project / "miva.lock").read_bytes()
    world.ok("install", "my/clouds")
    other = world.folder / "other"
    other.mkdir()
    world.ok("lock", "my/clouds", "--project", other)
    world.ok("lock", "my/waterfall", "--project", other)
    assert (other / "miva.lock").read_bytes() == first
    elsewhere = World.__new__(World)
    elsewhere.__dict__.update(world.__dict__)
    elsewhere.home = world.folder / "another-home"
    shutil.copytree(world.home / "registry", elsewhere.home / "registry")
    elsewhere.add_base(NANO)
    (other / "miva.lock").unlink()
    done = elsewhere.in_new_process(
        "lock", "my/clouds", "my/waterfall", "--project", other, MIVACTL_HOME=str(elsewhere.home)
    )
    assert done.returncode == 0, done.stderr
    assert (other / "miva.lock").read_bytes() == first


def test_a_lock_holds_neither_paths_nor_moments_nor_people(world: World, project: Path):
    world.ok("lock", "my/waterfall", "my/clouds")
    text = (project / "miva.lock").read_text()
    for private in (str(world.folder), str(Path.home()), Path.home().name + "@", "token", "published", "2026"):
        assert private not in text
    assert not re.search(r'= "[^"]*/(home|tmp|mnt|Users)/', text)
    lock = lock_of(project)
    assert [registry.url for registry in lock.registries] == [None]
    assert lock.registries[0].id == world.session().local.config().id
    assert lock.base == NANO.base_identity


def test_what_is_kept_of_a_wish(world: World, project: Path):
    world.publish("my/waterfall", "1.2.0rc1")
    digest = world.ok("info", "--json", "my/waterfall@==1.0.0").data["adapter"]["builds"][0]["digest"]
    for reference, asked, version in (
        ("my/waterfall@>=1,<1.1", "<1.1,>=1", "1.0.0"),
        ("my/waterfall@latest", "", "1.0.0"),
        ("my/waterfall@>=1.1", ">=1.1", "1.1.0"),
        ("my/waterfall@beta", ">=0a0", "1.1.0"),
        ("my/waterfall@>=1.2.0a0", ">=1.2.0a0", "1.2.0rc1"),
        (f"my/waterfall@{digest}", "==1.0.0", "1.0.0"),
    ):
        world.ok("lock", reference)
        (entry,) = lock_of(project).adapters
        assert (reference, str(entry.range), str(entry.version)) == (reference, asked, version)


def test_masked_builds_are_locked_and_installed_beside_others(world: World, project: Path):
    world.ok("publish", write_draft(world.folder / "m", "my/flag", spec=masked_spec()))
    world.ok("lock", "my/waterfall")
    world.ok("lock", "--masked", "my/flag")
    assert [entry.masked for entry in lock_of(project).adapters] == [True, False]
    world.ok("sync")
    assert {entry["name"]: entry["masked"] for entry in world.ok("list", "--json").data["adapters"]} == {
        "my/flag": True,
        "my/waterfall": False,
    }


def test_of_a_locked_project_all_is_installed_or_nothing(world: World, project: Path):
    world.ok("lock", "my/waterfall", "my/clouds")
    entry = lock_of(project).adapters[1]
    world.session().local.blob_path(entry.weights.digest).unlink()
    assert world.mivactl("sync").exit_code == 5
    assert installed(world) == {}


DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def flip(text: str, place: int) -> str:
    """Another hex digit at a place."""
    return text[:place] + ("0" if text[place] != "0" else "1") + text[place + 1 :]


@pytest.mark.parametrize("frozen", [False, True], ids=["sync", "sync --frozen"])
def test_a_changed_digit_in_any_digest_of_the_lock_is_noticed(world: World, project: Path, frozen: bool):
    world.ok("lock", "my/waterfall@==1.0.0", "my/clouds")
    sound = (project / "miva.lock").read_text()
    found = list(DIGEST.finditer(sound))
    assert len(found) == 2 + 2 * 3
    for match in found:
        (project / "miva.lock").write_text(flip(sound, match.end() - 1))
        said = world.mivactl("sync", *(["--frozen"] if frozen else []))
        assert said.exit_code in {4, 5}, sound[: match.start()][-40:]
        assert "hint: " in said.err
        assert installed(world) == {}
    (project / "miva.lock").write_text(sound)
    world.ok("sync")


@pytest.mark.parametrize("field", ["manifest", "weights.digest", "weights.tensors", "version", "base"])
def test_a_frozen_sync_believes_a_changed_lock_no_more_when_its_builds_are_installed(
    world: World, project: Path, field: str
):
    world.ok("lock", "my/waterfall@==1.0.0")
    world.ok("sync")
    path = project / "miva.lock"
    lines = path.read_text().replace('range = "==1.0.0"', 'range = ""').splitlines()
    place = max(number for number, line in enumerate(lines) if line.startswith(f"{field} = "))
    lines[place] = {"version": 'version = "1.1.0"', "base": 'base = "other"'}.get(
        field, flip(lines[place], len(lines[place]) - 2)
    )
    path.write_text("\n".join(lines) + "\n")
    assert world.mivactl("sync", "--frozen").exit_code == 5


@pytest.mark.parametrize(
    ("old", "new", "exit_code", "words"),
    [
        ('version = "1.0.0"', 'version = "1.0.1"', 5, "version is `1.0.1` in miva.lock, `1.0.0` in `local`"),
        ('name = "my/waterfall"', 'name = "my/waterfalls"', 3, "no longer has `my/waterfalls` 1.0.0 for `nano`"),
        ("masked = false", "masked = true", 5, "masked is `True` in miva.lock, `False` in `local`"),
        ("weights.size = ", "weights.size = 1", 5, "weights.size is `1"),
        ('name = "nano"', 'name = "nanno"', 3, "no base `nanno` on this machine"),
        ('base = "nano"', 'base = "other"', 5, "base is `other` in miva.lock, `nano` in `local`"),
        ('status = "active"', 'status = "activ"', 5, "status `activ` is not known here"),
        ('schema = "miva.lock/1"', 'schema = "miva.lock/2"', 5, "schema `miva.lock/2` is not known"),
        ('manifest = "sha256:', 'manifest = "sha512:', 5, "does not start with `sha256:`"),
    ],
)
def test_any_other_change_of_the_lock_is_noticed_too(
    world: World, project: Path, old: str, new: str, exit_code: int, words: str
):
    world.ok("lock", "my/waterfall@==1.0.0")
    path = project / "miva.lock"
    text = path.read_text().replace('range = "==1.0.0"', 'range = ""')
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))
    said = world.mivactl("sync")
    assert (said.exit_code, words in said.err) == (exit_code, True), said.err
    assert installed(world) == {}


def damage_manifest(world: World, lock: Lock) -> None:
    path = world.session().local.manifest_path(lock.adapters[0].manifest)
    path.chmod(0o644)
    path.write_bytes(path.read_bytes().replace(b"Falling water", b"Falling Water"))


def damage_weights(world: World, lock: Lock) -> None:
    path = world.session().local.blob_path(lock.adapters[0].weights.digest)
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1] + b"\x01")


def exchange_build(world: World, lock: Lock) -> None:
    """An owner who published other bytes under the same version, as registries must never do."""
    take_away(world.session().local, "my/waterfall", "1.1.0")
    world.publish("my/waterfall", "1.1.0", title="Falling Water")
    assert lock.adapters[0].version == world.session().local.lines(lock.adapters[0].name)[-1].version


def exchange_weights_in_index(world: World, lock: Lock) -> None:
    pointer = lock.adapters[0].weights.plain() | {"digest": Digest.of(b"other")}
    change_line(world.session().local, "my/waterfall", "1.1.0", weights=pointer)


@pytest.mark.parametrize("damage", [damage_manifest, damage_weights, exchange_build, exchange_weights_in_index])
def test_a_registry_that_has_other_bytes_than_the_lock_is_noticed(
    world: World, project: Path, damage: Callable[[World, Lock], None]
):
    world.ok("lock", "my/waterfall")
    damage(world, lock_of(project))
    for posture in ([], ["--locked"], ["--frozen"]):
        said = world.mivactl("sync", *posture)
        assert said.exit_code == 5, said.err
        assert "hint: " in said.err
    assert installed(world) == {}


def test_bytes_exchanged_under_a_locked_version_are_not_locked_anew(world: World, project: Path):
    world.ok("lock", "my/waterfall")
    before = (project / "miva.lock").read_bytes()
    exchange_build(world, lock_of(project))
    for arguments in (["lock"], ["lock", "my/clouds"], ["update"], ["lock", "--locked"]):
        assert world.mivactl(*arguments).exit_code == 5
    assert (project / "miva.lock").read_bytes() == before


def test_a_withdrawn_build_keeps_working_where_it_is_locked_with_a_word(
    world: World, project: Path, monkeypatch: pytest.MonkeyPatch
):
    world.ok("lock", "my/waterfall")
    change_line(world.session().local, "my/waterfall", "1.1.0", status="yanked", note="it flickers")
    said = world.ok("sync")
    assert "it was withdrawn: it flickers" in said.err
    assert installed(world) == {"my/waterfall": "1.1.0"}
    refused = world.mivactl("sync", "--locked")
    assert refused.exit_code == 9
    assert "miva.lock` would change: my/waterfall 1.1.0: status active -> yanked" in refused.err
    assert world.mivactl("lock", "--locked").exit_code == 9
    monkeypatch.setenv("CI", "true")
    assert world.mivactl("sync").exit_code == 9
    for posture in ("--no-locked", "--frozen"):
        world.ok("sync", posture)
    monkeypatch.delenv("CI")
    assert lock_of(project).adapters[0].status == "active"
    assert world.ok("lock").out == "my/waterfall 1.1.0: status active -> yanked\n"
    world.ok("sync", "--locked")


def test_a_build_that_was_taken_away_stops_a_sync_but_not_a_frozen_one_that_has_it(world: World, project: Path):
    world.ok("lock", "my/waterfall")
    world.ok("sync")
    take_away(world.session().local, "my/waterfall", "1.1.0")
    said = world.mivactl("sync")
    assert said.exit_code == 3
    assert "registry `local` no longer has `my/waterfall` 1.1.0 for `nano`, which miva.lock names" in said.err
    shutil.rmtree(world.home / "registry")
    world.ok("sync", "--frozen")
    world.ok("uninstall", "my/waterfall")
    assert world.mivactl("sync", "--frozen").exit_code == 3


def test_a_build_that_was_taken_away_gives_way_to_another_when_a_person_locks(world: World, project: Path):
    world.ok("lock", "my/waterfall")
    take_away(world.session().local, "my/waterfall", "1.1.0")
    assert world.ok("lock").out == "my/waterfall 1.1.0 -> 1.0.0: tensors changed\n"


def test_locked_and_frozen_exclude_each_other_and_need_a_lock(world: World, project: Path):
    assert world.mivactl("sync", "--locked", "--frozen").exit_code == 2
    for command in (["sync"], ["sync", "--locked"], ["update"], ["tree"], ["lock"]):
        said = world.mivactl(*command)
        assert (said.exit_code, "hint: " in said.err) == (3, True)
    world.ok("lock", "my/waterfall@==1.0.0")
    said = world.mivactl("lock", "--locked", "my/clouds")
    assert said.exit_code == 9
    assert "would change: my/clouds 1.0.0 is new" in said.err
    assert versions(project) == {"my/waterfall": "1.0.0"}


def test_another_base_under_the_same_name_is_refused(world: World, project: Path):
    world.ok("lock", "my/waterfall")
    world.add_base(base_spec(weights="trained on"))
    for posture in ([], ["--frozen"]):
        said = world.mivactl("sync", *posture)
        assert said.exit_code == 4
        assert "base `nano` on this machine has weights `" in said.err
        assert "hint: `mivactl lock` locks the base that is here" in said.err
    assert world.mivactl("sync", "--locked").exit_code == 9
    changed = world.ok("lock").out
    assert changed.startswith("base nano (")
    assert lock_of(project).base.weights == base_spec(weights="trained on").weights


def test_the_lock_moves_to_another_base_when_every_adapter_has_a_build_for_it(world: World, project: Path):
    world.add_base(WAN)
    world.ok("lock", "my/waterfall", "my/clouds")
    world.ok("publish", write_draft(world.folder / "w", "my/waterfall", "1.1.0", spec=adapter_spec(WAN)))
    before = (project / "miva.lock").read_bytes()
    assert world.mivactl("lock", "--base", "wan2.1-t2v-1.3b").exit_code == 4
    assert (project / "miva.lock").read_bytes() == before
    world.ok("publish", write_draft(world.folder / "c", "my/clouds", "1.0.0", spec=adapter_spec(WAN)))
    world.ok("lock", "--base", "wan2.1-t2v-1.3b")
    assert lock_of(project).base == WAN.base_identity
    assert {str(entry.base) for entry in lock_of(project).adapters} == {"wan2.1-t2v-1.3b"}
    assert "unchanged" in world.ok("lock").err


def locked_from(project: Path) -> dict[str, str]:
    return {str(entry.name): str(entry.registry) for entry in lock_of(project).adapters}


def test_a_locked_name_does_not_change_its_registry_by_itself(world: World, project: Path):
    added_registry(world, "studio")
    world.ok("publish", write_draft(world.folder / "s", "acme/logo", "1.0.0"), "--to", "studio")
    world.ok("lock", "acme/logo")
    # Somebody else offers the name in a registry that is asked earlier, with a newer version.
    world.ok("registry", "remove", "studio")
    added_registry(world, "public")
    world.ok("publish", write_draft(world.folder / "p", "acme/logo", "1.9.0"), "--to", "public")
    world.ok("registry", "add", "studio", world.folder / "studio")
    assert world.ok("update").out == ""
    assert locked_from(project) == {"acme/logo": "studio"}
    refused = world.mivactl("lock", "public::acme/logo")
    assert refused.exit_code == 9
    assert "`acme/logo` is locked from registry `studio` and would come from `public`" in refused.err
    changed = world.ok("lock", "public::acme/logo", "--allow-registry-change")
    assert "acme/logo 1.0.0 -> 1.9.0: tensors changed, registry studio (" in changed.out
    assert locked_from(project) == {"acme/logo": "public"}


def test_a_namespace_that_was_bound_elsewhere_since_needs_the_word_as_well(world: World, project: Path):
    added_registry(world, "public")
    world.ok("publish", write_draft(world.folder / "p", "acme/logo", "1.9.0"), "--to", "public")
    world.ok("lock", "acme/logo")
    added_registry(world, "private", "--namespace", "acme")
    world.ok("publish", write_draft(world.folder / "a", "acme/logo", "1.0.0"), "--to", "private")
    assert world.mivactl("sync").exit_code == 9
    assert world.mivactl("update").exit_code == 9
    assert "1.9.0 -> 1.0.0" in world.ok("update", "--allow-registry-change").out
    assert locked_from(project) == {"acme/logo": "private"}
    world.ok("sync")


def test_another_registry_under_the_name_of_the_locked_one_is_noticed(world: World, project: Path):
    added_registry(world, "studio")
    draft = write_draft(world.folder / "s", "acme/logo", "1.0.0")
    world.ok("publish", draft, "--to", "studio")
    world.ok("lock", "acme/logo")
    world.ok("registry", "remove", "studio")
    shutil.move(world.folder / "studio", world.folder / "moved")
    added_registry(world, "studio")
    world.ok("publish", draft, "--to", "studio")
    for command in (["sync"], ["lock"], ["update"], ["outdated"]):
        said = world.mivactl(*command)
        assert said.exit_code == 3
        assert "registry `studio` here is another one than miva.lock names: its id is `" in said.err
    assert installed(world) == {}
    # It is the id that counts: under whatever name and wherever it lies.
    world.ok("registry", "add", "old-studio", world.folder / "moved")
    world.ok("sync")
    assert world.ok("list", "--json").data["adapters"][0]["registry"] == "old-studio"


def test_installed_from_elsewhere_is_the_same_build_when_its_digest_is(world: World, project: Path):
    added_registry(world, "studio")
    draft = write_draft(world.folder / "s", "acme/logo", "1.0.0")
    world.ok("publish", draft, "--to", "studio")
    shutil.copytree(world.folder / "studio", world.folder / "mirror")
    world.ok("lock", "acme/logo")
    world.ok("install", "acme/logo")
    world.ok("registry", "remove", "studio")
    world.ok("registry", "add", "mirror", world.folder / "mirror")
    assert [step["action"] for step in world.ok("sync", "--json").data["adapters"]] == ["kept"]


def test_a_range_may_be_edited_by_hand_and_is_followed_when_a_person_locks(world: World, project: Path):
    world.ok("lock", "my/waterfall")
    path = project / "miva.lock"
    path.write_text(path.read_text().replace('range = ""', 'range = "<1.1"'))
    for command in (["sync"], ["sync", "--locked"]):
        assert world.mivactl(*command).exit_code == 9
    assert "locked at 1.1.0 and asked for as `<1.1`" in world.mivactl("sync").err
    assert installed(world) == {}
    assert world.ok("lock").out == "my/waterfall 1.1.0 -> 1.0.0: tensors changed\n"
    world.ok("sync", "--locked")


def test_a_registry_keeps_the_name_it_has_in_the_lock_whatever_a_machine_calls_it(world: World, project: Path):
    added_registry(world, "studio")
    world.ok("publish", write_draft(world.folder / "s", "acme/logo", "1.0.0"), "--to", "studio")
    world.ok("lock", "acme/logo", "my/waterfall")
    before = (project / "miva.lock").read_bytes()
    world.ok("registry", "remove", "studio")
    world.ok("registry", "add", "elsewhere", world.folder / "studio")
    world.ok("sync", "--locked")
    assert "unchanged" in world.ok("lock").err
    assert (project / "miva.lock").read_bytes() == before
    shutil.rmtree(world.folder / "second", ignore_errors=True)
    world.ok("registry", "add", "studio", world.folder / "second", "--create")
    world.ok("publish", write_draft(world.folder / "t", "other/logo", "1.0.0"), "--to", "studio")
    world.ok("lock", "other/logo")
    assert locked_from(project) == {"acme/logo": "studio", "my/waterfall": "local", "other/logo": "studio-2"}
    world.ok("sync", "--locked")


def test_processes_that_lock_at_once_lose_nothing(world: World, project: Path):
    names = [f"my/motion-{letter}" for letter in "abcd"]
    for name in names:
        world.publish(name)

    def lock(name: str) -> int:
        return world.in_new_process("lock", name, "--project", project).returncode

    with ThreadPoolExecutor() as pool:
        assert set(pool.map(lock, names)) == {0}
    assert sorted(versions(project)) == names


def test_the_policy_of_a_machine_holds_for_locks_too(world: World, project: Path):
    world.ok("lock", "my/waterfall")
    (world.home / "config.toml").write_text('[policy]\nlicences_deny = ["Apache-2.0"]\n')
    for command in (["sync"], ["sync", "--frozen"], ["lock"], ["update"]):
        assert world.mivactl(*command).exit_code == 9, command
    assert installed(world) == {}


def test_a_lock_that_nobody_can_write_is_named(world: World, project: Path):
    (project / "miva.lock").mkdir()
    said = world.mivactl("lock", "my/waterfall")
    assert said.exit_code == 1
    assert "cannot read `miva.lock`" in said.err
    missing = world.mivactl("lock", "my/waterfall", "--project", world.folder / "typo")
    assert (missing.exit_code, (world.folder / "typo").exists()) == (3, False)


def test_an_empty_lock_is_a_lock_that_names_a_base(world: World, project: Path):
    world.ok("lock", "my/waterfall")
    world.ok("lock", "--remove", "my/waterfall")
    assert lock_of(project).adapters == ()
    assert world.ok("sync").out == ""
    assert "  base nano" in world.ok("tree").out
    assert world.mivactl("lock", "--remove", "my/waterfall").exit_code == 3
    assert world.mivactl("lock", "my/waterfall:0.5").exit_code == 2
