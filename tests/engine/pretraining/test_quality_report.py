"""What the starter-quality suite prints, and what it draws."""

from __future__ import annotations

import math

import numpy as np
import pytest
from PIL import Image

from engine.pretraining.quality.confusion import Confusion
from engine.pretraining.quality.goals import Goal
from engine.pretraining.quality.pairs import PairTrials, Share
from engine.pretraining.quality.real_clips import RealClip
from engine.pretraining.quality.report import percent, report, table
from engine.pretraining.quality.sheets import sheet, write_sheets
from engine.pretraining.quality.stderr_progress import StderrProgress
from engine.pretraining.quality.suite import Findings
from engine.pretraining.quality.trials import MotionTrials, Trial
from engine.pretraining.starter_recipes import STARTERS

FRAMES = np.zeros((16, 80, 128, 3), dtype=np.uint8)


def trials(motion: str, *, named: tuple[str, ...], strength: float, background: float | None) -> MotionTrials:
    """One trial for each name; every other picture holds two subjects."""
    region = np.zeros((80, 128), dtype=bool)
    found = tuple(
        Trial(RealClip(motion, 1, ("clouds",) * (index % 2), FRAMES, region), FRAMES, name, strength, background)
        for index, name in enumerate(named)
    )
    names = Confusion.of([(motion, motion)])
    return MotionTrials(motion, found, real=names, alone=Confusion.of([(motion, "still")]))


@pytest.fixture
def findings() -> Findings:
    good = trials("waterfall", named=("waterfall",) * 4, strength=1.1, background=30.0)
    bad = trials("horse-running", named=("horse-running", "still", "still", "clouds"), strength=0.2, background=20.0)
    absent = trials("camera-zoom-out", named=("camera-zoom-out", "still"), strength=math.nan, background=None)
    none = MotionTrials("fireworks", None, real=Confusion.of([]), alone=Confusion.of([("fireworks", "fireworks")]))
    pair = PairTrials(
        (
            Share("waterfall", 2.0, {0.25: 0.5, 0.5: 1.0, 0.75: 1.5}),
            Share("clouds", 1.0, {0.25: 0.4, 0.5: 0.3, 0.75: 0.6}),
        ),
        (FRAMES,),
    )
    return Findings(
        motions=(good, bad, absent, none),
        pairs=(pair,),
        missing=(("birds-flying", "clouds"),),
        real=Confusion.of([(name, name) for name in STARTERS]),
        still=Confusion.of([(name, "still") for name in STARTERS]),
    )


def rows(text: str, first: str) -> list[list[str]]:
    """Cells of the table rows that begin with a word."""
    return [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith(f"| {first} |")]


def test_a_goal_has_its_ends_and_nan_meets_none():
    goal = Goal(0.5, 2.0)
    assert [goal.verdict(value) for value in (0.5, 2.0, 0.49, 2.01, math.nan)] == ["met"] * 2 + ["not met"] * 3
    assert goal.verdict(None) == "-"
    assert Goal(low=24).verdict(math.inf) == "met"
    assert Goal(high=0.15).verdict(0.2) == "not met"


def test_the_report_says_what_is_met(findings):
    text = report(findings, "python -m engine.pretraining.quality waterfall")
    assert "    python -m engine.pretraining.quality waterfall" in text
    accuracy, strength, background = rows(text, "waterfall")
    assert accuracy[1:4] == ["4", "100 %", "100 %"]
    assert [row[-1] for row in (accuracy, strength, background)] == ["-", "met", "met"]
    accuracy, strength, background = rows(text, "horse-running")
    assert accuracy[1:5] == ["4", "25 %", "0 %", "still 2, clouds 1"]
    assert [row[-1] for row in (accuracy, strength, background)] == ["not met"] * 3


def test_figures_are_judged_one_by_one_and_the_others_together(findings):
    (together,) = rows(report(findings, ""), "these together")
    assert (together[1:3], together[-2:]) == (["6", "83 %"], ["at least 80 %", "met"])
    assert rows(report(findings, ""), "horse-running")[0][-2:] == ["at least 60 %", "not met"]


def test_what_has_no_starter_is_neither_met_nor_not(findings):
    text = report(findings, "")
    for row in (*rows(text, "fireworks"), *rows(text, "birds-flying + clouds")):
        assert row[1] == "no starter"
        assert not {"met", "not met"} & set(row)


def test_motions_that_the_base_never_saw_have_a_goal_of_their_own(findings):
    text = report(findings, "")
    before, after = text.split("## Motions that the base never saw")
    assert rows(after, "camera-zoom-out")[0][-2:] == ["at least 60 %", "not met"]
    assert rows(before, "camera-zoom-out")[0][-2:] == ["-", "-"]


def test_controls_and_pairs_are_judged(findings):
    text = report(findings, "")
    assert rows(text, "still clip")[0][1:] == ["11", "0 %", "at most 15 %", "met"]
    assert rows(text, "base without a starter")[0][1:] == ["4", "25 %", "at most 30 %", "met"]
    assert rows(text, "real clips, held out")[0][-1] == "met"
    fall, clouds = rows(text, "waterfall + clouds")
    assert fall[-4:] == ["50 %", "at least 50 %", "met", "met"]
    assert clouds[-4:] == ["30 %", "at least 50 %", "not met", "not met"]


def test_every_row_of_a_table_has_as_many_cells_as_its_head(findings):
    widths = [line.count(" | ") for line in report(findings, "").splitlines() if line.startswith("|")]
    heads = [index for index, line in enumerate(table(("a", "b"), [("c", "d")]).splitlines()) if "---" in line]
    assert heads == [1]
    assert set(widths) == {4, 5, 6, 8, 9}
    assert percent(None) == "-"


def test_a_sheet_has_a_row_for_each_clip_and_shows_change_as_light(findings, tmp_path):
    moving = FRAMES.copy()
    moving[5:, :40] = 255
    page = sheet([FRAMES, moving])
    assert page.shape == (80 * 2 + 2, 128 * 5 + 2 * 4, 3)
    assert page[:80, -128:].max() == 0
    assert page[82:122, -128:].min() == 255
    assert page[122:, -128:].max() == 0
    write_sheets(findings, tmp_path / "sheets")
    names = {path.name for path in (tmp_path / "sheets").iterdir()}
    assert names == {"waterfall.jpg", "horse-running.jpg", "camera-zoom-out.jpg", "waterfall+clouds.jpg"}
    with Image.open(tmp_path / "sheets" / "waterfall.jpg") as image:
        assert image.size == (648, 80 * 4 + 2 * 3)


def test_progress_says_when_it_is_over(capsys):
    with StderrProgress().phase("clips", 2) as phase:
        phase.advance()
        phase.advance(loss=0.5)
    assert "clips: 2 in 0:00" in capsys.readouterr().err
