"""`mivactl check`."""

from typing import Annotated

import typer

from mivactl.cli import words
from mivactl.cli.options import MaskedOption, ReferenceArgument
from mivactl.cli.run import Run


def check(
    run: Run,
    reference: ReferenceArgument,
    *,
    base: Annotated[str, typer.Option("--base", metavar="NAME", help="The base model; it need not be here.")],
    masked: MaskedOption = False,
) -> None:
    """Prove that an adapter fits a base before its weights are downloaded.

    Example: mivactl check waterfall --base nano

    Only the manifest and the header of the weights are read. Prints `exact` (the
    base is the one it was trained on), `fits` (another of the same architecture),
    or `no` with exit code 4.
    """
    from mivactl.operations.check import check as check_adapter
    from mivactl.operations.check import require_fit
    from registry_schema.errors import Incompatible
    from registry_schema.ref import AdapterRef

    report = check_adapter(AdapterRef.parse(reference), run.session, base=base, masked=masked)

    def show() -> None:
        run.console.line(f"{report.fit}: {report.name} {report.version} on base {report.base}: {report.reason}")
        for miss in report.misses:
            run.console.line(f"  {miss}")
        if report.note:
            run.console.note(report.note)
        run.console.note(f"read {words.size(report.read_bytes)} of {words.size(report.size_bytes)}")

    try:
        require_fit(report)
    except Incompatible as error:
        run.answer_partly({"report": report}, show, error)
    else:
        run.answer({"report": report}, show)
