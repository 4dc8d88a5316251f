"""Building a study: what is read, what is shown, what is hidden, and what is refused."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from engine.video.clip_reader import read_clip
from engine.video.clip_writer import write_clip
from mivactl.operations import studies
from mivactl.operations.studies import StudyWish, new_study
from mivactl.study.presets import PRESETS, Preset
from mivactl.study.selection import select
from mivactl.study.sources import SourceCase, read_sources
from mivactl.study.study_folder import StudyFolder
from registry_schema.errors import Busy, IntegrityProblem, MivaError, NotFound, SchemaError, UsageProblem
from tests.mivactl.study_clips import frames_of, write_run

METHODS = ("cinemo", "our-adapter", "svd")


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_run(tmp_path_factory.mktemp("runs") / "run", methods=METHODS, cases=6)


def every_byte(folder: Path) -> bytes:
    return b"".join(path.read_bytes() + path.name.encode() for path in sorted(folder.rglob("*")) if path.is_file())


def test_a_page_has_no_name_of_a_method_a_case_or_a_receipt_in_it(tmp_path: Path, run_folder: Path):
    made = new_study([str(run_folder)], StudyWish(seed=1), out=tmp_path / "study")
    folder = StudyFolder(tmp_path / "study")
    shown = every_byte(folder.page)
    for name in (*METHODS, "made by", "case-0", "birds-flying", "waterfall"):
        assert name.encode() not in shown, name
    assert made.methods == METHODS
    assert made.case_count == 6
    assert made.question_count == 8
    assert folder.key_file.stat().st_mode & 0o777 == 0o600


def test_the_key_says_which_clip_is_whose(tmp_path: Path, run_folder: Path):
    new_study([str(run_folder)], StudyWish(seed=1), out=tmp_path / "study")
    folder = StudyFolder(tmp_path / "study")
    for case in folder.read_key().cases:
        assert case.picture
        for option in case.options:
            clip = read_clip(folder.page / "clips" / f"{option.token}.mp4")
            source = read_clip(run_folder / "clips" / case.name / f"{option.method}.mp4")
            assert clip.fps == pytest.approx(10)
            assert np.abs(clip.frames.astype(int) - source.frames).mean() < 4


def test_a_seed_picks_the_same_cases_and_orders_again(tmp_path: Path, run_folder: Path):
    def shape(seed: int) -> list[object]:
        out = tmp_path / f"study-{len(list(tmp_path.iterdir()))}"
        new_study([str(run_folder)], StudyWish(seed=seed, case_count=4), out=out)
        key = StudyFolder(out).read_key()
        names = {case.token: case.name for case in key.cases}
        methods = [(case.name, [option.method for option in case.options]) for case in key.cases]
        return [methods, [[(names[trial.case], trial.order, trial.ask) for trial in form] for form in key.forms]]

    assert shape(7) == shape(7)
    assert shape(7) != shape(8)


def test_clips_of_a_case_get_one_size_length_and_speed_and_it_is_said(tmp_path: Path):
    for method, size, count, fps in (("a", (48, 32), 4, 8), ("b", (96, 64), 6, 24), ("c", (49, 33), 5, 7)):
        write_clip(frames_of(60, count=count, size=size), tmp_path / method / "one.mp4", fps=fps)
    made = new_study([str(tmp_path / name) for name in "abc"], StudyWish(seed=1), out=tmp_path / "study")
    folder = StudyFolder(tmp_path / "study")
    for clip in (read_clip(path) for path in (folder.page / "clips").iterdir()):
        assert clip.frames.shape == (4, 32, 48, 3)
        assert clip.fps == pytest.approx(10)
    assert "`b` was scaled and cropped from 96x64 to 48x32 in 1 case" in made.notes
    assert "`b` was cut from 6 to 4 frames in 1 case" in made.notes


def test_plain_folders_are_methods_and_their_folders_are_motions(tmp_path: Path):
    for method in ("x", "y"):
        write_clip(frames_of(60), tmp_path / method / "clips" / "waterfall+clouds" / "lake.mp4", fps=8)
        write_clip(frames_of(60), tmp_path / method / "clips" / "plain.webm", fps=8)
    cases = read_sources([f"first={tmp_path}/x/clips", f"second={tmp_path}/y/clips"])
    assert [(case.name, case.motion, sorted(case.clips)) for case in cases] == [
        ("plain", None, ["first", "second"]),
        ("waterfall+clouds/lake", "waterfall+clouds", ["first", "second"]),
    ]


def test_a_damaged_clip_takes_its_case_out_and_is_named(tmp_path: Path):
    run = write_run(tmp_path / "run", methods=("a", "b"), cases=3)
    clip = run / "clips" / "case-01" / "b.mp4"
    clip.write_bytes(clip.read_bytes()[:300])
    (run / "clips" / "case-02" / "a.mp4").unlink()
    made = new_study([str(run)], StudyWish(seed=1), out=tmp_path / "study")
    assert made.case_count == 1
    assert any("case `case-02` is left out: no clip of a" in note for note in made.notes)
    assert any(note.startswith("case `case-01` is left out: the clip of `b` can not be used") for note in made.notes)


def source_cases(motions: list[tuple[str, ...]], each: int, methods: str = "ABC") -> list[SourceCase]:
    return [
        SourceCase(f"{'+'.join(moving)}-{number}", moving, None, {method: Path(method) for method in methods})
        for moving in motions
        for number in range(each)
    ]


SINGLE = [(word,) for word in ("birds", "fireworks", "helicopter", "horse", "guitar", "rain", "smile", "waterfall")]
SEVERAL = [("guitar", "smile"), ("waterfall", "horse"), ("waterfall", "birds"), ("birds", "clouds")]


def test_the_papers_presets_ask_as_many_cases_of_each_motion_as_the_paper():
    cases = source_cases(SINGLE, 20) + source_cases(SEVERAL, 10)
    single = select(cases, PRESETS["paper-single"], methods=(), seed=1)
    assert Counter(entry.case.motion for entry in single.cases) == {word: 5 for (word,) in SINGLE}
    several = select(cases, PRESETS["paper-multi"], methods=(), seed=1)
    assert Counter(entry.case.motion for entry in several.cases) == {"+".join(words): 5 for words in SEVERAL}
    masked = select(cases, PRESETS["paper-mmiva"], methods=("A", "C"), seed=1)
    assert Counter(entry.case.motion for entry in masked.cases) == {"birds": 5, "fireworks": 5, "horse": 5}
    assert {entry.methods for entry in masked.cases} == {("A", "C")}
    assert not single.notes + several.notes + masked.notes


def test_a_motion_may_be_the_name_of_an_adapter():
    cases = source_cases([("studio/birds-flying",), ("waterfall",), ("miva/horse-running",)], 2, "AB")
    found = select(cases, PRESETS["paper-mmiva"], methods=(), seed=1)
    assert {entry.case.motion for entry in found.cases} == {"studio/birds-flying", "miva/horse-running"}


def test_pairs_are_dealt_out_evenly():
    found = select(source_cases(SINGLE, 3), Preset(None, "pairs", 24), methods=(), seed=1)
    assert Counter(entry.methods for entry in found.cases) == {("A", "B"): 8, ("A", "C"): 8, ("B", "C"): 8}


def test_fewer_cases_than_a_preset_asks_for_are_taken_and_said():
    found = select(source_cases(SINGLE, 1), PRESETS["paper-single"], methods=(), seed=1)
    assert found.notes == ("8 cases, where 40 were asked for: there are no more",)


@pytest.mark.parametrize(
    ("preset", "methods", "error", "message"),
    [
        ("paper-mmiva", (), UsageProblem, "3 methods (A, B, C), expected 2"),
        ("paper-multi", (), NotFound, "none of 8 cases is one of preset `paper-multi`: several motions"),
        ("paper-single", ("A",), UsageProblem, "1 methods (A), expected 2 to 9"),
        ("paper-single", ("A", "Z"), NotFound, "no clip is of method `Z`"),
    ],
)
def test_a_preset_that_can_not_be_built_says_why(preset, methods, error: type[MivaError], message: str):
    with pytest.raises(error) as refused:
        select(source_cases(SINGLE, 1), PRESETS[preset], methods=methods, seed=1)
    assert message in refused.value.message
    assert refused.value.hint


def test_a_study_is_never_written_over_and_nothing_is_left_of_one_that_failed(tmp_path: Path, run_folder: Path):
    out = tmp_path / "study"
    new_study([str(run_folder)], StudyWish(seed=1, case_count=1), out=out)
    before = every_byte(out)
    with pytest.raises(Busy, match="holds a study already"):
        new_study([str(run_folder)], StudyWish(seed=2, case_count=1), out=out)
    assert every_byte(out) == before
    with pytest.raises(NotFound):
        new_study([str(tmp_path / "nothing")], StudyWish(), out=tmp_path / "other")
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "mine.txt").write_text("mine")
    with pytest.raises(UsageProblem, match="holds something else"):
        new_study([str(run_folder)], StudyWish(), out=tmp_path / "notes")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["notes", "study"]


def test_a_study_that_is_interrupted_leaves_nothing(tmp_path: Path, run_folder: Path, monkeypatch: pytest.MonkeyPatch):
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(studies, "build_study", stop)
    with pytest.raises(KeyboardInterrupt):
        new_study([str(run_folder)], StudyWish(), out=tmp_path / "study")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cases": [{"name": "../../secret"}]}, "cases[0].name"),
        ({"cases": [{"name": ".."}]}, "cases[0].name"),
        ({"cases": []}, "cases"),
        ({"methods": ["a/b"]}, "methods[0]"),
        ({"cases": [{"name": "a", "motions": ["x"] * 9}]}, "cases[0].motions"),
        ({"cases": [{"name": "a", "photo": "x\u202ey.png"}]}, "cases[0].photo"),
    ],
)
def test_a_hostile_run_is_refused_with_the_place(tmp_path: Path, change: dict[str, object], message: str):
    run = write_run(tmp_path / "run", methods=("a", "b"), cases=1)
    plain = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps({**plain, **change}))
    with pytest.raises(SchemaError) as refused:
        read_sources([str(run)])
    assert message in refused.value.message


def test_links_out_of_a_run_are_not_followed(tmp_path: Path):
    run = write_run(tmp_path / "run", methods=("a", "b"), cases=2)
    outside = tmp_path / "outside.mp4"
    (run / "clips" / "case-01" / "b.mp4").replace(outside)
    (run / "clips" / "case-01" / "b.mp4").symlink_to(outside)
    assert [sorted(case.clips) for case in read_sources([str(run)])] == [["a", "b"], ["a"]]


@pytest.mark.parametrize(
    ("places", "error", "message"),
    [
        (["{0}/run", "{0}/run"], UsageProblem, "has two clips of `a`"),
        (["name={0}/run"], UsageProblem, "gives a name to a run of several methods"),
        (["{0}/empty"], NotFound, "holds no clips"),
        (["{0}/nowhere"], NotFound, "is no folder"),
        (["{0}/run", "{0}/rainy"], IntegrityProblem, "in one run and `rain` in another"),
    ],
)
def test_places_that_do_not_fit_are_refused(tmp_path: Path, places: list[str], error, message: str):
    write_run(tmp_path / "run", methods=("a", "b"), cases=1)
    write_run(tmp_path / "rainy", methods=("c",), cases=1, motions=[("rain",)])
    (tmp_path / "empty").mkdir()
    with pytest.raises(error, match=message) as refused:
        read_sources([place.format(tmp_path) for place in places])
    assert refused.value.hint
