"""The modes of `mivactl bench`, of which a call has one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from registry_schema.errors import UsageProblem

if TYPE_CHECKING:
    from collections.abc import Mapping

MODES: Final = ("--counted", "--speed", "--lambda", "--suite", "--verify")


def chosen_mode(given: Mapping[str, bool]) -> str:
    """The one mode that was given.

    Raises:
        UsageProblem: none was, or several; the hint names one.
    """
    modes = [mode for mode in MODES if given.get(mode)]
    if not modes:
        msg = f"`bench` was asked for nothing, expected a mode: {', '.join(f'`{mode}`' for mode in MODES)}"
        raise UsageProblem(msg, hint="run `mivactl bench --counted`")
    if len(modes) > 1:
        names = " and ".join(f"`{mode}`" for mode in modes)
        raise UsageProblem(f"{names} were given, expected one mode", hint=f"run `mivactl bench {modes[0]}` by itself")
    return modes[0]
