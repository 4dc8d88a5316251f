"""What can be wrong with a machine: each is found, has a command that mends it, and is mended where possible."""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from packaging.requirements import Requirement

from mivactl.file_lock import LockToken
from mivactl.operations.diagnosis.engine_parts import engine_findings, version_findings
from mivactl.operations.diagnosis.repair import repair
from mivactl.operations.diagnosis.store_content import content_findings
from mivactl.operations.diagnosis.store_disk import disk_findings
from mivactl.operations.diagnosis.surroundings import surrounding_findings
from mivactl.ownership import Owner
from tests.mivactl.world import World, write_draft

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mivactl.operations.diagnosis.finding import Finding
    from mivactl.store.pointer import InstalledBuild

COMMAND = re.compile(r"(mivactl|pip|unset|export|sudo|chmod|mv|rm) [^`]+")


def store_findings(world: World) -> list[Finding]:
    session = world.session()
    return [*disk_findings(session), *content_findings(session)]


def around(world: World, environment: dict[str, str], *, early: timedelta = timedelta()) -> list[Finding]:
    now = datetime.now(UTC) - early
    return [finding for finding in surrounding_findings(world.session(), environment, now=now) if "starter" not in
            finding.message]  # fmt: skip


def only_build(world: World) -> InstalledBuild:
    (build,) = world.session().store.installed()
    return build


def blob(world: World) -> Path:
    return max(world.session().store.layout.blobs.glob("*/*/*"), key=lambda path: path.stat().st_size)


def pointer(world: World) -> Path:
    return next(world.session().store.layout.installed.glob("*/*/*.json"))


def lose_blob(world: World) -> None:
    blob(world).unlink()


def lose_manifest(world: World) -> None:
    next(world.session().store.layout.manifests.glob("*/*/*")).unlink()


def change_blob(world: World) -> None:
    path = blob(world)
    content = path.read_bytes()
    path.chmod(0o644)
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    path.chmod(0o444)


def break_pointer(world: World) -> None:
    pointer(world).write_bytes(b'{"schema": "mivactl.installed/1"}')


def break_journal(world: World) -> None:
    world.session().store.layout.journal.write_bytes(b"{")


def break_projects(world: World) -> None:
    world.session().store.layout.projects.write_bytes(b"[]")


def link_in(world: World) -> None:
    (world.session().store.layout.blobs / "elsewhere").symlink_to(world.folder)


def loosen(world: World) -> None:
    blob(world).chmod(0o666)


def hold_from_elsewhere(world: World) -> None:
    token = LockToken.of(world.session().store.layout.lock)
    assert token.take()
    (path,) = token.folder.iterdir()
    path.rename(token.folder / Owner.new()._replace(host="another-machine").name)


def leave_staging(world: World) -> None:
    (world.session().store.layout.staging / Owner.new()._replace(process=2**22 + 1).name).mkdir()


MENDED: dict[str, tuple[Callable[[World], None], str, str]] = {
    "missing file": (lose_blob, "files", "fetched my/waterfall 1.0.0 again from local"),
    "missing manifest": (lose_manifest, "files", "fetched my/waterfall 1.0.0 again from local"),
    "changed file": (change_blob, "files", "fetched my/waterfall 1.0.0 again from local"),
    "damaged pointer": (break_pointer, "pointer", "removed the pointer"),
    "damaged journal": (break_journal, "journal", "removed the journal"),
    "damaged projects": (break_projects, "projects", "removed the list of projects"),
    "symbolic link": (link_in, "links", "removed the symbolic link"),
    "loose permissions": (loosen, "permissions", "can be written by fewer now: 444"),
    "abandoned staging": (leave_staging, "leftovers", "removed what a process that ended left"),
}


@pytest.mark.parametrize(("damage", "check", "done"), MENDED.values(), ids=MENDED)
def test_damage_of_the_store_is_found_and_mended(world: World, damage: Callable[[World], None], check: str, done: str):
    world.publish()
    world.ok("install", "my/waterfall")
    assert store_findings(world) == []
    damage(world)
    found = store_findings(world)
    assert {finding.check for finding in found} == {check}
    assert all(COMMAND.fullmatch(finding.fix) for finding in found)
    assert any(done in repaired.what for repaired in repair(world.session()))
    assert store_findings(world) == []
    world.ok("install", "my/waterfall")
    world.ok("verify")


def test_a_store_that_another_machine_holds_is_let_go_when_a_person_says_so(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    world.publish()
    world.ok("install", "my/waterfall")
    hold_from_elsewhere(world)
    monkeypatch.setenv("MIVACTL_LOCK_TIMEOUT", "0.1")
    assert world.mivactl("install", "my/waterfall", "--reinstall").exit_code == 8
    # as long as it may be at work it is left alone
    assert store_findings(world) == []
    monkeypatch.setattr("mivactl.operations.diagnosis.store_disk._STALE_SECONDS", -1.0)
    (finding,) = store_findings(world)
    assert (finding.check, finding.fix) == ("lock", "mivactl doctor --repair")
    assert "on another-machine" in next(iter(repair(world.session()))).what
    world.ok("install", "my/waterfall", "--reinstall")


def test_a_build_nobody_has_any_more_is_removed(world: World):
    world.ok("registry", "add", "studio", world.folder / "studio", "--create")
    world.ok("publish", write_draft(world.folder / "draft", "team/smoke"), "--to", "studio")
    world.ok("install", "team/smoke")
    world.ok("registry", "remove", "studio")
    lose_blob(world)
    (done,) = repair(world.session())
    assert "removed team/smoke 1.0.0, whose files nobody has" in done.what
    assert world.session().store.installed() == ()
    assert store_findings(world) == []


def test_what_can_not_be_fetched_again_now_is_not_removed(world: World):
    """A changed file is refused as it is; its adapter may come back with its registry."""
    world.ok("registry", "add", "studio", world.folder / "studio", "--create")
    world.ok("publish", write_draft(world.folder / "draft", "team/smoke"), "--to", "studio")
    world.ok("install", "team/smoke")
    world.ok("registry", "remove", "studio")
    change_blob(world)
    assert list(repair(world.session())) == []
    assert only_build(world).line.name == "team/smoke"
    world.ok("registry", "add", "studio", world.folder / "studio")
    assert [done.what for done in repair(world.session())] == ["fetched team/smoke 1.0.0 again from studio"]
    world.ok("verify")


@pytest.mark.parametrize(
    ("name", "value", "fix"),
    [
        ("HTTPS_PROXY", "proxy.example", "unset HTTPS_PROXY"),
        ("http_proxy", "http://user:secret@:99999", "unset http_proxy"),
        ("SSL_CERT_FILE", "/nowhere/ca.pem", "unset SSL_CERT_FILE"),
        ("REQUESTS_CA_BUNDLE", os.devnull, "unset REQUESTS_CA_BUNDLE"),
    ],
)
def test_network_settings_that_can_not_work_are_found(world: World, name: str, value: str, fix: str):
    (finding,) = around(world, {name: value})
    assert finding.fix == fix
    assert "secret" not in finding.message
    assert around(world, {"HTTPS_PROXY": "http://user:secret@proxy:3128", "NO_PROXY": "localhost"}) == []


def test_a_clock_behind_what_registries_say_is_found(world: World):
    world.publish()
    assert around(world, {}) == []
    (finding,) = around(world, {}, early=timedelta(days=3))
    assert (finding.check, finding.fix) == ("clock", "sudo timedatectl set-ntp true")
    assert around(world, {}, early=timedelta(minutes=2)) == []


def test_a_registry_that_can_not_be_read_is_found(world: World):
    world.ok("registry", "add", "studio", world.folder / "studio", "--create")
    world.ok("publish", write_draft(world.folder / "draft", "team/smoke"), "--to", "studio")
    index = world.folder / "studio" / "index" / "team" / "smoke.jsonl"
    index.write_text("not json\n")
    (finding,) = around(world, {})
    assert finding.check == "registry"
    assert finding.fix == "mivactl registry remove studio"


def test_libraries_of_another_version_or_none_are_found():
    wanted = [Requirement("pytest>=1"), Requirement("pytest>=9999"), Requirement("no-such-library-at-all>=2")]
    findings = list(version_findings(wanted))
    assert [finding.fix for finding in findings] == [
        "pip install 'pytest>=9999'",
        "pip install 'no-such-library-at-all>=2'",
    ]
    assert "no-such-library-at-all is `missing`, expected `>=2`" in findings[1].message


def test_a_base_that_is_not_here_or_can_not_be_read_is_found(world: World):
    (finding,) = engine_findings(world.session(base="wan2.1-t2v-1.3b"))
    assert (finding.check, finding.fix) == ("bases", "mivactl base fetch wan2.1-t2v-1.3b")
    (world.home / "bases" / "nano" / "base.json").write_text("{}")
    (finding,) = engine_findings(world.session())
    assert finding.fix == f"rm -r '{world.home / 'bases' / 'nano'}'"


def test_a_fresh_machine_has_nothing_wrong_with_its_store(world: World):
    assert store_findings(world) == []
    assert list(repair(world.session())) == []
    assert not (world.home / "store").exists()


def test_looking_changes_nothing(world: World):
    world.publish()
    world.ok("install", "my/waterfall")
    root = world.session().store.layout.root
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    store_findings(world)
    assert {path: path.read_bytes() for path in root.rglob("*") if path.is_file()} == before
