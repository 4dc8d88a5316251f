"""What the stories share: a home to try things in; one thread for torch, so that a busy machine is not slow."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest
import torch

from mivactl.cli.app import run
from tests.end_to_end.tiny_world import TinyWorld, write_adapter_draft, write_photo

if TYPE_CHECKING:
    from pathlib import Path

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a base and the adapter `my/wave`, and a photo; modules that need another one have their own."""
    folder = tmp_path_factory.mktemp("world")
    world = TinyWorld(folder)
    write_adapter_draft(folder / "draft", world.base_folder, "my/wave")
    write_photo(folder / "photo.png")
    world.publish_and_install(folder / "draft", "my/wave")
    return folder


@pytest.fixture
def folder(template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the template, which is the current folder and has the home."""
    here = tmp_path / "here"
    shutil.copytree(template, here)
    monkeypatch.setenv("MIVACTL_HOME", str(here / "home"))
    monkeypatch.chdir(here)
    return here


@pytest.fixture
def said(world: TinyWorld, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Run a command in the world, in this process: exit code and what its envelope holds."""
    monkeypatch.setenv("MIVACTL_HOME", str(world.home))
    monkeypatch.chdir(world.folder)

    def say(*arguments: object):
        capsys.readouterr()
        code = run([*map(str, arguments), "--json"])
        envelope = json.loads(capsys.readouterr().out)
        return code, envelope["data"], envelope["error"]

    return say
