"""The one record that makes a change of several pointers a single step.

A change is committed when its record replaces the journal (one rename); the pointers follow, then the record is
emptied. Whoever finds a pending record carries it out: it says everything, and doing it twice does no harm.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from mivactl.disk import write_durably
from registry_schema.errors import IntegrityProblem

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_NO_CHANGE_YET: Final = "none"


@dataclass(frozen=True)
class Journal:
    """The last change of the pointers.

    Attributes:
        change: its random name; another name means that something changed in between.
        write: pointers to write, by their path below `installed/`.
        remove: pointers to remove.
    """

    change: str = _NO_CHANGE_YET
    write: Mapping[str, str] = field(default_factory=dict)
    remove: tuple[str, ...] = ()

    @property
    def pending(self) -> bool:
        """Whether its pointers may still have to be changed."""
        return bool(self.write or self.remove)

    def done(self) -> Journal:
        """The same change with nothing left to do."""
        return Journal(self.change)


def new_journal(write: Mapping[str, str], remove: tuple[str, ...]) -> Journal:
    """A change that has not happened before."""
    return Journal(secrets.token_hex(8), write, remove)


def read_journal(path: Path) -> Journal:
    """The journal at `path`; an empty one where there is none yet.

    Raises:
        IntegrityProblem: the file is not a journal.
    """
    try:
        content = json.loads(path.read_bytes())
        return Journal(str(content["change"]), dict(content["write"]), tuple(content["remove"]))
    except (FileNotFoundError, NotADirectoryError):
        return Journal()
    except (ValueError, KeyError, TypeError) as error:
        raise IntegrityProblem(
            f"`{path}` is not a journal of the store: {error}", hint="remove the file, then run `mivactl verify`"
        ) from error


def write_journal(path: Path, journal: Journal) -> None:
    """Replace the journal at `path` in one step."""
    content = {"change": journal.change, "write": dict(journal.write), "remove": list(journal.remove)}
    write_durably(path, json.dumps(content, sort_keys=True).encode() + b"\n")
