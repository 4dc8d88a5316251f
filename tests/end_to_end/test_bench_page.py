"""A browser opens the report of a run: clips of a case play in step, and nothing is asked of anybody."""

from __future__ import annotations

import time
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from tests.browser import Browser, browser
from tests.end_to_end.test_bench_suite import make_run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FRAME_SECONDS = 1 / 8
MOMENTS = 40
SEEN = "[...document.querySelectorAll('video')].filter((video) => video.getBoundingClientRect().top < innerHeight)"


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bench")
    make_run(folder)
    return folder / "run" / "report.html"


@pytest.fixture
def tab(report: Path, tmp_path: Path) -> Iterator[Browser]:
    with browser(tmp_path / "profile") as tab:
        tab.emulate(height=1200)
        tab.go(report.as_uri())
        tab.run("document.querySelector('video').scrollIntoView()")
        tab.wait(f"{SEEN}.length >= 4 && {SEEN}.every((video) => video.readyState >= 2 && !video.paused)")
        yield tab


@pytest.mark.acceptance
def test_clips_play_in_step_and_in_a_loop(tab: Browser):
    spreads, times = [], []
    for _ in range(MOMENTS):
        places = tab.run(f"{SEEN}.map((video) => video.currentTime)")
        spreads.append(max(places) - min(places))
        times.append(places[0])
        time.sleep(FRAME_SECONDS / 3)
    # a seek under way or a loop that begins shows for a moment
    assert sorted(spreads)[len(spreads) * 3 // 4] < FRAME_SECONDS
    assert max(times) > min(times)
    assert any(later < earlier for earlier, later in pairwise(times))


@pytest.mark.acceptance
def test_one_button_stops_all_clips(tab: Browser):
    tab.click("#play")
    tab.wait("[...document.querySelectorAll('video')].every((video) => video.paused)")
    assert tab.run("document.getElementById('play').textContent") == "Play"


@pytest.mark.acceptance
def test_the_page_asks_nothing_of_anybody(tab: Browser):
    assert all(address.startswith(("file:", "data:", "about:")) for address in tab.requested)
    assert tab.blocked == []
    assert tab.complaints == []
