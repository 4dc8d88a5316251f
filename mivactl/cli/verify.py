"""`mivactl verify`."""

from mivactl.cli import words
from mivactl.cli.options import BaseOption, SomeReferenceArguments
from mivactl.cli.run import Run


def verify(run: Run, references: SomeReferenceArguments = None, *, base: BaseOption = None) -> None:
    """Hash what is installed again; fails when anything is missing or was changed.

    Example: mivactl verify
    """
    from mivactl.operations.verify import require_sound
    from mivactl.operations.verify import verify as verify_installed
    from registry_schema.ref import AdapterRef

    refs = [AdapterRef.parse(text) for text in references or []]
    found = verify_installed(refs, run.session, base=base, progress=run.progress)
    for problem in found.problems:
        run.console.note(f"{problem.name} {problem.version}: `{problem.file}` is {problem.kind}: {problem.detail}")
    if found.unsigned_count:
        run.console.note(f"{found.unsigned_count} of them were not signed by anybody")
    require_sound(found)

    def show() -> None:
        run.console.line(f"{found.build_count} builds, {words.size(found.size_bytes)}: all as published")

    data = {
        "builds": found.build_count,
        "bytes": found.size_bytes,
        "problems": found.problems,
        "unsigned": found.unsigned_count,
    }
    run.answer(data, show)
