"""No disk, no permission, no such name: the errors a person meets, with their exit codes and hints."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from mivactl.disk import require_space
from registry_schema.errors import ResourceProblem
from tests.mivactl.world import REPOSITORY, World

if TYPE_CHECKING:
    from pathlib import Path

# The system refuses to let a file grow beyond this: the same path through the code as a full disk.
WITH_SMALL_FILES_ONLY = """
import resource, runpy
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY))
runpy.run_module("mivactl", run_name="__main__", alter_sys=False)
"""


def test_a_full_disk_is_an_error_and_leaves_the_store_as_it_was(world: World):
    world.publish("my/old")
    world.ok("install", "my/old")
    world.publish("my/large", weights={"miva.a.cfa.q.weight": np.ones((512, 512), np.float32)})
    done = subprocess.run(
        [sys.executable, "-c", WITH_SMALL_FILES_ONLY, "install", "my/large"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 10, done.stderr
    assert "error: no space left to write `" in done.stderr
    assert "hint: free some space, or set `MIVACTL_HOME` to a folder on another disk" in done.stderr
    assert [entry["name"] for entry in world.ok("list", "--json").data["adapters"]] == ["my/old"]
    assert list(world.session().store.layout.staging.iterdir()) == []
    world.ok("verify")
    world.ok("install", "my/large")


def test_too_little_space_is_noticed_before_anything_is_copied(world: World, tmp_path: Path):
    with pytest.raises(ResourceProblem) as caught:
        require_space(tmp_path / "not" / "there" / "yet", 10**18)
    assert f"`{tmp_path}` has" in caught.value.message
    assert "1100000000000000000 are needed" in caught.value.message


def test_a_home_that_can_not_be_written_is_named(world: World, monkeypatch: pytest.MonkeyPatch):
    world.publish()
    blocked = world.folder / "file"
    blocked.write_text("")
    world.ok("registry", "list")
    (world.home / "store").write_text("a file where the store should be")
    said = world.mivactl("install", "my/waterfall")
    assert said.exit_code == 2
    assert f"error: cannot write `{world.home / 'store'}" in said.err
    assert "`MIVACTL_HOME` moves the store" in said.err
    monkeypatch.setenv("MIVACTL_HOME", str(blocked))
    assert world.mivactl("list").exit_code == 0
    assert world.mivactl("registry", "add", "studio", world.folder / "studio", "--create").exit_code == 2


def test_an_unknown_adapter_is_answered_with_the_nearest_name(world: World):
    world.publish("my/geyser")
    said = world.mivactl("install", "my/geysr")
    assert said.exit_code == 3
    assert said.err == (
        "error: no adapter `my/geysr` in the registries `starter`, `local`\nhint: did you mean `my/geyser`?\n"
    )
    assert "hint: did you mean `my/geyser`?" in world.mivactl("info", "geyser").err


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("my/waterfall:nan", "weight `nan` is not a plain decimal"),
        ("my/waterfall:0.5", "has a weight, which `install` does not take"),
        ("my/waterfall@1.0", "version range `1.0` "),
        ("../etc/passwd", "is not an adapter name"),
        ("my/waterfall@sha256:12", "has 2 hex digits, expected 64"),
    ],
)
def test_a_reference_that_is_none_is_a_usage_error(world: World, reference: str, message: str):
    said = world.mivactl("install", reference)
    assert said.exit_code == 2
    assert message in said.err
