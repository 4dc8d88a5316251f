"""Answers on the disk: an SQLite file that only grows, where each viewer answers each question once.

An answer is on the disk before it is acknowledged: every commit waits for the write-ahead log to be synchronised. A
killed process leaves all acknowledged answers, and an answer that is sent again is the same answer.
"""

from __future__ import annotations

import secrets
import sqlite3
from contextlib import contextmanager
from enum import Enum
from threading import Lock
from typing import TYPE_CHECKING, Final, Self

from mivactl.disk import disk_errors
from mivactl.study.documents import MOST_VIEWERS, Answer, StudyAnswers, ViewerAnswers
from registry_schema.errors import IntegrityProblem, MivaError, NotFound, ResourceProblem
from registry_schema.text import Timestamp

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType

    from mivactl.study.documents import StudyKey

_PATIENCE_SECONDS: Final = 30.0
_VIEWER_BYTES: Final = 16
_TABLES: Final = """
CREATE TABLE IF NOT EXISTS study (id TEXT PRIMARY KEY) STRICT;
CREATE TABLE IF NOT EXISTS viewers (
    viewer TEXT PRIMARY KEY, form INTEGER NOT NULL, came TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS answers (
    viewer TEXT NOT NULL REFERENCES viewers, trial TEXT NOT NULL, choice TEXT, seconds REAL NOT NULL,
    came TEXT NOT NULL, PRIMARY KEY (viewer, trial)
) STRICT;
CREATE TRIGGER IF NOT EXISTS answers_stay BEFORE DELETE ON answers
    BEGIN SELECT RAISE(ABORT, 'answers are only added'); END;
CREATE TRIGGER IF NOT EXISTS answers_stand BEFORE UPDATE ON answers
    BEGIN SELECT RAISE(ABORT, 'answers are only added'); END;
CREATE TRIGGER IF NOT EXISTS viewers_stay BEFORE DELETE ON viewers
    BEGIN SELECT RAISE(ABORT, 'viewers are only added'); END;
CREATE TRIGGER IF NOT EXISTS viewers_stand BEFORE UPDATE ON viewers
    BEGIN SELECT RAISE(ABORT, 'viewers are only added'); END;
"""


class Kept(Enum):
    """What became of an answer."""

    NEW = "new"
    SAME = "same"
    ANOTHER_STANDS = "another stands"


class UnknownViewer(NotFound):
    """A viewer that this book did not give out."""


class AnswerBook:
    """The answers to one study; used by several threads."""

    def __init__(self, connection: sqlite3.Connection, study: StudyKey) -> None:
        self._connection = connection
        self._lock = Lock()
        self._study = study

    @classmethod
    def open(cls, path: Path, study: StudyKey) -> Self:
        """The book at `path`, which is made if it is not there.

        Raises:
            IntegrityProblem: the file is no such book, or one of another study.
            UsageProblem, ResourceProblem: it can not be written.
        """
        with disk_errors(path), _database_errors(path):
            path.touch(mode=0o600)
            connection = sqlite3.connect(path, timeout=_PATIENCE_SECONDS, isolation_level=None, check_same_thread=False)
            try:
                connection.execute("PRAGMA journal_mode=WAL")
                connection.execute("PRAGMA synchronous=FULL")
                connection.execute("PRAGMA foreign_keys=ON")
                connection.executescript(_TABLES)
                connection.execute("INSERT INTO study SELECT ? WHERE NOT EXISTS (SELECT * FROM study)", (study.id,))
                ids = [row[0] for row in connection.execute("SELECT id FROM study")]
                if ids != [study.id]:
                    raise IntegrityProblem(
                        f"`{path}` holds answers to another study",
                        hint=f"move it away: `mv {path} {path.with_suffix('.old')}`",
                    )
            except BaseException:
                connection.close()
                raise
        return cls(connection, study)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file; what is in it stays."""
        with self._lock:
            self._connection.close()

    def new_viewer(self) -> tuple[str, int]:
        """A viewer's token and form; forms are given out in turn.

        Raises:
            ResourceProblem: there are as many viewers as a study may have.
        """
        token = secrets.token_hex(_VIEWER_BYTES)
        with self._writing():
            (count,) = self._connection.execute("SELECT count(*) FROM viewers").fetchone()
            if count >= MOST_VIEWERS:
                raise ResourceProblem(f"this study has {count} viewers, expected at most {MOST_VIEWERS}")
            form = count % len(self._study.forms)
            self._connection.execute("INSERT INTO viewers VALUES (?, ?, ?)", (token, form, Timestamp.now()))
        return token, form

    def keep(self, viewer: str, answer: Answer) -> Kept:
        """Add an answer; it is on the disk when this returns.

        Raises:
            UnknownViewer: this book knows no such viewer.
            NotFound: the viewer's form has no such question, or the question no such clip.
        """
        with self._writing():
            row = self._connection.execute("SELECT form FROM viewers WHERE viewer = ?", (viewer,)).fetchone()
            if row is None:
                raise UnknownViewer("this study does not know you")
            require_known(self._study, row[0], answer)
            values = (viewer, answer.trial, answer.choice, answer.seconds, Timestamp.now())
            added = self._connection.execute("INSERT OR IGNORE INTO answers VALUES (?, ?, ?, ?, ?)", values).rowcount
            if added:
                return Kept.NEW
            place = (viewer, answer.trial)
            query = "SELECT choice FROM answers WHERE viewer = ? AND trial = ?"
            (stands,) = self._connection.execute(query, place).fetchone()
        return Kept.SAME if stands == answer.choice else Kept.ANOTHER_STANDS

    def counts(self) -> tuple[int, int]:
        """How many viewers have answered something, and how many answers there are."""
        with self._lock:
            query = "SELECT count(DISTINCT viewer), count(*) FROM answers"
            viewers, answers = self._connection.execute(query).fetchone()
        return viewers, answers

    def all_answers(self) -> StudyAnswers:
        """Everything that was answered, in the order in which viewers came; who answered nothing is left out."""
        with self._lock:
            forms = dict(self._connection.execute("SELECT viewer, form FROM viewers ORDER BY rowid"))
            given: dict[str, list[Answer]] = {}
            for viewer, trial, choice, seconds in self._connection.execute(
                "SELECT viewer, trial, choice, seconds FROM answers ORDER BY rowid"
            ):
                given.setdefault(viewer, []).append(Answer(trial=trial, choice=choice, seconds=seconds))
        viewers = tuple(
            ViewerAnswers(viewer=viewer, form=form, answers=tuple(given[viewer]))
            for viewer, form in forms.items()
            if viewer in given
        )
        return StudyAnswers(study=self._study.id, viewers=viewers)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """One transaction, alone; what it wrote is on the disk at the end."""
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise


def require_known(study: StudyKey, form: int, answer: Answer) -> None:
    """Raise `NotFound` unless `form` asks this question and the choice is one of its clips."""
    trials = {trial.name: trial for trial in study.forms[form]} if form < len(study.forms) else {}
    trial = trials.get(answer.trial)
    if trial is None:
        raise NotFound(f"form {form} of this study has no question `{answer.trial}`")
    case = next(case for case in study.cases if case.token == trial.case)
    if answer.choice is not None and answer.choice not in {option.token for option in case.options}:
        raise NotFound(f"question `{answer.trial}` has no clip `{answer.choice}`")


@contextmanager
def _database_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError):
            raise MivaError(
                f"cannot open `{path}`: {error}", hint="is another program at it, or is the disk full?"
            ) from error
        raise IntegrityProblem(
            f"`{path}` is no file of answers: {error}", hint=f"move it away: `mv {path} {path.with_suffix('.old')}`"
        ) from error
