"""`Owner`: the process that something belongs to for a while, as a file name that others can judge.

A name is `<host>-<space>-<process>-<started>-<random>`. Space is the kernel's namespace of process numbers, started its
clock when the process began: containers of one host name and numbers that are used again are not mistaken.
"""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

ABANDONED_SECONDS: Final = 24 * 3600.0
"""After so long without a sign of life, what belongs to a process that can not be asked counts as left behind."""


class Owner(NamedTuple):
    """One process; `mark` tells apart what is its own."""

    host: str
    space: str
    process: int
    started: str
    mark: str

    @classmethod
    def new(cls) -> Owner:
        """This process, with a mark of its own."""
        return cls(_host(), _space(), os.getpid(), _started(os.getpid()), secrets.token_hex(6))

    @classmethod
    def parse(cls, name: str) -> Owner | None:
        """The owner that a file name says; None if it says none."""
        parts = name.rsplit("-", 4)
        if len(parts) < 5 or not parts[2].isdecimal():
            return None
        return cls(parts[0], parts[1], int(parts[2]), parts[3], parts[4])

    @property
    def name(self) -> str:
        """As a file is called."""
        return f"{self.host}-{self.space}-{self.process}-{self.started}-{self.mark}"

    @property
    def words(self) -> str:
        """For a person."""
        return f"process {self.process} on {self.host}"

    @property
    def is_here(self) -> bool:
        """Whether this process can ask the system about it."""
        return (self.host, self.space) == (_host(), _space())

    def is_gone(self, silent_seconds: float) -> bool:
        """Whether nobody will come back for what it left.

        Args:
            silent_seconds: since it last gave a sign of life; what counts for a process that can not be asked.
        """
        return not self._lives() if self.is_here else silent_seconds > ABANDONED_SECONDS

    def _lives(self) -> bool:
        if os.name == "nt":
            return True
        try:
            os.kill(self.process, 0)
        except ProcessLookupError:
            return False
        except OSError:
            return True
        return self.started == _started(self.process)


def owned_name() -> str:
    """A new name that nobody has, of this process."""
    return Owner.new().name


def is_abandoned(name: str, silent_seconds: float = 0.0) -> bool:
    """Whether nobody will come back for what is called `name`; see `Owner.is_gone`. Names of nobody just grow old."""
    owner = Owner.parse(name)
    return silent_seconds > ABANDONED_SECONDS if owner is None else owner.is_gone(silent_seconds)


def _host() -> str:
    with suppress(AttributeError):
        return os.uname().nodename
    return "this-machine"


def _space() -> str:
    with suppress(OSError):
        return str(Path("/proc/self/ns/pid").stat().st_ino)
    return "0"


def _started(process: int) -> str:
    """Clock ticks from the machine's start to the process's (proc_pid_stat(5), field 22); 0 where nobody knows."""
    with suppress(OSError, IndexError):
        facts = Path(f"/proc/{process}/stat").read_text(encoding="ascii", errors="replace")
        return facts.rpartition(")")[2].split()[19]
    return "0"
