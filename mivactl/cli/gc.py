"""`mivactl gc`."""

from mivactl.cli import words
from mivactl.cli.options import DryRunOption
from mivactl.cli.run import Run


def gc(run: Run, *, dry_run: DryRunOption = False) -> None:
    """Remove files that nothing needs and nobody touched for a day.

    Installed adapters, those that locks of projects name and those in use stay.

    Example: mivactl gc --dry-run
    """
    from mivactl.operations.collect_garbage import collect_garbage

    done = collect_garbage(run.session, dry_run=dry_run)

    def show() -> None:
        for piece in done.garbage:
            run.console.note(f"{piece.kind}: {piece.path}")
        verb = "would be removed" if dry_run else "removed"
        run.console.line(f"{len(done.garbage)} {verb}, {words.size(done.freed_bytes)}")

    run.answer({"dry_run": dry_run, "freed_bytes": done.freed_bytes, "garbage": done.garbage}, show)
