"""A browser takes a study: by mouse, keyboard and finger, from a server that is killed, from a disk."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

import pytest

from mivactl.operations.studies import StudyWish, new_study, study_server
from mivactl.study.answer_book import AnswerBook
from mivactl.study.documents import StudyAnswers, StudyKey
from mivactl.study.study_folder import StudyFolder
from mivactl.study.tally import is_attentive
from tests.browser import Browser, browser
from tests.mivactl.study_clips import frames_of, write_run
from tests.mivactl.test_study_server import Served, free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mivactl.study.documents import ViewerAnswers

pytestmark = [pytest.mark.acceptance, pytest.mark.server]
QUESTION = "document.body.dataset.screen === 'question' && current?.started != null"
DONE = "document.body.dataset.screen === 'done'"
ASK = "document.getElementById('ask').textContent"
COUNT = "document.getElementById('count').textContent"
PHONE = {"width": 390, "height": 844, "scale": 2}
IN_SIGHT = """[...document.querySelectorAll('.tile, #next, #unsure span, #pause')].every((thing) => {
  const box = thing.getBoundingClientRect();
  return box.left >= 0 && box.top >= 0 && box.right <= innerWidth && box.bottom <= innerHeight; })"""
TIMES = "current.clips.map((clip) => clip.currentTime)"


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("profile")) as tab:
        yield tab


@pytest.fixture
def folder(tmp_path: Path) -> StudyFolder:
    run = write_run(tmp_path / "run", methods=("a", "b", "c", "d", "e", "f", "g"), cases=4)
    new_study([str(run)], StudyWish(seed=1), out=tmp_path / "study")
    return StudyFolder(tmp_path / "study")


@contextmanager
def serving(folder: StudyFolder) -> Iterator[str]:
    with study_server(folder.root, host="127.0.0.1", port=0) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server.address
        finally:
            server.shutdown()
            thread.join()


def start(tab: Browser, address: str, **window: float) -> None:
    tab.emulate(**window)
    tab.go(address)
    tab.run("localStorage.clear()")
    tab.go(address)
    tab.wait("!document.getElementById('start').disabled")


def take(tab: Browser, choose: Callable[[int], None], go_on: Callable[[], None]) -> int:
    """Answer every question: clip 3, but what a check asks for; returns how many there were."""
    count = 0
    while True:
        tab.wait(f"({QUESTION}) || {DONE}")
        if tab.run(DONE):
            return count
        asked, before = tab.run(ASK), tab.run(COUNT)
        choose(int(asked.rstrip(".").rpartition(" ")[2]) if asked.startswith("Are you with us?") else 3)
        tab.wait("!document.getElementById('next').disabled")
        go_on()
        tab.wait(f"{DONE} || {COUNT} !== {json.dumps(before)}")
        count += 1


def kept(folder: StudyFolder) -> tuple[StudyKey, tuple[ViewerAnswers, ...]]:
    study = folder.read_key()
    with AnswerBook.open(folder.answers, study) as book:
        return study, book.all_answers().viewers


def check_third_clips(study: StudyKey, entry: ViewerAnswers) -> None:
    """All questions were answered, checks as they ask, the others with the clip at the third place of their form."""
    given = {answer.trial: answer.choice for answer in entry.answers}
    options = {case.token: case.options for case in study.cases}
    for trial in study.forms[entry.form]:
        assert given[trial.name] == options[trial.case][trial.order[(trial.ask or 3) - 1]].token
    assert len(given) == len(study.forms[entry.form])
    assert is_attentive(study, entry)


def test_it_is_taken_with_the_mouse(folder: StudyFolder, chromium: Browser):
    with serving(folder) as address:
        start(chromium, address)
        chromium.click("#start")
        count = take(
            chromium,
            lambda place: chromium.click(f".tile:nth-child({place})"),
            lambda: chromium.click("#next"),
        )
        assert chromium.complaints == chromium.blocked == []
        assert all(asked.startswith((address, "about:")) for asked in chromium.requested)
    study, (entry,) = kept(folder)
    assert count == 6
    check_third_clips(study, entry)


def test_it_is_taken_with_the_keyboard_alone(folder: StudyFolder, chromium: Browser):
    with serving(folder) as address:
        start(chromium, address)
        for _ in range(5):
            chromium.press("Tab")
            if chromium.run("document.activeElement.id") == "start":
                break
        chromium.press("Enter")
        count = take(chromium, lambda place: chromium.press(str(place)), lambda: chromium.press("Enter"))
    study, (entry,) = kept(folder)
    assert count == 6
    check_third_clips(study, entry)


@pytest.mark.parametrize("window", [PHONE, {"width": 844, "height": 390, "scale": 2}], ids=["upright", "lying"])
def test_it_is_taken_with_a_finger_and_all_is_in_sight(folder: StudyFolder, chromium: Browser, window):
    with serving(folder) as address:
        start(chromium, address, **window)
        # The start lies below a low window, and headless Chromium's touches miss where a script has scrolled to.
        chromium.click("#start")

        def touch(place: int) -> None:
            assert chromium.run(IN_SIGHT)
            assert chromium.run("document.documentElement.scrollWidth <= innerWidth")
            chromium.tap(f".tile:nth-child({place})")

        assert take(chromium, touch, lambda: chromium.tap("#next")) == 6
    study, (entry,) = kept(folder)
    check_third_clips(study, entry)


def test_cannot_tell_is_an_answer(folder: StudyFolder, chromium: Browser):
    with serving(folder) as address:
        start(chromium, address)
        chromium.click("#start")
        take(chromium, lambda _: chromium.press("0"), lambda: chromium.press("Enter"))
    study, (entry,) = kept(folder)
    assert {answer.choice for answer in entry.answers} == {None}
    assert not is_attentive(study, entry)


def test_a_screen_reader_hears_the_question_and_the_clips(folder: StudyFolder, chromium: Browser):
    with serving(folder) as address:
        start(chromium, address)
        chromium.click("#start")
        chromium.wait(QUESTION)
        heard = chromium.tree()
        assert ("radiogroup", chromium.run(ASK)) in heard
        assert [name for role, name in heard if role == "radio"] == [*(f"Clip {n}" for n in range(1, 8)), "Cannot tell"]
        assert ("button", "Next") in heard


def test_a_reload_goes_on_where_it_was(folder: StudyFolder, chromium: Browser):
    with serving(folder) as address:
        start(chromium, address)
        chromium.click("#start")
        for number in range(2):
            chromium.wait(QUESTION)
            chromium.press("3")
            chromium.press("Enter")
            chromium.wait(f"{COUNT}.startsWith('Question {number + 2} ')")
        chromium.go(address)
        chromium.wait("document.getElementById('start').textContent === 'Go on'")
        chromium.click("#start")
        chromium.wait(f"{COUNT} === 'Question 3 of 6'")
        take(chromium, lambda place: chromium.press(str(place)), lambda: chromium.press("Enter"))
    _, entries = kept(folder)
    assert [len(entry.answers) for entry in entries] == [6]


def test_clips_loop_in_step(tmp_path: Path, chromium: Browser):
    for method in "abcd":
        from engine.video.clip_writer import write_clip

        write_clip(frames_of(60, count=16, size=(256, 160)), tmp_path / method / "one.mp4", fps=8)
    new_study([str(tmp_path / method) for method in "abcd"], StudyWish(seed=1), out=tmp_path / "study")
    with serving(StudyFolder(tmp_path / "study")) as address:
        start(chromium, address)
        chromium.click("#start")
        chromium.wait(QUESTION)
        apart, loops, before = [], 0, 0.0
        deadline = time.monotonic() + 12
        while time.monotonic() < deadline and loops < 4:
            times = chromium.run(TIMES)
            playing = [moment for moment in times if 0.05 < moment < 1.5]
            if len(playing) == len(times):
                apart.append(max(times) - min(times))
            loops += times[0] < before - 0.5
            before = times[0]
        assert loops >= 3
        apart.sort()
        assert apart[len(apart) // 2] <= 0.1, "half of the time, less than one frame apart"
        assert apart[int(0.95 * len(apart))] <= 0.2
        chromium.press("p")
        chromium.wait("current.clips.every((clip) => clip.paused)")
        stopped = chromium.run(TIMES)
        chromium.run("new Promise((resolve) => setTimeout(resolve, 300))")
        assert chromium.run(TIMES) == stopped
        chromium.press("p")
        chromium.wait("current.clips.some((clip) => !clip.paused)")


def test_a_killed_server_is_waited_for_and_the_answer_arrives_once(folder: StudyFolder, chromium: Browser):
    served = Served(folder.root, free_port())
    served.start()
    try:
        start(chromium, f"http://127.0.0.1:{served.port}/")
        chromium.click("#start")
        chromium.wait(QUESTION)
        chromium.press("3")
        served.kill()
        chromium.press("Enter")
        chromium.wait("document.getElementById('trouble').textContent.includes('can not be reached')")
        served.start()
        chromium.wait(f"{COUNT} === 'Question 2 of 6' && document.getElementById('trouble').hidden")
        take(chromium, lambda place: chromium.press(str(place)), lambda: chromium.press("Enter"))
    finally:
        served.kill()
    study, (entry,) = kept(folder)
    check_third_clips(study, entry)


def test_a_study_opened_from_a_disk_saves_a_file_that_report_reads(
    folder: StudyFolder, chromium: Browser, tmp_path: Path
):
    saved = tmp_path / "saved"
    saved.mkdir()
    chromium.call("Page.setDownloadBehavior", behavior="allow", downloadPath=str(saved))
    start(chromium, f"{(folder.page / 'index.html').as_uri()}#viewer=5")
    chromium.click("#start")
    assert take(chromium, lambda place: chromium.press(str(place)), lambda: chromium.press("Enter")) == 6
    chromium.click("#save")
    for _ in range(200):
        files = list(saved.glob("*.json"))
        if files:
            break
        time.sleep(0.05)
    entry = StudyAnswers.parse(files[0].read_bytes()).viewers[0]
    study = folder.read_key()
    assert entry.form == 5
    check_third_clips(study, entry)
    command = [sys.executable, "-m", "mivactl", "study", "report", str(folder.root), str(files[0])]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True)
    assert "4 on 4 cases, by 1 viewers" in done.stdout
