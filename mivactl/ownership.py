"""Names of unfinished files that tell which process is at them, so that what a dead one left can be cleared away."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress


def owned_name() -> str:
    """A new name that nobody has: `<host>-<process>-<random>`."""
    return f"{_host()}-{os.getpid()}-{secrets.token_hex(6)}"


def is_abandoned(name: str) -> bool:
    """Whether `name` was made on this machine by a process that lives no more."""
    host, _, process = name.rpartition("-")[0].rpartition("-")
    return host == _host() and process.isdigit() and not _lives(int(process))


def _lives(process: int) -> bool:
    if os.name == "nt":
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _host() -> str:
    with suppress(AttributeError):
        return os.uname().nodename
    return "this-machine"
