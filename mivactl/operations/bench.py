"""Measuring what adapters cost and what they give. One mode so far: counted, from shapes alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mivactl.bases import find_base
from mivactl.engine_bridge import CountRequest, count, counted_base_names
from registry_schema.errors import NotFound, UsageProblem

if TYPE_CHECKING:
    from pathlib import Path

    from mivactl.engine_bridge import CountResult, Progress
    from mivactl.session import Session

MOST_ADAPTERS: Final = 8
MODES: Final = ("--counted",)


def require_mode(*, counted: bool) -> None:
    """Make sure that a mode was chosen.

    Raises:
        UsageProblem: none was; the hint names one.
    """
    if not counted:
        msg = f"`bench` was asked for nothing, expected a mode: {', '.join(f'`{mode}`' for mode in MODES)}"
        raise UsageProblem(msg, hint="run `mivactl bench --counted`")


def bench_counted(
    session: Session, *, base: str | None, adapters: int, masked: bool, progress: Progress
) -> CountResult:
    """Parameters, operations and bytes of a base with up to `adapters` adapters, without loading any weight.

    Args:
        session: decides about the base where `base` is None.
        base: of this machine by name or folder, or one of the paper's by name.
        adapters: in the largest composition, 1 to 8.
        masked: count what a mask stream adds, too.
        progress: told what is counted.

    Raises:
        NotFound: no such base.
        UsageProblem: so many adapters do not go together.
    """
    if not 1 <= adapters <= MOST_ADAPTERS:
        raise UsageProblem(f"`--adapters {adapters}` is out of range, expected 1 to {MOST_ADAPTERS}")
    return count(CountRequest(_place(base or session.settings.base, session), adapters, masked=masked), progress)


def _place(name: str, session: Session) -> Path | str:
    """The folder of a base on this machine, or the name of one whose shapes the engine knows."""
    try:
        known = find_base(name, session.bases)
    except NotFound as problem:
        if name in counted_base_names():
            return name
        names = ", ".join(f"`{known}`" for known in counted_base_names())
        hint = f"{problem.hint}; without weights there are {names}" if problem.hint else f"one of {names}"
        raise NotFound(problem.message, hint=hint) from problem
    return known.folder if known.has_weights else name
