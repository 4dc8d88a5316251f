"""`Finding`: one thing that `doctor` noticed, with the command that mends it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Level = Literal["problem", "note"]
REPAIR: Final = "mivactl doctor --repair"


@dataclass(frozen=True)
class Finding:
    """What was noticed.

    Attributes:
        check: what was looked at, in one or two words.
        level: a `problem` makes commands fail or lie, a `note` is good to know.
        message: what is the matter.
        fix: a command that mends it.
    """

    check: str
    level: Level
    message: str
    fix: str
