"""The light commands stay light: nothing heavy is imported, and they answer at once."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
HEAVY = ("torch", "diffusers", "numpy", "av", "cv2", "peft", "safetensors", "PIL", "huggingface_hub", "urllib3",
         "cryptography", "keyring", "jinja2", "matplotlib", "scipy")  # fmt: skip
COMMANDS = (
    ["--help"],
    ["list"],
    ["search", "bird"],
    ["info", "waterfall"],
    ["base", "list"],
    ["outdated"],
    ["study", "--help"],
)
# Runs a command and prints, on the last line, which heavy packages were imported.
STORY = f"""
import sys
from mivactl.cli.app import run
code = run(sys.argv[1:])
print("imported:", *[name for name in {HEAVY!r} if name in sys.modules])
"""


def environment(home: Path) -> dict[str, str]:
    """Of a user: without settings, and with modules compiled once, as an installation holds them."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MIVACTL_")}
    kept.pop("PYTHONDONTWRITEBYTECODE", None)
    return {**kept, "MIVACTL_HOME": str(home)}


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_a_light_command_imports_nothing_heavy(tmp_path: Path, arguments: list[str]):
    done = subprocess.run(
        [sys.executable, "-c", STORY, *arguments],
        env=environment(tmp_path),
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "imported:"


@pytest.mark.acceptance
@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_a_light_command_answers_within_a_third_of_a_second(tmp_path: Path, arguments: list[str]):
    def seconds() -> float:
        started = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "mivactl", *arguments],
            env=environment(tmp_path),
            cwd=REPOSITORY,
            capture_output=True,
            check=False,
        )
        return time.perf_counter() - started

    seconds()
    assert statistics.median(seconds() for _ in range(11)) < 0.35
