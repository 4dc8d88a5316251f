"""Training with a clip that can not be used: refused by name, or left out where that is said."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.end_to_end.tiny_world import TinyWorld, write_clips

if TYPE_CHECKING:
    from pathlib import Path


def test_a_torn_clip_is_refused_by_name_and_left_out_on_request(tmp_path: Path):
    world = TinyWorld(tmp_path)
    clips = write_clips(world.folder / "clips", count=2)
    (clips / "torn.gif").write_bytes((clips / "clip-0.gif").read_bytes()[:300])
    train = ("train", "clips", "--name", "my/square", "-o", "draft", "--steps", 1, "--set", "clips.windows=1")
    refused = world.mivactl(*train)
    assert refused.code == 2
    assert "error: 1 of 3 clips can not be used: `torn.gif`: it is damaged after" in refused.err
    assert "`--leave-out unusable`" in refused.err
    done = world.ok(*train, "--leave-out", "unusable")
    assert "2 clips, 2 windows of 0.75 s" in done.err
    assert "left out: `torn.gif`: it is damaged after" in done.err
    report = json.loads((world.folder / "draft" / "training-report.json").read_text())
    assert [clip["file"] for clip in report["clips"]] == ["clip-0.gif", "clip-1.gif"]
    assert 'leave_out = ["unusable"]' in (world.folder / "draft" / "recipe.toml").read_text()
