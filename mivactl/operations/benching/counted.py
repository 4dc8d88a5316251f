"""What adapters cost, counted from shapes alone; and the bases that can be asked about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mivactl.bases import find_base
from mivactl.engine_bridge import CountRequest, SpeedRequest, count, counted_base_names, measure_speed
from registry_schema.errors import NotFound, UsageProblem

if TYPE_CHECKING:
    from pathlib import Path

    from mivactl.engine_bridge import CountResult, Progress, SpeedResult
    from mivactl.session import Session

MOST_ADAPTERS: Final = 8
MOST_ROUNDS: Final = 1000


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


def bench_speed(
    session: Session, *, base: str | None, adapters: int, rounds: int, clips: int, progress: Progress
) -> SpeedResult:
    """Times of a base with up to `adapters` adapters, every variant in turns in one run.

    Args:
        session: decides about the base where `base` is None.
        base: of this machine, by name or folder.
        adapters: in the largest composition, 1 to 8.
        rounds: of single steps.
        clips: rounds of whole clips; 0 times none.
        progress: told about every round.

    Raises:
        NotFound: no such base, or its weights are not here.
        UsageProblem: a number out of range.
    """
    for option, value, least in (("--adapters", adapters, 1), ("--rounds", rounds, 1), ("--clips", clips, 0)):
        most = MOST_ADAPTERS if option == "--adapters" else MOST_ROUNDS
        if not least <= value <= most:
            raise UsageProblem(f"`{option} {value}` is out of range, expected {least} to {most}")
    known = session.base(base or session.settings.base)
    if not known.has_weights:
        raise NotFound(
            f"the weights of base `{known.spec.name}` are not on this machine",
            hint=f"run `mivactl base fetch {known.spec.name}`, or count with `mivactl bench --counted`",
        )
    return measure_speed(SpeedRequest(known.folder, adapters, rounds, clips), progress)


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
