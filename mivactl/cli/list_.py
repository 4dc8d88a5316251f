"""`mivactl list`."""

from mivactl.cli import words
from mivactl.cli.console import Column
from mivactl.cli.options import BaseOption
from mivactl.cli.run import Run

_COLUMNS = (
    Column("name"),
    Column("version"),
    Column("base"),
    Column("masked"),
    Column("size", number=True),
    Column("fit"),
    Column("last used"),
)


def list_(run: Run, *, base: BaseOption = None) -> None:
    """List what is installed, and whether it fits the base in use.

    Example: mivactl list
    """
    from mivactl.operations.list_installed import list_installed

    builds = list_installed(run.session, base=base)

    def show() -> None:
        if not builds:
            run.console.note("nothing is installed; `mivactl search` shows what there is")
            return
        rows = [
            (
                build.name,
                build.version,
                build.base,
                words.mark(is_set=build.masked),
                words.size(build.size_bytes),
                build.fit,
                words.ago(build.last_used),
            )
            for build in builds
        ]
        run.console.table(_COLUMNS, rows)

    run.answer({"base": base or run.settings.base, "adapters": builds}, show)
