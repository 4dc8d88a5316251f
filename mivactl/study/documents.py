"""The files of a study: its key, which says what is behind each clip, and people's answers."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from registry_schema.document import Document, RootDocument, rule
from registry_schema.text import Line, Timestamp

FEWEST_OPTIONS, MOST_OPTIONS = 2, 9
"""How many clips may be compared: each has a digit on the keyboard."""
MOST_CASES, MOST_CHECKS, MOST_FORMS = 400, 40, 80
MOST_VIEWERS = 10_000
LONGEST_LOOK_SECONDS = 86_400.0

Token = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
"""Stands for a clip, a case or a study where a name would say too much."""
TrialName = Annotated[str, Field(pattern=r"^([0-9a-f]{16}|check-[1-9][0-9]?)$")]
ViewerToken = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
Kind = Literal["best", "pairs"]


class Option(Document):
    """One clip of a case, and the method that made it."""

    token: Token
    method: Annotated[str, Line(100)]


class Case(Document):
    """One picture, and the clips made of it that people compare.

    Attributes:
        name: as the runs call it.
        motion: what moves, `waterfall+clouds` for example; None where the runs do not say.
        picture: whether the page shows the picture itself, too.
        width: of every clip, in pixels.
        height: likewise.
        frames: of every clip.
    """

    token: Token
    name: Annotated[str, Line(200)]
    motion: Annotated[str, Line(200)] | None = None
    picture: bool = False
    width: Annotated[int, Field(ge=2, le=4096)]
    height: Annotated[int, Field(ge=2, le=4096)]
    frames: Annotated[int, Field(ge=1, le=2000)]
    options: Annotated[tuple[Option, ...], Field(min_length=FEWEST_OPTIONS, max_length=MOST_OPTIONS)]

    @model_validator(mode="after")
    def _differ(self) -> Self:
        if len({option.method for option in self.options}) < len(self.options):
            raise rule("options", "name a method twice, expected each once")
        return self


class Trial(Document):
    """One question of a form.

    Attributes:
        name: the token of its case, or `check-N` for a check of attention.
        case: whose clips it shows.
        order: the options of the case from the first place to the last, as their numbers in the case.
        ask: the place, from 1, that a check asks for; None where people say what they prefer.
    """

    name: TrialName
    case: Token
    order: Annotated[tuple[int, ...], Field(min_length=FEWEST_OPTIONS, max_length=MOST_OPTIONS)]
    ask: Annotated[int, Field(ge=1, le=MOST_OPTIONS)] | None = None


Form = Annotated[tuple[Trial, ...], Field(min_length=1, max_length=MOST_CASES + MOST_CHECKS)]


class StudyKey(RootDocument):
    """The content of `study.json`: all of a study, with the names that its page hides.

    Attributes:
        id: of this study; answers to another one are refused.
        kind: `best` of all methods in each case, or `pairs` of them.
        fps: frames a second at which the clips loop.
        forms: orders of questions and clips that balance each other; viewers take them in turn.
        notes: what was done to clips so that they compare, and what was left out.
    """

    SCHEMA: ClassVar[str] = "mivactl.study/1"
    SOURCE: ClassVar[str] = "study.json"
    MAX_BYTES: ClassVar[int] = 1 << 25

    id: Token
    title: Annotated[str, Line(120)]
    preset: Annotated[str, Line(40)] | None = None
    kind: Kind
    seed: int
    fps: Annotated[float, Field(gt=0, le=60)]
    made: Timestamp
    cases: Annotated[tuple[Case, ...], Field(min_length=1, max_length=MOST_CASES)]
    forms: Annotated[tuple[Form, ...], Field(min_length=1, max_length=MOST_FORMS)]
    notes: tuple[Annotated[str, Line(400)], ...] = ()

    @model_validator(mode="after")
    def _hang_together(self) -> Self:
        cases = {case.token: case for case in self.cases}
        tokens = [option.token for case in self.cases for option in case.options]
        if len(cases) < len(self.cases) or len(set(tokens)) < len(tokens):
            raise rule("cases", "hold a token twice, expected each once")
        for place, form in enumerate(self.forms):
            _check_form(form, cases, f"forms[{place}]")
        return self

    @property
    def methods(self) -> tuple[str, ...]:
        """All methods, by name."""
        return tuple(sorted({option.method for case in self.cases for option in case.options}))


class Answer(Document):
    """What a viewer chose.

    Attributes:
        trial: the question, as the viewer's form names it.
        choice: the clip; None stands for "cannot tell".
        seconds: from the moment all clips moved to the choice.
    """

    trial: TrialName
    choice: Token | None = None
    seconds: Annotated[float, Field(ge=0, le=LONGEST_LOOK_SECONDS)]


class ViewerAnswers(Document):
    """All answers of one viewer, of whom nothing else is known."""

    viewer: ViewerToken
    form: Annotated[int, Field(ge=0, lt=MOST_FORMS)]
    answers: Annotated[tuple[Answer, ...], Field(max_length=MOST_CASES + MOST_CHECKS)] = ()

    @model_validator(mode="after")
    def _answer_once(self) -> Self:
        trials = [answer.trial for answer in self.answers]
        if len(set(trials)) < len(trials):
            raise rule("answers", "hold two answers to one question, expected one")
        return self


class StudyAnswers(RootDocument):
    """Answers to one study, as `study export` and the page write them."""

    SCHEMA: ClassVar[str] = "mivactl.study-answers/1"
    SOURCE: ClassVar[str] = "answers.json"
    MAX_BYTES: ClassVar[int] = 1 << 28

    study: Token
    viewers: Annotated[tuple[ViewerAnswers, ...], Field(max_length=MOST_VIEWERS)] = ()


def _check_form(form: tuple[Trial, ...], cases: dict[str, Case], place: str) -> None:
    if len({trial.name for trial in form}) < len(form):
        raise rule(place, "asks a question twice, expected each once")
    for number, trial in enumerate(form):
        case = cases.get(trial.case)
        if case is None:
            raise rule(f"{place}[{number}].case", f"`{trial.case}` is no case of this study")
        if sorted(trial.order) != list(range(len(case.options))):
            raise rule(f"{place}[{number}].order", f"is not an order of the {len(case.options)} options of its case")
        if (trial.ask is None) != (trial.name == trial.case) or (trial.ask or 0) > len(case.options):
            raise rule(f"{place}[{number}].ask", "does not fit the question's name and its options")
