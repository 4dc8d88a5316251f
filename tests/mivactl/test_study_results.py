"""From answers to files and the report, by the commands a person types."""

from __future__ import annotations

import csv
import json
import re
import shutil
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest

from mivactl.operations import study_results
from mivactl.operations.studies import StudyWish, new_study
from mivactl.study.answer_book import AnswerBook
from mivactl.study.documents import StudyAnswers
from mivactl.study.numbers import study_numbers
from mivactl.study.report_page import report_page
from mivactl.study.study_folder import StudyFolder
from tests.mivactl.simulated_viewers import answers_of, study_of
from tests.mivactl.study_clips import write_run

if TYPE_CHECKING:
    from pathlib import Path

    from tests.mivactl.world import World

HOSTILE = "<script>alert(1)</script>$x_1$"


class Page(HTMLParser):
    """What a page would load, run or show."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.links: list[str] = []
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links += [value or "" for name, value in attrs if name in {"src", "href", "xlink:href", "action", "data"}]

    def handle_data(self, data: str) -> None:
        self.words += data


@pytest.fixture(scope="module")
def taken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of three methods that eight viewers have taken, who like `best` most."""
    folder = tmp_path_factory.mktemp("taken")
    run = write_run(folder / "run", methods=("best", "good", "worse"), cases=6)
    new_study([str(run)], StudyWish(seed=1, title="Lakes & birds"), out=folder / "study")
    place = StudyFolder(folder / "study")
    study = place.read_key()
    given = answers_of(study, [2.0, 0.5, -1.0], viewers=8, seed=1, unsure=0.1)
    with AnswerBook.open(place.answers, study) as book:
        for entry in given.viewers:
            viewer, form = book.new_viewer()
            assert form == entry.form
            for answer in entry.answers:
                book.keep(viewer, answer)
    return folder / "study"


@pytest.fixture
def answered(taken: Path, tmp_path: Path) -> Path:
    """A copy of that study."""
    return shutil.copytree(taken, tmp_path / "study")


def test_report_says_who_is_preferred_and_writes_a_page_that_needs_nothing_else(answered: Path, world: World):
    said = world.ok("study", "report", str(answered))
    rows = [line.split() for line in said.out.splitlines()]
    assert [row[0] for row in rows[1:4]] == ["best", "good", "worse"]
    assert re.search(r"^answers +48 on 6 cases, by 8 viewers$", said.out, re.MULTILINE)
    text = (answered / "report.html").read_text()
    page = Page(text)
    assert not page.tags & {"script", "link", "img", "iframe", "object"}
    assert not [link for link in page.links if not link.startswith("#")]
    assert "url(http" not in text
    assert "Lakes & birds" in page.words
    for name in ("best", "good", "worse", "birds-flying", "waterfall+clouds"):
        assert name in page.words


def test_without_matplotlib_the_numbers_are_printed_all_the_same(
    answered: Path, world: World, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(study_results, "find_spec", lambda _: None)
    said = world.ok("study", "report", answered)
    assert "best" in said.out
    assert "it needs matplotlib, `pip install 'mivactl[bench]'`" in said.err
    assert not (answered / "report.html").exists()


def test_numbers_of_json_are_those_of_the_page(answered: Path, world: World):
    numbers = world.ok("--json", "study", "report", answered).data["report"]["numbers"]
    assert sum(row["share"] for row in numbers["methods"]) == pytest.approx(1)
    words = Page((answered / "report.html").read_text()).words
    for row in numbers["methods"]:
        assert f"{100 * row['share']:.1f}" in words
        assert f"{row['score']:+.2f}" in words
        assert row["share_interval"]["low"] <= row["share"] <= row["share_interval"]["high"]


def test_export_merge_and_report_agree_with_the_book(answered: Path, world: World, tmp_path: Path):
    out = tmp_path / "answers.json"
    assert "64 answers of 8 viewers" in world.ok("study", "export", str(answered), "-o", str(out)).out
    exported = StudyAnswers.parse(out.read_bytes())
    parts = []
    for number, viewer in enumerate(exported.viewers):
        part = tmp_path / f"part-{number}.json"
        part.write_bytes(exported.model_copy(update={"viewers": (viewer,)}).to_bytes())
        parts.append(str(part))
    world.ok("study", "merge", *parts, parts[0], "-o", str(tmp_path / "all.json"))
    everything = {entry.viewer: entry for entry in StudyAnswers.parse((tmp_path / "all.json").read_bytes()).viewers}
    for entry in exported.viewers:
        assert set(entry.answers) == set(everything[entry.viewer].answers)
    both = world.ok("--json", "study", "report", answered, tmp_path / "all.json").data["report"]["numbers"]
    (answered / "answers.sqlite3").unlink()
    merged_only = world.ok("--json", "study", "report", answered, tmp_path / "all.json").data["report"]["numbers"]
    assert both == merged_only


def test_a_spreadsheet_names_the_methods(answered: Path, world: World, tmp_path: Path):
    world.ok("study", "export", str(answered), "-o", str(tmp_path / "answers.csv"))
    with (tmp_path / "answers.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 64
    assert {row["viewer"] for row in rows} == {str(number) for number in range(1, 9)}
    for row in rows:
        shown = row["shown"].split(" | ")
        assert sorted(shown) == ["best", "good", "worse"]
        assert row["chosen"] == (shown[int(row["place"]) - 1] if row["place"] else "cannot tell")
        if row["question"].startswith("check"):
            assert row["place"] == row["question"][-1]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["export", "{study}", "-o", "answers.txt"], 2, "expected `.json` or `.csv`"),
        (["export", "{empty}", "-o", "answers.json"], 3, "holds no study"),
        (["merge", "{empty}/nothing.json", "-o", "all.json"], 3, "is no file"),
        (["merge", "{broken}", "-o", "all.json"], 5, "is not JSON"),
        (["report", "{study}", "{foreign}"], 2, "has answers to study"),
        (["serve", "{empty}"], 3, "holds no study"),
        (["new", "{empty}", "-o", "x"], 3, "holds no clips"),
        (["new", "{empty}", "-o", "x", "--preset", "paper-single", "--pairs"], 2, "`--pairs` is not for presets"),
    ],
)
def test_what_can_not_be_done_says_why(answered: Path, world: World, tmp_path: Path, arguments, code, message: str):
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken.json").write_text("{")
    other = study_of("AB", cases=2)
    (tmp_path / "foreign.json").write_bytes(answers_of(other, [0, 0], viewers=1, seed=1).to_bytes())
    places = {
        "study": answered,
        "empty": tmp_path / "empty",
        "broken": tmp_path / "broken.json",
        "foreign": tmp_path / "foreign.json",
    }
    said = world.mivactl("study", *[argument.format(**places) for argument in arguments])
    assert said.exit_code == code
    assert message in said.err
    assert code == 5 or "hint: " in said.err


def test_a_study_nobody_took_has_no_report(world: World, tmp_path: Path):
    run = write_run(tmp_path / "run", methods=("a", "b"), cases=2)
    world.ok("study", "new", str(run), "-o", str(tmp_path / "study"))
    said = world.mivactl("study", "report", str(tmp_path / "study"))
    assert (said.exit_code, "no answers count" in said.err) == (3, True)
    assert world.mivactl("study", "export", str(tmp_path / "study"), "-o", "x.json").exit_code == 3


def test_names_from_elsewhere_never_become_markup():
    study = study_of([HOSTILE, "<b>other</b>"], cases=4, checks=1)
    study = study.model_copy(update={"title": HOSTILE, "notes": (HOSTILE,)})
    numbers = study_numbers(study, answers_of(study, [0, 0], viewers=4, seed=1), draws=50)
    text = report_page(study, numbers).decode()
    page = Page(text)
    assert not {"script", "b>other"} & page.tags
    assert page.words.count(HOSTILE) >= 4
    assert "<script" not in text


def test_the_page_that_viewers_save_is_read_as_answers():
    """`study.js` writes this shape; the end-to-end test saves one with a browser."""
    study = study_of("AB", cases=2)
    viewer = answers_of(study, [0, 0], viewers=1, seed=1).viewers[0]
    answers = [{"trial": answer.trial, "choice": answer.choice, "seconds": answer.seconds} for answer in viewer.answers]
    saved = {
        "schema": "mivactl.study-answers/1",
        "study": study.id,
        "viewers": [{"viewer": viewer.viewer, "form": viewer.form, "answers": answers}],
    }
    assert StudyAnswers.parse(json.dumps(saved).encode()).viewers == (viewer,)
