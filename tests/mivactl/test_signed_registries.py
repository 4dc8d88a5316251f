"""Signed registries: old, frozen and mixed states are each noticed, and nothing of them is remembered."""

from __future__ import annotations

import json
import shutil
import threading
from typing import TYPE_CHECKING

import pytest

from mivactl.cli.console import Console
from mivactl.cli.progress import ConsoleProgress
from mivactl.operations.composition import Wanted, compose_wanted, install_composed
from mivactl.operations.install import InstallOptions, install
from mivactl.operations.lock import LockOptions, lock_project
from mivactl.operations.project import require_lock
from mivactl.operations.sign_registry import registry_in, sign_registry, signed_change
from mivactl.operations.sync import SyncOptions, sync
from mivactl.registry.registry_list import RegistryEntry, RegistryList, write_registry_list
from mivactl.session import Session
from registry_schema.errors import (
    AuthProblem,
    Expired,
    IntegrityProblem,
    KeyChanged,
    MixAndMatch,
    Rollback,
    SnapshotMismatch,
)
from registry_schema.names import AdapterName, RegistryName
from registry_schema.ref import AdapterRef
from registry_schema.text import Timestamp
from tests.mivactl.world import NANO, World, write_draft

if TYPE_CHECKING:
    from pathlib import Path

    from mivactl.registry.guarded import GuardedRegistry

STUDIO = RegistryName("studio")
WATERFALL = AdapterName("my/waterfall")


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Real registries are looked at again for half a second; these do not change by themselves."""
    monkeypatch.setattr("mivactl.registry.guarded._PAUSE_SECONDS", 0)


@pytest.fixture
def studio(world: World) -> Path:
    """A signed registry with one adapter."""
    folder = world.folder / "studio"
    world.ok("registry", "add", STUDIO, folder, "--create")
    world.ok("registry", "sign", folder)
    publish(world, "1.0.0")
    return folder


def publish(world: World, version: str, name: str = WATERFALL) -> None:
    folder = world.folder / "drafts" / f"{name}-{version}"
    world.ok("publish", write_draft(folder, name, version), "--to", STUDIO)


def reader(world: World, place: Path, home: str = "reader") -> World:
    """Somebody else's home that knows the registry at `place`."""
    other = World.__new__(World)
    other.__dict__.update(world.__dict__, home=world.folder / home)
    other.add_base(NANO)
    entry = RegistryEntry(name=STUDIO, place=str(place))
    write_registry_list(other.home / "registries.json", RegistryList(registries=(entry,)))
    return other


def session_at(world: World, now: Timestamp) -> Session:
    return Session(world.session().settings, starter=world.folder / "starter", now=now)


def guarded(world: World) -> GuardedRegistry:
    session = world.session()
    return session.guarded(session.registry(STUDIO))


def look(world: World):
    """Everything a reader asks for, on a fresh start."""
    return guarded(world).lines(WATERFALL)


def remembered(world: World) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in (world.home / "trust").rglob("*.json*") if path.is_file()}


def copied(folder: Path, to: Path) -> Path:
    return shutil.copytree(folder, to)


def put(source: Path, target: Path, *names: str) -> None:
    for name in names:
        shutil.copyfile(source / name, target / name)


def test_what_was_published_and_signed_is_read_and_remembered(world: World, studio: Path):
    alice = reader(world, studio)
    assert [str(line.version) for line in look(alice)] == ["1.0.0"]
    known = alice.session().trust.known_state(STUDIO)
    assert known is not None
    snapshot = alice.session().trust.known(STUDIO)
    assert snapshot is not None
    assert snapshot.line_counts() == {"index/my/waterfall.jsonl": 1}
    publish(world, "1.1.0")
    assert [str(line.version) for line in look(alice)] == ["1.0.0", "1.1.0"]
    newer = alice.session().trust.known_state(STUDIO)
    assert newer is not None
    assert newer.counter == known.counter + 1


def test_an_older_checkpoint_snapshot_and_index_are_three_distinct_errors(world: World, studio: Path):
    old = copied(studio, world.folder / "old")
    publish(world, "1.1.0")
    new = copied(studio, world.folder / "new")
    alice = reader(world, studio)
    look(alice)
    before = remembered(alice)
    trust, index = ("trust/checkpoint.json", "trust/checkpoint.json.sig"), "index/my/waterfall.jsonl"
    attacks = {
        (*trust, "trust/snapshot.json", index): (Rollback, "offers checkpoint 2, this machine has seen 3"),
        ("trust/snapshot.json",): (SnapshotMismatch, "the signed checkpoint 3 names"),
        (index,): (MixAndMatch, "the signed snapshot says"),
    }
    kinds = set()
    for names, (kind, words) in attacks.items():
        put(new, studio, *trust, "trust/snapshot.json", index)
        put(old, studio, *names)
        with pytest.raises(kind, match=words) as caught:
            look(alice)
        kinds.add(caught.value.code)
        assert type(caught.value) is kind
        assert caught.value.exit_code == 5
        assert remembered(alice) == before
    assert len(kinds) == 3
    put(new, studio, *trust, "trust/snapshot.json", index)
    assert len(look(alice)) == 2


def test_an_index_that_was_signed_with_fewer_lines_is_a_rollback(world: World, studio: Path):
    publish(world, "1.1.0")
    alice = reader(world, studio)
    look(alice)
    index = studio / "index/my/waterfall.jsonl"
    index.write_bytes(index.read_bytes().splitlines(keepends=True)[0])
    world.ok("registry", "sign", studio)
    with pytest.raises(Rollback, match=r"has 1 lines in the signed snapshot, it had 2"):
        look(alice)


def test_two_states_under_one_number_are_noticed(world: World, studio: Path):
    alice = reader(world, studio)
    look(alice)
    checkpoint = studio / "trust/checkpoint.json"
    counter = json.loads(checkpoint.read_bytes())["counter"]
    checkpoint.write_text(checkpoint.read_text().replace(f'"counter": {counter}', f'"counter": {counter - 1}'))
    sign_registry(registry_in(studio), session_at(world, Timestamp.now().later(days=1)))
    with pytest.raises(Rollback, match=f"offers another checkpoint {counter} than this machine has seen"):
        look(alice)


def test_a_state_is_fresh_for_six_days_and_expired_after_eight(world: World, studio: Path):
    alice = reader(world, studio)
    start = Timestamp.now()

    def on_day(days: int, **options: bool):
        session = session_at(alice, start.later(days=days))
        return install([AdapterRef.parse(WATERFALL)], session, InstallOptions(dry_run=True, **options))

    assert on_day(6).warnings == ()
    with pytest.raises(Expired, match=r"its signed state expired at .*, so what is new may be kept from you") as caught:
        on_day(8)
    assert caught.value.exit_code == 9
    assert "`--allow-stale`" in str(caught.value.hint)
    (warning,) = on_day(8, allow_stale=True).warnings
    assert "expired" in warning
    look(alice)  # reading stays possible


def test_a_lock_names_who_signed_and_a_stale_registry_stops_its_sync(world: World, studio: Path):
    alice = reader(world, studio)
    project = world.folder / "project"
    project.mkdir()
    now = Timestamp.now()
    lock_project([AdapterRef.parse(WATERFALL)], session_at(alice, now), LockOptions(project=project))
    (entry,) = require_lock(project).adapters
    assert entry.signer is not None
    assert entry.signer == guarded(alice).publisher(look(alice)[0])
    with pytest.raises(Expired):
        sync(session_at(alice, now.later(days=8)), SyncOptions(project=project))
    (warning,) = sync(
        session_at(alice, now.later(days=8)), SyncOptions(project=project, allow_stale=True, dry_run=True)
    ).warnings
    assert "expired" in warning
    assert sync(session_at(alice, now), SyncOptions(project=project)).steps[0].action == "added"


def test_a_mirror_of_a_signed_registry_is_one_too(world: World, studio: Path):
    mirror = world.folder / "mirror"
    world.ok("registry", "sync", studio, mirror)
    alice = reader(world, mirror)
    for versions in (["1.0.0"], ["1.0.0", "1.1.0"]):
        assert [str(line.version) for line in look(alice)] == versions
        assert guarded(alice).is_signed
        assert guarded(alice).publisher(look(alice)[-1]) is not None
        publish(world, "1.1.0")
        world.ok("registry", "sync", studio, mirror)
    index = mirror / "index/my/waterfall.jsonl"
    index.write_bytes(index.read_bytes().replace(b'"active"', b'"yanked"', 1))
    with pytest.raises(MixAndMatch):
        look(alice)


@pytest.mark.parametrize("name", ["trust/checkpoint.json", "trust/checkpoint.json.sig"])
def test_a_checkpoint_nobody_signed_is_refused_before_it_is_parsed(world: World, studio: Path, name: str):
    alice = reader(world, studio)
    (studio / "trust/checkpoint.json").write_bytes(b"{not even JSON")
    if name.endswith(".sig"):
        (studio / name).unlink()
    with pytest.raises(IntegrityProblem, match=r"is not of these bytes|is not signed"):
        look(alice)
    assert not remembered(alice)


def test_a_registry_can_not_stop_being_signed_in_silence(world: World, studio: Path):
    alice = reader(world, studio)
    look(alice)
    config = json.loads((studio / "config.json").read_bytes())
    (studio / "config.json").write_text(json.dumps({**config, "signed": False}))
    with pytest.raises(KeyChanged, match="was signed, and says now that it is not"):
        look(alice)
    shutil.rmtree(studio / "trust")
    (studio / "config.json").write_text(json.dumps({**config, "signed": True}))
    with pytest.raises(IntegrityProblem, match="its signed state is missing"):
        look(alice)


def test_another_registry_in_the_same_place_is_noticed(world: World, studio: Path):
    alice = reader(world, studio)
    look(alice)
    shutil.rmtree(studio)
    world.ok("registry", "remove", STUDIO)
    world.ok("registry", "add", STUDIO, studio, "--create")
    world.ok("registry", "sign", studio)
    with pytest.raises(IntegrityProblem, match=r"of registry|was `"):
        look(alice)
    alice.session().trust.forget_registry(STUDIO)
    assert look(alice) == ()


def test_one_registrys_signed_state_is_not_anothers(world: World, studio: Path):
    other = world.folder / "other"
    world.ok("registry", "add", "other", other, "--create")
    world.ok("registry", "sign", other)
    for path in (other / "trust").glob("*.json*"):
        shutil.copyfile(path, studio / "trust" / path.name)
    with pytest.raises(KeyChanged, match="is of registry"):
        look(reader(world, studio))


def test_new_keys_are_believed_when_the_old_ones_introduce_them(world: World, studio: Path):
    alice = reader(world, studio)
    look(alice)
    for name in ("one", "two"):
        world.ok("keys", "new", name)
    world.ok("registry", "sign", studio, "--key", "one", "--key", "two", "--threshold", 2)
    world.ok("registry", "sign", studio, "--key", "two")
    assert len(look(alice)) == 1
    known = alice.session().trust.known_state(STUDIO)
    assert known is not None
    assert known.known_root().version == 3


@pytest.mark.parametrize("options", [("--threshold", 2), ("--key", "default", "--threshold", 2), ("--key", "nobody")])
def test_a_root_that_can_not_be_signed_is_refused_and_the_old_one_stays(world: World, studio: Path, options: tuple):
    before = {path: path.read_bytes() for path in (studio / "trust").glob("*.json*")}
    assert before
    assert world.mivactl("registry", "sign", studio, *options).exit_code in {2, 3}
    assert {path: path.read_bytes() for path in (studio / "trust").glob("*.json*")} == before


def test_keys_that_nobody_introduced_are_refused(world: World, studio: Path):
    alice = reader(world, studio)
    look(alice)
    thief = reader(world, studio, home="thief")
    for path in (studio / "trust").glob("*.json*"):
        path.unlink()
    session = thief.session()
    sign_registry(registry_in(studio), session)
    (studio / "trust/root-2.json").write_bytes(
        (studio / "trust/root-1.json").read_bytes().replace(b'"version": 1', b'"version": 2')
    )
    shutil.copyfile(studio / "trust/root-1.json.sig", studio / "trust/root-2.json.sig")
    with pytest.raises(KeyChanged, match="its new keys are not signed by those this machine knows"):
        look(alice)
    (studio / "trust/root-2.json").unlink()
    with pytest.raises(IntegrityProblem, match="0 of the registry's 1 keys signed it"):
        look(alice)


def test_who_has_no_key_of_a_signed_registry_can_not_change_it(world: World, studio: Path):
    stranger = reader(world, studio, home="stranger").session()
    before = (studio / "trust/checkpoint.json").read_bytes()
    with (
        pytest.raises(AuthProblem, match="wants 1 of its 1 keys, this machine has 0") as caught,
        signed_change(registry_in(studio), stranger),
    ):
        pytest.fail("must not get here")
    assert caught.value.exit_code == 7
    assert (studio / "trust/checkpoint.json").read_bytes() == before


def test_publish_does_not_sign_what_somebody_else_slipped_in(world: World, studio: Path):
    index = studio / "index/my/waterfall.jsonl"
    index.write_bytes(index.read_bytes().replace(b"Apache-2.0", b"MIT"))
    said = world.mivactl("publish", write_draft(world.folder / "x", "my/clouds"), "--to", STUDIO)
    assert said.exit_code == 5
    assert "was changed since it was signed: `index/my/waterfall.jsonl`" in said.err


def test_an_advisory_reaches_those_who_have_the_adapter(world: World, studio: Path):
    world.ok("install", "studio::my/waterfall")
    assert world.ok("audit").out == "no advisory is about what is installed (builds: 1, advisories: 0)\n"
    digest = world.ok("list", "--json").data["adapters"][0]["digest"]
    world.ok("registry", "advise", studio, digest, "--kind", "harmful", "--reason", "frames flash")
    said = world.mivactl("audit")
    assert said.exit_code == 5
    assert "error: my/waterfall 1.0.0 is harmful, says registry studio: frames flash (" in said.err
    assert "hint: run `mivactl uninstall --base nano my/waterfall@==1.0.0`\n" in said.err


def test_animate_warns_of_an_adapter_with_an_advisory(world: World, studio: Path, capsys: pytest.CaptureFixture[str]):
    """What `animate` does before it loads anything, under `--quiet`; no registry is asked."""
    world.ok("install", "studio::my/waterfall")
    digest = world.ok("list", "--json").data["adapters"][0]["digest"]
    world.ok("registry", "advise", studio, digest, "--kind", "broken", "--reason", "frames flash")
    world.mivactl("audit")
    shutil.rmtree(studio / "trust")
    config = world.home / "bases" / "nano" / "unet" / "config.json"  # all that tells whether weights are there
    config.parent.mkdir()
    config.write_text("{}")
    session = world.session()
    wanted = Wanted(refs=(AdapterRef.parse("my/waterfall"),), base="nano", yes=True)
    progress = ConsoleProgress(Console(quiet=True))
    install_composed(compose_wanted(wanted, session), session, yes=True, progress=progress)
    assert "warning: my/waterfall 1.0.0 is broken, says registry studio: frames flash (" in capsys.readouterr().err


def test_advisories_nobody_signed_are_not_believed(world: World):
    world.publish()
    world.ok("install", "my/waterfall")
    digest = world.ok("list", "--json").data["adapters"][0]["digest"]
    said = world.mivactl("registry", "advise", world.home / "registry", digest, "--kind", "broken", "--reason", "x")
    assert said.exit_code == 9
    (world.home / "registry" / "advisories.jsonl").write_text("{}\n")
    said = world.ok("audit")
    assert "the advisories of registry local are not signed, so they were not believed" in said.err


def test_signing_a_registry_tells_what_nobody_can_install_from_it_then(world: World):
    world.publish()
    (signature,) = (world.home / "registry").glob("manifests/sha256/*/*.sig")
    signature.unlink()
    said = world.ok("registry", "sign", world.home / "registry")
    assert "warning: my/waterfall 1.0.0--nano has no signature of its publisher" in said.err
    assert world.mivactl("install", "my/waterfall").exit_code == 5
    assert "my/waterfall" in world.ok("search", "water").out
    world.ok("publish", world.folder / "drafts" / "my/waterfall-1.0.0")
    world.ok("install", "my/waterfall")


def test_what_was_added_and_not_signed_is_not_there(world: World, studio: Path):
    """A publication that was killed before it signed, or somebody who slipped a line in."""
    publish(world, "1.1.0")
    trust = ("trust/snapshot.json", "trust/checkpoint.json.sig", "trust/checkpoint.json")
    signed = copied(studio, world.folder / "signed")
    publish(world, "1.2.0")
    publish(world, "1.0.0", "my/clouds")
    put(signed, studio, *trust)
    alice = reader(world, studio)
    assert [str(line.version) for line in look(alice)] == ["1.0.0", "1.1.0"]
    assert guarded(alice).lines(AdapterName("my/clouds")) == ()
    world.ok("registry", "sign", studio)
    assert len(look(alice)) == 3


def test_a_publication_killed_before_it_signed_leaves_readers_the_state_before_it(world: World, studio: Path):
    draft = write_draft(world.folder / "next", version="1.1.0")
    done = world.in_new_process("publish", draft, "--to", STUDIO, MIVACTL_CRASH_AT="registry.index-placed")
    assert done.returncode == 137
    alice = reader(world, studio)
    assert [str(line.version) for line in look(alice)] == ["1.0.0"]
    said = world.mivactl("publish", draft, "--to", STUDIO)
    assert said.exit_code == 5
    (command,) = [line.split("`")[1] for line in said.err.splitlines() if line.startswith("hint: look at it")]
    world.ok(*command.split()[1:])
    world.ok("publish", draft, "--to", STUDIO)
    assert [str(line.version) for line in look(alice)] == ["1.0.0", "1.1.0"]


def test_a_reader_waits_out_a_change_of_status(world: World, studio: Path, monkeypatch: pytest.MonkeyPatch):
    """Between a changed index and its new checkpoint there is a moment in which they differ."""
    monkeypatch.setattr("mivactl.registry.guarded._PAUSE_SECONDS", 0.2)
    trust = ("trust/snapshot.json", "trust/checkpoint.json.sig", "trust/checkpoint.json")
    old = copied(studio, world.folder / "old")
    alice = reader(world, studio)
    look(alice)
    index = studio / "index/my/waterfall.jsonl"
    index.write_bytes(index.read_bytes().replace(b'"status":"active"', b'"status":"yanked"'))
    world.ok("registry", "sign", studio)
    new = copied(studio, world.folder / "new")
    put(old, studio, *trust)
    later = threading.Timer(0.3, put, (new, studio, *trust))
    later.start()
    assert [line.status for line in look(alice)] == ["yanked"]
    later.join()


def test_an_adapter_without_signature_has_no_place_in_a_signed_registry(world: World, studio: Path):
    (signature,) = studio.glob("manifests/sha256/*/*.sig")
    signature.unlink()
    alice = reader(world, studio)
    registry = guarded(alice)
    (line,) = registry.lines(WATERFALL)
    with pytest.raises(IntegrityProblem, match="is not signed, and its registry says that everything in it is"):
        registry.manifest(line)
