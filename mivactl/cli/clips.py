"""`mivactl clips`."""

from pathlib import Path
from typing import Annotated

import typer

from mivactl.cli.console import Column
from mivactl.cli.options import BaseOption
from mivactl.cli.run import Run

_COLUMNS = (
    Column("clip"),
    Column("verdict"),
    Column("frames", number=True),
    Column("seconds", number=True),
    Column("size", number=True),
    Column("windows", number=True),
)


def clips(  # noqa: PLR0913 - one parameter for each option
    run: Run,
    folder: Annotated[Path, typer.Argument(metavar="CLIPS", help="A folder of clips, or of folders of frames.")],
    *,
    base: BaseOption = None,
    recipe: Annotated[
        Path | None, typer.Option("--recipe", metavar="FILE", help="The recipe they will be trained with.")
    ] = None,
    sets: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="One value of it, `clips.speed=stride`.")
    ] = None,
    sheet: Annotated[
        Path | None, typer.Option("--sheet", metavar="FILE", help="Draw a contact sheet: a png, jpg or webp file.")
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 for doubtful clips too.")] = False,
) -> None:
    """Look at every clip to its end, before training: a verdict on each, and what would help.

    Example: mivactl clips clips/ --sheet clips.png

    Finds clips that are corrupt, too short, static, or there twice; scene cuts,
    bars, watermarks, odd frame rates, and pictures that are too small or stand
    the wrong way. Exit code 1 when training would refuse a clip.
    """
    from mivactl.operations.clips import BadClips, ClipsOptions, examine, require_good

    options = ClipsOptions(clips=folder, base=base, recipe=recipe, sets=tuple(sets or ()), sheet=sheet)
    found = examine(options, run.session, progress=run.progress)

    def show() -> None:
        rows = [
            (
                one.path.name,
                one.verdict,
                str(one.frames or "-"),
                f"{one.seconds:.2f}" if one.frames else "-",
                f"{one.width}x{one.height}" if one.frames else "-",
                str(one.windows or "-"),
            )
            for one in found.verdicts
        ]
        run.console.table(_COLUMNS, rows)
        for one in found.verdicts:
            for finding in one.findings:
                run.console.line(f"{one.path.name}: {finding.kind}: {finding.reason}")
                run.console.line(f"  remedy: {finding.remedy}")
        if found.sheet is not None:
            run.console.note(f"contact sheet: {found.sheet}")

    verdicts = [
        {
            "file": one.path.name,
            "verdict": one.verdict,
            "findings": one.findings,
            "frames": one.frames,
            "seconds": round(one.seconds, 3),
            "width": one.width,
            "height": one.height,
            "windows": one.windows,
        }
        for one in found.verdicts
    ]
    data = {"clips": verdicts, "sheet": found.sheet}
    try:
        require_good(found, strict=strict)
    except BadClips as error:
        run.answer_partly(data, show, error)
    run.answer(data, show)
