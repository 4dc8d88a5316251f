"""`mivactl base list`."""

from mivactl.cli.console import Column
from mivactl.cli.run import Run

_COLUMNS = (Column("name"), Column("title"), Column("clip"), Column("licence"), Column("in use"), Column("place"))


def list_(run: Run) -> None:
    """List the base models on this machine.

    Example: mivactl base list
    """
    from mivactl.operations.list_bases import list_bases

    bases = list_bases(run.session)

    def show() -> None:
        rows = [
            (
                base.name,
                base.title,
                f"{base.clip.frames} x {base.clip.width}x{base.clip.height}",
                base.licence,
                "yes" if base.active else "-",
                "comes with mivactl" if base.packaged else base.place,
            )
            for base in bases
        ]
        run.console.table(_COLUMNS, rows)

    run.answer({"bases": bases}, show)
