"""`mivactl publish`."""

from pathlib import Path
from typing import Annotated

import typer

from mivactl.cli import words
from mivactl.cli.options import DryRunOption
from mivactl.cli.run import Run


def publish(
    run: Run,
    draft: Annotated[Path, typer.Argument(metavar="DIR", help="The folder that `mivactl train` wrote.")],
    *,
    to: Annotated[
        str | None, typer.Option("--to", metavar="REGISTRY", help="A registry's name or folder; your own if left out.")
    ] = None,
    report: Annotated[
        list[Path] | None,
        typer.Option(
            "--report",
            metavar="DIR|FILE",
            help="Attach the numbers of a run of `bench`, or a report in JSON; repeat it for several.",
        ),
    ] = None,
    dry_run: DryRunOption = False,
) -> None:
    """Check a draft and publish it; what is published never changes.

    Example: mivactl publish ./my-adapter --to studio
    """
    from mivactl.operations.publish import publish as publish_draft

    done = publish_draft(draft, run.session, to=to, reports=report or (), dry_run=dry_run, progress=run.progress)
    if done.note:
        run.console.warn(done.note)
    for warning in done.warnings:
        run.console.warn(warning)
    if done.new_key:
        run.console.note(f"your key was made in {done.new_key}: keep a copy, later versions have to be signed with it")
    for name in done.stripped:
        run.console.note(f"{name} went out without its metadata")
    if done.left_out:
        run.console.note(f"left out: {', '.join(done.left_out)}")

    def show() -> None:
        state = "would be published" if done.dry_run else "published" if done.is_new else "was there already"
        run.console.line(f"{done.name} {done.version} for {done.base} {state} in {done.registry}")
        for file in done.files:
            run.console.line(f"  {file.path}  {words.size(file.size_bytes)}  {file.digest}")
        for file in done.attached:
            run.console.line(f"  {file.path}  {words.size(file.size_bytes)}  {file.digest}  attached")

    run.answer({"publication": done}, show)
