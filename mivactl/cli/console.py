"""The only printer: data to stdout, everything else to stderr; one JSON envelope when asked for."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TextIO

from mivactl.cli.plain_data import plain_data
from mivactl.cli.plain_text import plain_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from registry_schema.errors import MivaError

ENVELOPE_SCHEMA: Final = "mivactl.envelope/1"


@dataclass(frozen=True)
class Column:
    """A column of a table: its heading, and whether its values are numbers (aligned right)."""

    heading: str
    number: bool = False


class Console:
    """Where a command prints.

    Args:
        as_json: print one envelope and nothing else on stdout.
        quiet: drop notes; data, warnings and errors stay.
    """

    def __init__(self, *, as_json: bool = False, quiet: bool = False) -> None:
        self.as_json = as_json
        self.quiet = quiet

    def answer(self, command: str, data: Mapping[str, object], show: Callable[[], None]) -> None:
        """The result of a command: `data` in an envelope, or what `show` prints for a person."""
        if self.as_json:
            self._envelope({"ok": True, "command": command, "data": plain_data(data), "error": None})
        else:
            show()
            sys.stdout.flush()

    def failure(self, command: str, error: MivaError) -> None:
        """What went wrong, with the way out."""
        if self.as_json:
            details = {"code": error.code, "message": error.message, "hint": error.hint}
            self._envelope({"ok": False, "command": command, "data": None, "error": details})
            return
        _write(sys.stderr, f"error: {plain_text(error.message)}")
        if error.hint:
            _write(sys.stderr, f"hint: {plain_text(error.hint)}")

    def partly(self, command: str, data: Mapping[str, object], show: Callable[[], None], error: MivaError) -> None:
        """The result of a command of which a part failed: `data` and `error` in one envelope, or both in words."""
        if self.as_json:
            details = {"code": error.code, "message": error.message, "hint": error.hint}
            self._envelope({"ok": False, "command": command, "data": plain_data(data), "error": details})
            return
        show()
        sys.stdout.flush()
        self.failure(command, error)

    def line(self, text: str = "") -> None:
        """One line of data."""
        _write(sys.stdout, plain_text(text))

    def note(self, text: str) -> None:
        """One line for the person who waits; `--quiet` and `--json` drop it."""
        if not (self.quiet or self.as_json):
            _write(sys.stderr, plain_text(text))

    def warn(self, text: str) -> None:
        """One line that should be read even under `--quiet`."""
        if not self.as_json:
            _write(sys.stderr, f"warning: {plain_text(text)}")

    def asks(self, question: str) -> bool:
        """Whether a person at a terminal says yes; false where nobody can be asked."""
        if self.as_json or not (sys.stdin.isatty() and sys.stderr.isatty()):
            return False
        sys.stderr.write(f"{plain_text(question)} [y/N] ")
        sys.stderr.flush()
        return sys.stdin.readline().strip().lower() in {"y", "yes"}

    def table(self, columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> None:
        """Rows under headings: folded to the width of a terminal, one line each in a pipe."""
        cells = [[plain_text(cell) for cell in row] for row in rows]
        if sys.stdout.isatty() and os.environ.get("TERM") != "dumb":
            _rich_table(columns, cells)
        else:
            for line in _text_table(columns, cells):
                _write(sys.stdout, line)

    def facts(self, pairs: Sequence[tuple[str, str]]) -> None:
        """Names and values, one pair a line; pairs without a value are left out."""
        width = max((len(name) for name, value in pairs if value), default=0)
        for name, value in pairs:
            if value:
                self.line(f"{name.ljust(width)}  {value}")

    def _envelope(self, content: Mapping[str, object]) -> None:
        _write(sys.stdout, json.dumps({"schema": ENVELOPE_SCHEMA, **content}, ensure_ascii=True))
        sys.stdout.flush()


def _write(stream: TextIO, text: str) -> None:
    stream.write(text + "\n")


def _text_table(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [[column.heading for column in columns], *rows]
    widths = [max(len(line[index]) for line in lines) for index in range(len(columns))]
    return [
        "  ".join(
            cell.rjust(width) if column.number else cell.ljust(width)
            for cell, width, column in zip(line, widths, columns, strict=True)
        ).rstrip()
        for line in lines
    ]


def _rich_table(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> None:
    from rich.console import Console as RichConsole
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column.heading, justify="right" if column.number else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    RichConsole(file=sys.stdout, highlight=False).print(table)
