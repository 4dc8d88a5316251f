"""What every command gets besides its own options: where to print, the settings, the session, the progress."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from mivactl.settings import Settings, load_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mivactl.cli.console import Console
    from mivactl.cli.progress import ConsoleProgress
    from mivactl.session import Session
    from registry_schema.errors import MivaError


@dataclass(frozen=True)
class Flags:
    """The switches that every command takes, and the arguments they stood among."""

    json: bool = False
    quiet: bool = False
    offline: bool = False
    debug: bool = False
    verbose: int = 0
    arguments: tuple[str, ...] = ()

    @property
    def shows_tracebacks(self) -> bool:
        """Whether an error tells where it comes from: `--debug`, or `-vvv`."""
        return self.debug or self.verbose >= 3

    def joined(self, other: Flags) -> Flags:
        """On where either is on: the switches may stand before and after the command's name."""
        return Flags(
            json=self.json or other.json,
            quiet=self.quiet or other.quiet,
            offline=self.offline or other.offline,
            debug=self.debug or other.debug,
            verbose=max(self.verbose, other.verbose),
            arguments=self.arguments or other.arguments,
        )


class Run:
    """One call of one command."""

    def __init__(self, command: str, flags: Flags, console: Console) -> None:
        self.command = command
        self.flags = flags
        self.console = console

    @property
    def command_line(self) -> str:
        """The command as it was typed, for a shell."""
        return shlex.join(["mivactl", *self.flags.arguments])

    @cached_property
    def settings(self) -> Settings:
        """Flags, environment, config file, defaults."""
        return load_settings(os.environ, offline=self.flags.offline)

    @cached_property
    def session(self) -> Session:
        """The store and the registries these settings lead to."""
        from mivactl.session import Session

        return Session(self.settings)

    @cached_property
    def progress(self) -> ConsoleProgress:
        """Draws phases on stderr."""
        from mivactl.cli.progress import ConsoleProgress

        return ConsoleProgress(self.console)

    def answer(self, data: Mapping[str, object], show: Callable[[], None]) -> None:
        """The result of the command: `data` for `--json`, `show` for a person."""
        self.console.answer(self.command, data, show)

    def answer_partly(self, data: Mapping[str, object], show: Callable[[], None], error: MivaError) -> None:
        """The result of a command of which a part failed; ends it with the exit code of `error`."""
        import typer

        self.console.partly(self.command, data, show, error)
        raise typer.Exit(error.exit_code)
