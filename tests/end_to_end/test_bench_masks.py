"""The suite that compares masked builds with plain ones: who gets a mask, what receipts say, and what is refused."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from engine.animation.clip_files import read_receipt
from mivactl.cli.app import run
from tests.end_to_end.masked_world import write_mask
from tests.end_to_end.tiny_world import TinyWorld, write_adapter_draft, write_photo

if TYPE_CHECKING:
    from pathlib import Path

    from registry_schema.receipt import Receipt

SUITE = ("bench", "--suite", "paper-mmiva", "--images", "images", "--namespace", "my", "-o", "run")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    world = TinyWorld(tmp_path)
    monkeypatch.setenv("MIVACTL_HOME", str(world.home))
    monkeypatch.chdir(tmp_path)
    for place, masked in enumerate((False, True)):
        draft = write_adapter_draft(
            tmp_path / f"draft-{place}", world.base_folder, "my/birds-flying", seed=place, masked=masked
        )
        assert run(["publish", str(draft), "--quiet"]) == 0
    pictures = tmp_path / "images" / "birds-flying"
    pictures.mkdir(parents=True)
    write_photo(pictures / "a.png")
    return tmp_path


def receipt(folder: Path, method: str) -> Receipt:
    found = read_receipt(folder / "run" / "clips" / "birds-flying-a" / f"{method}.mp4")
    assert found is not None
    return found


def test_masked_builds_stand_beside_plain_ones_and_come_out_again(folder: Path, capsys: pytest.CaptureFixture[str]):
    arguments = [*SUITE, "--steps", "10", "--yes", "--ablate", "masks-every-step"]
    assert run(arguments) == 3
    assert "images/birds-flying/a.png` has no mask beside it" in capsys.readouterr().err
    write_mask(folder / "images" / "birds-flying" / "a.mask.png")
    assert run([*arguments, "--json"]) == 0
    standings = json.loads(capsys.readouterr().out)["data"]["standings"]["proxy"]
    assert {"miva", "miva-plain", "miva-masks-every-step"} < {one["method"] for one in standings}
    masked, plain, often = (receipt(folder, name) for name in ("miva", "miva-plain", "miva-masks-every-step"))
    assert plain.settings.masks is None
    for one, evaluations in ((masked, 8), (often, 10)):
        assert one.settings.masks is not None
        assert [str(record.adapter) for record in one.settings.masks.given] == ["my/birds-flying"]
        assert one.settings.masks.evaluations == evaluations
    assert len({one.output.frames for one in (masked, plain, often)}) == 3
    made = (folder / "run" / "clips" / "birds-flying-a" / "miva.mp4").stat().st_mtime_ns
    assert run([*arguments, "--quiet"]) == 0
    assert (folder / "run" / "clips" / "birds-flying-a" / "miva.mp4").stat().st_mtime_ns == made
    capsys.readouterr()
    assert run(["bench", "--verify", "run"]) == 0
    assert capsys.readouterr().out.startswith("clips made again: 3 of 3: 3 same")
