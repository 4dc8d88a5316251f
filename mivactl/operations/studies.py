"""Build a study, collect its answers, put them together, and say what they come to."""

from __future__ import annotations

import secrets
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mivactl.engine_bridge import SilentProgress
from mivactl.study.answer_book import AnswerBook
from mivactl.study.building import StudyPlan, build_study
from mivactl.study.page import START
from mivactl.study.presets import PRESETS, Preset
from mivactl.study.selection import select, with_count
from mivactl.study.served_files import served_files
from mivactl.study.server import StudyServer
from mivactl.study.sources import read_sources
from mivactl.study.study_folder import StudyFolder, new_study_folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from mivactl.engine_bridge import Progress
    from mivactl.study.documents import Kind
    from mivactl.study.presets import PresetName

PAPER_FPS: Final = 10.0
_SEED_BITS: Final = 31


@dataclass(frozen=True)
class StudyWish:
    """What a person asks for in a study.

    Attributes:
        preset: one of the paper's; None builds from all cases.
        kind: without a preset, best of all methods or pairs.
        case_count: None for the preset's number, or all.
        methods: to be compared; empty for all.
        seed: None for one by chance.
        check_count: checks of attention; None for one in 15 questions, at least two.
    """

    preset: PresetName | None = None
    kind: Kind = "best"
    case_count: int | None = None
    methods: tuple[str, ...] = ()
    seed: int | None = None
    fps: float = PAPER_FPS
    check_count: int | None = None
    title: str = "Still pictures, brought to life"


@dataclass(frozen=True)
class NewStudy:
    """A study that was built: where, how large, and what a person should know about its clips."""

    folder: str
    start: str
    id: str
    seed: int
    kind: str
    methods: tuple[str, ...]
    case_count: int
    question_count: int
    form_count: int
    notes: tuple[str, ...]


def new_study(places: Sequence[str], wish: StudyWish, *, out: Path, progress: Progress | None = None) -> NewStudy:
    """Build a study from runs of `mivactl bench` or folders of clips.

    Raises:
        NotFound: a place is not there, has no clips, or no case is fit.
        SchemaError: a `run.json` is not valid.
        UsageProblem: too few or too many methods, or a place that can not be written.
        Busy: `out` holds a study.
    """
    out = out.expanduser().absolute()
    preset = PRESETS[wish.preset] if wish.preset is not None else Preset(None, wish.kind, None)
    preset = with_count(preset, wish.case_count)
    seed = secrets.randbits(_SEED_BITS) if wish.seed is None else wish.seed
    plan = StudyPlan(wish.title, preset.kind, seed, wish.fps, preset.name, wish.check_count)
    with new_study_folder(out) as folder:
        selection = select(read_sources(places), preset, methods=wish.methods, seed=seed)
        study = build_study(folder, selection.cases, plan, notes=selection.notes, progress=progress or SilentProgress())
    return NewStudy(
        folder=str(out),
        start=str(StudyFolder(out).page / START),
        id=study.id,
        seed=seed,
        kind=study.kind,
        methods=study.methods,
        case_count=len(study.cases),
        question_count=len(study.forms[0]),
        form_count=len(study.forms),
        notes=study.notes,
    )


@contextmanager
def study_server(folder: Path, *, host: str, port: int) -> Iterator[StudyServer]:
    """A server of the study in `folder`, listening; `serve_forever` answers until `shutdown`.

    Raises:
        NotFound: there is no study.
        IntegrityProblem: its key or its answers are damaged, or of another study.
        UsageProblem: the address can not be listened at.
    """
    place = StudyFolder(folder)
    study = place.read_key()
    files = served_files(place.page)
    with AnswerBook.open(place.answers, study) as book, StudyServer(study, book, files, host=host, port=port) as server:
        yield server
