"""What Typer says about a command line it could not read, in the words of this project."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Protocol, runtime_checkable

from registry_schema.errors import UsageProblem

if TYPE_CHECKING:
    from registry_schema.errors import MivaError

_SUGGESTION: Final = re.compile(r"[.\s]*Did you mean (?P<names>[^?]*)\?$")


@runtime_checkable
class UsageError(Protocol):
    """A usage error of Typer, told by what it can do: Typer carries its own copy of click, under a private name."""

    exit_code: int

    def format_message(self) -> str:
        """The sentence for a person."""


def is_usage_error(error: Exception) -> bool:
    """Whether Typer, not a command, raised this."""
    return isinstance(error, UsageError)


def usage_problem(error: Exception) -> MivaError:
    """The same, as an error with a hint: the nearest option or command, else the help to read."""
    if not isinstance(error, UsageError):
        raise TypeError(f"`{error!r}` is not a usage error")
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "mivactl"
    possibilities = getattr(error, "possibilities", None)
    message = str(getattr(error, "message", "")) if possibilities else error.format_message()
    suggestion = _SUGGESTION.search(message)
    hint = f"run `{command} --help`"
    if possibilities:
        hint = f"did you mean {' or '.join(f'`{name}`' for name in sorted(possibilities))}?"
    elif suggestion:
        hint = f"did you mean {suggestion['names'].replace(chr(39), '`')}?"
        message = message[: suggestion.start()]
    return UsageProblem(_one_line(message), hint=hint)


def _one_line(message: str) -> str:
    text = " ".join(message.split()).rstrip(".")
    return text[:1].lower() + text[1:]
