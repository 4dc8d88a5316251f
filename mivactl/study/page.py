"""The page that viewers see: its files without one name of a method in them."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Final

from mivactl.study.documents import MOST_OPTIONS
from mivactl.study.page_templates import asset, filled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mivactl.study.documents import StudyKey, Trial

POLICY: Final = (
    "default-src 'none'; img-src 'self'; media-src 'self'; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'"
)
"""Content Security Policy: what lies beside the page, and the server it came from, and nothing else."""

START: Final = "index.html"
CLIPS, PICTURES = "clips", "pictures"
_ASSETS: Final = ("study.css", "study.js", "icon.svg")
_SECONDS_PER_QUESTION: Final = 10.0


def page_files(study: StudyKey) -> Iterator[tuple[str, bytes]]:
    """The files of the page by their paths; clips and pictures are not among them, and the page itself comes last."""
    for name in _ASSETS:
        yield name, asset(name)
    yield "study-data.js", study_data(study)
    count = len(study.forms[0])
    most = max(len(case.options) for case in study.cases)
    page = filled(
        "page.html.jinja",
        policy=POLICY,
        title=study.title,
        question_count=count,
        minutes=max(1, math.ceil(count * _SECONDS_PER_QUESTION / 60)),
        most_options=min(most, MOST_OPTIONS),
    )
    yield START, page.encode()


def study_data(study: StudyKey) -> bytes:
    """The study as a script, since a page that is opened from a disk may not fetch data."""
    cases = {
        case.token: {
            "clips": [option.token for option in case.options],
            "picture": case.picture,
            "width": case.width,
            "height": case.height,
        }
        for case in study.cases
    }
    forms = [[_trial(trial) for trial in form] for form in study.forms]
    content = json.dumps({"id": study.id, "cases": cases, "forms": forms}, ensure_ascii=True, separators=(",", ":"))
    return f"globalThis.MIVACTL_STUDY = {content};\n".encode()


def _trial(trial: Trial) -> dict[str, object]:
    asked = {} if trial.ask is None else {"ask": trial.ask}
    return {"name": trial.name, "case": trial.case, "order": list(trial.order), **asked}
