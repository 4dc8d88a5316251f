"""`mivactl why`."""

from mivactl.cli.console import Column
from mivactl.cli.options import BaseOption, MaskedOption, ReferenceArguments
from mivactl.cli.run import Run

_COLUMNS = (Column("base"), Column("build"), Column("registry"), Column("verdict"), Column("reason"), Column("hint"))


def why(run: Run, references: ReferenceArguments, *, base: BaseOption = None, masked: MaskedOption = False) -> None:
    """Show every build an adapter has, accepted or rejected, and why.

    Example: mivactl why waterfall clouds --base nano
    """
    from mivactl.operations.why import why as explain
    from registry_schema.ref import AdapterRef

    explained = explain([AdapterRef.parse(text) for text in references], run.session, base=base, masked=masked)

    def show() -> None:
        rows = [
            (entry.base, entry.build, entry.registry, entry.verdict, entry.reason, entry.hint)
            for entry in explained.decisions
        ]
        run.console.table(_COLUMNS, rows)
        run.console.note(f"base: {explained.base}" if explained.base else "no base has a build for each of them")

    run.answer({"base": explained.base, "decisions": explained.decisions}, show)
