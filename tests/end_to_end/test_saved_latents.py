"""A clip that was sampled and could not be written: nothing is lost, and the error says how to go on."""

from __future__ import annotations

import json
import resource
import shlex
import signal
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
import torch
from safetensors.torch import load_file, save_file

from engine.progress import SilentProgress
from mivactl.cli.app import run
from mivactl.operations.animate import AnimateOptions, animate_photos
from mivactl.operations.composition import Wanted
from mivactl.session import Session
from mivactl.settings import load_settings
from registry_schema.errors import ResourceProblem
from registry_schema.ref import AdapterRef
from tests.end_to_end.test_refusals import Refused
from tests.end_to_end.tiny_world import TinyWorld, write_photo

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ANIMATE = ("animate", "photo.png", "--use", "my/wave")


class WhileDecoding(SilentProgress):
    """Progress that does something when decoding begins, as often as it is asked."""

    def __init__(self, happens) -> None:
        self._happens = happens

    @contextmanager
    def phase(self, name: str, total: int | None) -> Iterator:
        if name == "decoding":
            self._happens()
        with super().phase(name, total) as phase:
            yield phase


def too_much() -> None:
    torch.empty(1 << 60, dtype=torch.uint8)


def options(output: str, **more) -> AnimateOptions:
    wanted = Wanted(refs=(AdapterRef.parse("my/wave"),))
    return AnimateOptions(photos=("photo.png",), outputs=(output,), wanted=wanted, **more)


def session(folder: Path) -> Session:
    return Session(load_settings({"MIVACTL_HOME": str(folder / "home")}))


def kept(folder: Path) -> list[Path]:
    return sorted((folder / "home" / "latents").iterdir())


def frames(clip: dict) -> str:
    return clip["receipt"]["output"]["frames"]


def unbroken(capsys: pytest.CaptureFixture[str], *more: object) -> dict:
    return Refused(capsys, *ANIMATE, "-o", "unbroken.mp4", *more).data["clips"][0]


def test_a_full_disk_while_writing_costs_no_second_sampling(folder: Path, capsys: pytest.CaptureFixture[str]):
    whole = unbroken(capsys, "--size", "640x480")
    assert kept(folder) == []
    command = [*ANIMATE, "-o", "two words/clip.apng", "--size", "640x480"]
    answer = subprocess.run(
        [sys.executable, "-m", "mivactl", *command, "--json"],
        env=TinyWorld.environment_of(folder / "home"),
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (800_000, 800_000)),
    )
    error = json.loads(answer.stdout)["error"]
    assert (answer.returncode, error["code"]) == (10, "resources"), error
    assert list((folder / "two words").iterdir()) == []
    (latents,) = kept(folder)
    again = shlex.split(error["hint"].rpartition("what was sampled is kept: ")[2].strip("`"))
    assert again == ["mivactl", *command, "--json", "--from-latents", str(latents)]
    clip = Refused(capsys, *again[1:-3], *again[-2:]).data["clips"][0]
    assert frames(clip) == frames(whole)
    assert clip["moved"] == whole["moved"]
    assert kept(folder) == []


def test_a_decoding_that_is_killed_goes_on_from_its_latents(folder: Path, capsys: pytest.CaptureFixture[str]):
    whole = unbroken(capsys)
    code = (
        "import os, signal\n"
        "from pathlib import Path\n"
        "from tests.end_to_end import test_saved_latents as story\n"
        "from mivactl.operations.animate import animate_photos\n"
        "killed = story.WhileDecoding(lambda: os.kill(os.getpid(), signal.SIGKILL))\n"
        "animate_photos(story.options('clip.mp4'), story.session(Path.cwd()), progress=killed)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=TinyWorld.environment_of(folder / "home"), capture_output=True, check=False
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    (latents,) = kept(folder)
    clip = Refused(capsys, *ANIMATE, "-o", "clip.mp4", "--from-latents", latents).data["clips"][0]
    assert frames(clip) == frames(whole)
    assert kept(folder) == []


def test_after_an_out_of_memory_error_the_next_run_in_the_process_is_right(
    folder: Path, capsys: pytest.CaptureFixture[str]
):
    whole = unbroken(capsys)
    with pytest.raises(ResourceProblem, match="not enough memory") as caught:
        animate_photos(options("a.mp4", command="mivactl x"), session(folder), progress=WhileDecoding(too_much))
    (latents,) = kept(folder)
    assert caught.value.hint.endswith(f"what was sampled is kept: `mivactl x --from-latents {latents}`")
    assert not list(folder.glob("*a.mp4*"))
    said = WhileDecoding(lambda: None)
    resumed = animate_photos(options("b.mp4", from_latents=latents), session(folder), progress=said)
    fresh = animate_photos(options("c.mp4"), session(folder), progress=said)
    assert resumed.made[0].receipt.output.frames == fresh.made[0].receipt.output.frames == frames(whole)


def test_latents_of_another_plan_and_broken_ones_are_refused(folder: Path, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(ResourceProblem):
        animate_photos(options("a.mp4"), session(folder), progress=WhileDecoding(too_much))
    (latents,) = kept(folder)
    given = ("--from-latents", latents)
    write_photo(folder / "second.png", seed=1)
    other = Refused(capsys, *ANIMATE, "--seed", 7, *given)
    assert (other.code, "are of another plan" in other.words) == (4, True), other.words
    assert Refused(capsys, *ANIMATE, "--from-latents", "gone.safetensors").code == 3
    assert Refused(capsys, "animate", "photo.png", "second.png", "--use", "my/wave", *given).code == 2
    save_file(load_file(latents), folder / "no-plan.safetensors")
    assert Refused(capsys, *ANIMATE, "--from-latents", "no-plan.safetensors").code == 5
    (folder / "cut.safetensors").write_bytes(latents.read_bytes()[:-9])
    assert Refused(capsys, *ANIMATE, "--from-latents", "cut.safetensors").code == 5
    # what was refused stays for the run it belongs to, at another speed and wherever it is computed
    assert Refused(capsys, *ANIMATE, *given, "--fps", 12, "--device", "cpu").code == 0


def test_a_device_that_is_not_there_says_what_is_missing(folder: Path, capsys: pytest.CaptureFixture[str]):
    if torch.cuda.is_available():
        pytest.skip("this machine has CUDA")
    refused = Refused(capsys, *ANIMATE, "--device", "cuda")
    assert refused.code == 2
    assert "device `cuda` is not on this machine, expected `cpu` or `auto`" in refused.words
    assert "pass `--device cpu`" in refused.words
    assert not list(folder.glob("photo-*"))


def test_vram_on_the_processor_has_nothing_to_do(folder: Path, capsys: pytest.CaptureFixture[str]):
    if torch.cuda.is_available():
        pytest.skip("this machine has CUDA")
    whole = unbroken(capsys)
    capsys.readouterr()
    assert run([*ANIMATE, "-o", "clip.mp4", "--vram", "4"]) == 0
    assert "`--vram` has nothing to do: device `cpu` has no memory of its own" in capsys.readouterr().err
    assert frames(Refused(capsys, *ANIMATE, "-o", "b.mp4", "--vram", "12").data["clips"][0]) == frames(whole)
    assert Refused(capsys, *ANIMATE, "--vram", "5").code == 2
    assert Refused(capsys, "train", "clips", "--name", "my/new", "-o", "new", "--vram", "5").code == 2
