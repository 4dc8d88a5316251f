"""A study out of selected cases: clips made alike and named by tokens, forms that balance, the page, the key."""

from __future__ import annotations

import random
import secrets
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mivactl.disk import write_durably
from mivactl.study.documents import MOST_CHECKS, Case, Kind, Option, StudyKey
from mivactl.study.forms import make_forms
from mivactl.study.levelling import Unusable, level, write_levelled, write_picture
from mivactl.study.page import CLIPS, PICTURES, page_files
from mivactl.study.study_folder import write_page
from registry_schema.errors import NotFound
from registry_schema.text import Timestamp, shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mivactl.engine_bridge import Progress
    from mivactl.study.selection import Selected
    from mivactl.study.study_folder import StudyFolder

QUESTIONS_PER_CHECK: Final = 15
_FEWEST_CHECKS: Final = 2
_TOKEN_BYTES: Final = 8
_LONGEST_NOTE: Final = 400


@dataclass(frozen=True)
class StudyPlan:
    """What a study is to be, besides its cases.

    Attributes:
        check_count: checks of attention; None for one in 15 questions, at least two.
    """

    title: str
    kind: Kind
    seed: int
    fps: float
    preset: str | None = None
    check_count: int | None = None

    def checks_for(self, case_count: int) -> int:
        """How many checks go with so many cases."""
        usual = max(_FEWEST_CHECKS, round(case_count / QUESTIONS_PER_CHECK))
        return min(usual if self.check_count is None else self.check_count, case_count, MOST_CHECKS)


def build_study(
    folder: StudyFolder, selected: Sequence[Selected], plan: StudyPlan, *, notes: Sequence[str], progress: Progress
) -> StudyKey:
    """Write a whole study into `folder`.

    Args:
        notes: what is known already about how the cases were picked.

    Raises:
        NotFound: no case has clips that can be shown.
    """
    for name in (CLIPS, PICTURES):
        (folder.page / name).mkdir()
    cases: list[Case] = []
    notes = list(notes)
    changed: Counter[str] = Counter()
    with progress.phase("clips", len(selected)) as phase:
        for entry in selected:
            try:
                case, changes = _add_case(folder, entry, fps=plan.fps, seed=plan.seed)
            except Unusable as error:
                notes.append(f"case `{shown(entry.case.name)}` is left out: {error}"[:_LONGEST_NOTE])
            else:
                cases.append(case)
                changed.update(changes)
            phase.advance()
    if not cases:
        raise NotFound("no case has clips that can be shown", hint=f"the last reason: {notes[-1]}")
    notes += [f"{change} in {words}" for change, words in _in_words(changed)]
    study = StudyKey(
        id=_token(),
        title=plan.title,
        preset=plan.preset,
        kind=plan.kind,
        seed=plan.seed,
        fps=plan.fps,
        made=Timestamp.now(),
        cases=tuple(cases),
        forms=make_forms(cases, check_count=plan.checks_for(len(cases)), seed=plan.seed),
        notes=tuple(notes),
    )
    write_page(folder, page_files(study))
    write_durably(folder.key_file, study.to_bytes(), mode=0o600)
    return study


def _add_case(folder: StudyFolder, entry: Selected, *, fps: float, seed: int) -> tuple[Case, tuple[str, ...]]:
    levelled = level({method: entry.case.clips[method] for method in entry.methods})
    count, height, width = levelled.shape
    # Sorted names would put a method at the same place of every case in the data that the page can read.
    methods = random.Random(f"options {seed} {entry.case.name}").sample(entry.methods, len(entry.methods))  # noqa: S311
    options = tuple(Option(token=_token(), method=method) for method in methods)
    for option in options:
        write_levelled(levelled.frames[option.method], folder.page / CLIPS / f"{option.token}.mp4", fps=fps)
    token = _token()
    photo = entry.case.photo
    picture = photo is not None and write_picture(photo, folder.page / PICTURES / f"{token}.webp", size=(height, width))
    case = Case(
        token=token,
        name=entry.case.name,
        motion=entry.case.motion,
        picture=picture,
        width=width,
        height=height,
        frames=count,
        options=options,
    )
    return case, levelled.notes


def _in_words(changed: Counter[str]) -> list[tuple[str, str]]:
    return [(change, "1 case" if count == 1 else f"{count} cases") for change, count in sorted(changed.items())]


def _token() -> str:
    return secrets.token_hex(_TOKEN_BYTES)
