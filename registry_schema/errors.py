"""Every error a person can meet: one root, one class per exit code.

MivaError                1   failed
├── UsageProblem         2   the command line or a setting is off
├── NotFound             3   no such adapter, base, file or registry
├── Incompatible         4   an adapter does not fit a base, or adapters each other
├── IntegrityProblem     5   bytes are not what they should be
│   ├── SchemaError      5   a document is not valid
│   ├── Rollback         5   a registry offers a state older than one seen before
│   ├── SnapshotMismatch 5   a registry offers another snapshot than its checkpoint names
│   ├── MixAndMatch      5   a registry offers a file that is not the one in its snapshot
│   └── KeyChanged       5   somebody else signed than those known for a namespace or a registry
├── NetworkProblem       6   no network, or offline
├── AuthProblem          7   not allowed without (other) credentials
├── Busy                 8   somebody else holds it, or it exists already
├── Refused              9   a policy says no
│   ├── Expired          9   a registry's signed state is too old to show what is new
│   └── LookAlike        9   a name that is easily taken for another
├── ResourceProblem     10   not enough disk or memory
├── Incomplete          11   some of the work is left; run again
└── Interrupted        130   Ctrl-C
"""

from __future__ import annotations

from typing import ClassVar


class MivaError(Exception):
    """Root of all errors.

    Args:
        message: one line that says what failed, the value in backticks, and what was expected.
        hint: the way out, best a command that can be run.
    """

    code: ClassVar[str] = "failed"
    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageProblem(MivaError):
    """The command line, a recipe or a setting is off."""

    code = "usage"
    exit_code = 2


class NotFound(MivaError):
    """No such adapter, base, file or registry."""

    code = "not-found"
    exit_code = 3


class Incompatible(MivaError):
    """An adapter does not fit a base, or adapters do not fit each other."""

    code = "incompatible"
    exit_code = 4


class IntegrityProblem(MivaError):
    """Bytes are not what they should be."""

    code = "integrity"
    exit_code = 5


class SchemaError(IntegrityProblem):
    """A document is not valid."""

    code = "schema"


class Rollback(IntegrityProblem):
    """A registry offers a state older than one that this machine has seen."""

    code = "rollback"


class SnapshotMismatch(IntegrityProblem):
    """A registry offers another snapshot than its signed checkpoint names."""

    code = "snapshot-mismatch"


class MixAndMatch(IntegrityProblem):
    """A registry offers a file that is not the one in its signed snapshot."""

    code = "mix-and-match"


class KeyChanged(IntegrityProblem):
    """Somebody else signed than those this machine knows for a namespace or a registry."""

    code = "key-changed"


class NetworkProblem(MivaError):
    """The network failed, or is switched off."""

    code = "network"
    exit_code = 6


class AuthProblem(MivaError):
    """Not allowed without (other) credentials."""

    code = "auth"
    exit_code = 7


class Busy(MivaError):
    """Somebody else holds it, or it exists already."""

    code = "busy"
    exit_code = 8


class Refused(MivaError):
    """A policy says no."""

    code = "refused"
    exit_code = 9


class Expired(Refused):
    """The signed state of a registry is too old to show what is new."""

    code = "expired"


class LookAlike(Refused):
    """A name that is easily taken for another."""

    code = "look-alike"


class ResourceProblem(MivaError):
    """Not enough disk or memory."""

    code = "resources"
    exit_code = 10


class Incomplete(MivaError):
    """Some of the work is left; running again goes on with it."""

    code = "incomplete"
    exit_code = 11


class Interrupted(MivaError):
    """Stopped by Ctrl-C or a termination signal."""

    code = "interrupted"
    exit_code = 130
