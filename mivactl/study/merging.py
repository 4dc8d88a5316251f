"""Answers from several places put together: each viewer once, each answer once, contradictions named."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mivactl.study.documents import MOST_VIEWERS, StudyAnswers, ViewerAnswers
from registry_schema.errors import UsageProblem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mivactl.study.documents import Answer


def merged(parts: Sequence[tuple[str, StudyAnswers]]) -> StudyAnswers:
    """All answers of at least one part, each with the name that messages call it; the order does not matter.

    Raises:
        UsageProblem: the parts are of different studies, one viewer has two forms or two answers to one question, or
            there are too many viewers.
    """
    first_source, first = parts[0]
    forms: dict[str, int] = {}
    given: dict[str, dict[str, Answer]] = {}
    for source, part in parts:
        if part.study != first.study:
            raise UsageProblem(
                f"`{source}` has answers to study `{part.study}`, `{first_source}` is of `{first.study}`",
                hint="put together what belongs to one study",
            )
        for entry in part.viewers:
            if forms.setdefault(entry.viewer, entry.form) != entry.form:
                raise UsageProblem(
                    f"`{source}`: viewer `{entry.viewer}` took form {entry.form}, elsewhere form {forms[entry.viewer]}",
                    hint="one of the files was changed; leave it out",
                )
            for answer in entry.answers:
                _add(given.setdefault(entry.viewer, {}), answer, source=source, viewer=entry.viewer)
    if len(given) > MOST_VIEWERS:
        raise UsageProblem(f"{len(given)} viewers, expected at most {MOST_VIEWERS}", hint="give fewer files")
    viewers = tuple(
        ViewerAnswers(
            viewer=viewer, form=forms[viewer], answers=tuple(given[viewer][trial] for trial in sorted(given[viewer]))
        )
        for viewer in sorted(given)
    )
    return StudyAnswers(study=first.study, viewers=viewers)


def _add(known: dict[str, Answer], answer: Answer, *, source: str, viewer: str) -> None:
    stands = known.setdefault(answer.trial, answer)
    if stands != answer:
        raise UsageProblem(
            f"`{source}`: viewer `{viewer}` answered question `{answer.trial}` otherwise elsewhere",
            hint="one of the files was changed; leave it out",
        )
