"""A browser plays what `animate` writes."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from engine.video.clip_reader import read_clip
from tests.end_to_end.test_embedded_default import ok

if TYPE_CHECKING:
    from pathlib import Path

PAGE = """<!doctype html><video id="clip" muted src="demo.mp4"></video><pre id="said">nothing</pre><script>
const clip = document.getElementById("clip");
const say = (facts) => { document.getElementById("said").textContent = JSON.stringify(facts); };
clip.onerror = () => say({error: clip.error.message});
clip.onended = () => say({width: clip.videoWidth, height: clip.videoHeight, seconds: clip.currentTime,
                          frames: clip.getVideoPlaybackQuality().totalVideoFrames});
clip.play();
</script>"""
OPTIONS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--autoplay-policy=no-user-gesture-required",
    "--virtual-time-budget=20000", "--dump-dom",
)  # fmt: skip


@pytest.mark.acceptance
def test_a_browser_plays_the_demo_to_its_end(tmp_path: Path):
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    assert browser, "no browser here; `.ci/run --acceptance` installs Debian's package chromium"
    ok(tmp_path, "demo")
    (tmp_path / "page.html").write_text(PAGE)
    profile = f"--user-data-dir={tmp_path / 'profile'}"
    page = (tmp_path / "page.html").as_uri()
    done = subprocess.run([browser, *OPTIONS, profile, page], capture_output=True, text=True, check=True, timeout=120)
    said = re.search(r'<pre id="said">(.*?)</pre>', done.stdout)
    assert said, done.stdout[-2000:]
    facts = json.loads(said[1].replace("&quot;", '"'))
    assert (facts["width"], facts["height"]) == (1280, 800), facts
    assert facts["seconds"] == pytest.approx(2.0, abs=0.13)
    assert facts["frames"] >= len(read_clip(tmp_path / "demo.mp4").frames) - 1
