"""The answers to a study: written to files, put together, and what they come to."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

from mivactl.disk import disk_errors, write_durably
from mivactl.study.answer_book import AnswerBook
from mivactl.study.documents import StudyAnswers
from mivactl.study.merging import merged
from mivactl.study.numbers import StudyNumbers, study_numbers
from mivactl.study.report_page import report_page
from mivactl.study.study_folder import StudyFolder
from registry_schema.errors import NotFound, UsageProblem

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mivactl.engine_bridge import Progress
    from mivactl.study.documents import StudyKey

_SUFFIXES: Final = (".json", ".csv")
_CSV_COLUMNS: Final = ("viewer", "question", "case", "motion", "chosen", "place", "shown", "seconds")


@dataclass(frozen=True)
class WrittenAnswers:
    """A file of answers, and how many are in it."""

    path: str
    viewers: int
    answers: int


@dataclass(frozen=True)
class WrittenReport:
    """A report, and the numbers in it; no page where matplotlib is missing."""

    path: str | None
    numbers: StudyNumbers


def export_answers(folder: Path, out: Path) -> WrittenAnswers:
    """Write what a server has collected; `.json` hides the methods' names as the page does, `.csv` has them.

    Raises:
        NotFound: there is no study, or it was never served.
        UsageProblem: another suffix, or a place that can not be written.
    """
    place = StudyFolder(folder)
    study = place.read_key()
    answers = _served_answers(place, study)
    if answers is None:
        raise NotFound(
            f"nobody has answered `{folder}` so far", hint=f"let people take it: `mivactl study serve {folder}`"
        )
    if out.suffix.lower() not in _SUFFIXES:
        raise UsageProblem(f"`{out}` ends in `{out.suffix}`, expected `.json` or `.csv`", hint="-o answers.json")
    content = answers.to_bytes() if out.suffix.lower() == ".json" else _table(study, answers)
    return _written(out, content, answers)


def merge_answers(files: Sequence[Path], out: Path) -> WrittenAnswers:
    """Put the answers of several files into one.

    Raises:
        NotFound: a file is not there.
        SchemaError: a file is not valid.
        UsageProblem: the files are of different studies, or contradict each other.
    """
    answers = merged([(str(path), _read(path)) for path in files])
    return _written(out, answers.to_bytes(), answers)


def report_study(folder: Path, files: Sequence[Path], *, out: Path | None, progress: Progress) -> WrittenReport:
    """Write `report.html` of what a server and `files` have collected.

    Raises:
        NotFound: there is no study, or nobody has answered.
        UsageProblem: files of another study, or answers that contradict each other.
    """
    place = StudyFolder(folder.expanduser().absolute())
    study = place.read_key()
    parts = [(str(path), _read(path)) for path in files]
    served = _served_answers(place, study)
    if served is not None:
        parts.append((str(place.answers), served))
    answers = merged([(str(place.key_file), StudyAnswers(study=study.id)), *parts])
    with progress.phase("report", None):
        numbers = study_numbers(study, answers)
    if find_spec("matplotlib") is None:
        progress.note("no report.html: it needs matplotlib, `pip install 'mivactl[bench]'`")
        return WrittenReport(None, numbers)
    target = place.report if out is None else out
    with disk_errors(target):
        write_durably(target, report_page(study, numbers))
    return WrittenReport(str(target), numbers)


def _served_answers(place: StudyFolder, study: StudyKey) -> StudyAnswers | None:
    if not place.answers.is_file():
        return None
    with AnswerBook.open(place.answers, study) as book:
        return book.all_answers()


def _read(path: Path) -> StudyAnswers:
    if not path.is_file():
        raise NotFound(f"`{path}` is no file", hint="expected answers, as `study export` and the page save them")
    with path.open("rb") as file:
        return StudyAnswers.parse(file.read(StudyAnswers.MAX_BYTES + 1), source=str(path))


def _written(out: Path, content: bytes, answers: StudyAnswers) -> WrittenAnswers:
    with disk_errors(out):
        write_durably(out, content, mode=0o600)
    return WrittenAnswers(str(out), len(answers.viewers), sum(len(entry.answers) for entry in answers.viewers))


def _table(study: StudyKey, answers: StudyAnswers) -> bytes:
    """Answers as rows, checks of attention too; viewers are numbered in the order in which they came."""
    cases = {case.token: case for case in study.cases}
    text = io.StringIO(newline="")
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(_CSV_COLUMNS)
    for number, entry in enumerate(answers.viewers, start=1):
        trials = {trial.name: trial for trial in study.forms[entry.form]}
        for answer in entry.answers:
            trial = trials[answer.trial]
            case = cases[trial.case]
            shown = [case.options[option] for option in trial.order]
            place = next((place for place, option in enumerate(shown, start=1) if option.token == answer.choice), None)
            question = "preference" if trial.ask is None else f"check: choose {trial.ask}"
            chosen = "cannot tell" if place is None else shown[place - 1].method
            order = " | ".join(option.method for option in shown)
            rows.writerow((number, question, case.name, case.motion or "", chosen, place or "", order, answer.seconds))
    return text.getvalue().encode()
