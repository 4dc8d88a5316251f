"""`--compile` from the command line, on a base in the layout of the large ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch._inductor.config

from mivactl.cli.app import run
from tests.end_to_end.tiny_world import write_adapter_draft, write_clips, write_photo
from tests.published_tiny import WAN, write_publications, write_repositories

if TYPE_CHECKING:
    from pathlib import Path

NAME = "wan2.1-t2v-1.3b"
USE = ("--use", "my/ripple")
CLIP = ("--steps", "2", "--frames", "5", "--size", "base")
TRAIN = ("train", "clips", "--base", NAME, "--name", "my/new", "--steps", "1", "--set", "clips.windows=1")
RANKS = ("--set", "adapter.ranks.cross_frame_attention=4", "--set", "adapter.ranks.implicit_prompt=4")
# torch warns of parts of its own when its compiler is loaded
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:torch.*")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a base and an adapter for it, a photo and clips."""
    folder = tmp_path_factory.mktemp("world")
    parts = write_repositories(folder / "hub")
    write_publications(folder / "home" / "published", parts)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MIVACTL_HOME", str(folder / "home"))
        assert run(["base", "add", NAME, "--from", str(parts / WAN), "--quiet"]) == 0
        write_adapter_draft(folder / "draft", folder / "home" / "bases" / NAME, "my/ripple")
        assert run(["publish", str(folder / "draft"), "--quiet"]) == 0
        assert run(["install", "my/ripple", "--quiet"]) == 0
    write_photo(folder / "photo.png", width=128, height=128)
    write_clips(folder / "clips", count=1)
    return folder


def test_a_clip_is_made_and_an_adapter_trained(folder: Path, capsys: pytest.CaptureFixture[str]):
    # the compiler itself takes half a minute: tests/engine/bases/test_compiling.py has it
    with torch.compiler.set_stance("force_eager"):
        for command, made in (
            (("animate", "photo.png", *USE, *CLIP, "-o", "clip.gif"), "clip.gif"),
            ((*TRAIN, *RANKS, "-o", "new"), "new/adapter.safetensors"),
        ):
            assert run([*command, "--compile"]) == 0
            assert "compiled code is made during the first step" in capsys.readouterr().err
            assert (folder / made).is_file()


@pytest.mark.parametrize(
    "command",
    [
        ("animate", "photo.png", *USE, *CLIP, "-o", "clip.gif"),
        ("compose", "my/ripple", "-o", "ripple.toml", "--photo", "photo.png", *CLIP[:4]),
        (*TRAIN, *RANKS, "-o", "new"),
    ],
    ids=["animate", "compose", "train"],
)
def test_without_a_compiler_nothing_is_begun(folder: Path, capsys: pytest.CaptureFixture[str], command: tuple[str]):
    with torch._inductor.config.patch({"cpp.cxx": ("no-such-compiler",)}):
        assert run([*command, "--compile"]) == 3
    said = capsys.readouterr().err
    assert "`--compile` needs a C++ compiler" in said
    assert "leave out `--compile`" in said
    assert not list(folder.glob("clip*.gif"))
    assert not list(folder.glob("ripple*"))
    assert not list(folder.glob("new/*.safetensors"))
