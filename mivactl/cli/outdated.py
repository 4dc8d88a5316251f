"""`mivactl outdated`."""

from pathlib import Path
from typing import TYPE_CHECKING

from mivactl.cli.console import Column
from mivactl.cli.options import ProjectOption
from mivactl.cli.run import Run

if TYPE_CHECKING:
    from mivactl.operations.outdated import OutdatedAdapter

_COLUMNS = (
    Column("name"),
    Column("version"),
    Column("base"),
    Column("in range"),
    Column("new major"),
    Column("status"),
)


def outdated(
    run: Run,
    *,
    project: ProjectOption = Path(),
) -> None:
    """Show newer versions, and what was withdrawn or deprecated, of the locked adapters or of the installed ones.

    Example: mivactl outdated
    """
    from mivactl.operations.outdated import outdated as outdated_adapters

    found = outdated_adapters(run.session, project)

    def show() -> None:
        if not found:
            run.console.note("nothing is outdated")
            return
        rows = [
            (entry.name, entry.version, entry.base, entry.in_range or "-", entry.major or "-", _status(entry))
            for entry in found
        ]
        run.console.table(_COLUMNS, rows)

    run.answer({"adapters": found}, show)


def _status(entry: "OutdatedAdapter") -> str:
    note = f": {entry.note}" if entry.note else ""
    successor = f" -> {entry.successor}" if entry.successor else ""
    return f"{entry.status}{note}{successor}"
