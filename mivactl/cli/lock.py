"""`mivactl lock`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mivactl.cli.options import REFERENCE, BaseOption, MaskedOption, ProjectOption, RegistryChangeOption
from mivactl.cli.run import Run

if TYPE_CHECKING:
    from mivactl.operations.lock import Locking


def lock(  # noqa: PLR0913 - one parameter for each option
    run: Run,
    references: Annotated[
        list[str] | None,
        typer.Argument(metavar="[REF]...", help=f"Adapters to lock besides what is locked already. {REFERENCE}"),
    ] = None,
    *,
    base: BaseOption = None,
    masked: MaskedOption = False,
    remove: Annotated[
        list[str] | None, typer.Option("--remove", metavar="NAME", help="Take an adapter out; repeat it for several.")
    ] = None,
    locked: Annotated[bool, typer.Option("--locked", help="Write nothing, and fail if the lock would change.")] = False,
    allow_registry_change: RegistryChangeOption = False,
    project: ProjectOption = Path(),
) -> None:
    """Write `miva.lock`: the exact builds of a project, the same for everybody.

    Example: mivactl lock waterfall clouds@>=1,<2

    What is locked stays locked until `mivactl update`. `animate` and `compose` in
    this folder take these builds, `mivactl sync` installs them.
    """
    from mivactl.operations.lock import LockOptions, lock_project
    from registry_schema.names import AdapterName
    from registry_schema.ref import AdapterRef

    options = LockOptions(
        project=project,
        base=base,
        masked=masked,
        remove=tuple(AdapterName(name) for name in remove or ()),
        locked=locked,
        allow_registry_change=allow_registry_change,
    )
    done = lock_project([AdapterRef.parse(text) for text in references or ()], run.session, options)
    tell_locking(run, done)


def tell_locking(run: Run, done: "Locking") -> None:
    """What changed in a lock, and what a person should know of its builds."""
    for note in done.notes:
        run.console.note(note)

    def show() -> None:
        for change in done.changes:
            run.console.line(change.words)
        count = len(done.lock.adapters)
        builds = "1 adapter" if count == 1 else f"{count} adapters"
        state = "written" if done.written else "unchanged"
        run.console.note(f"{done.path} {state}: {builds} on base {done.lock.base.name}")

    data = {
        "path": done.path,
        "written": done.written,
        "changes": done.changes,
        "notes": done.notes,
        "lock": done.lock.plain(),
    }
    run.answer(data, show)
