"""`mivactl mask`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mivactl.cli.console import Column
from mivactl.cli.run import Run

if TYPE_CHECKING:
    from mivactl.engine_bridge import ClipMaskResult, MaskResult

_COLUMNS = (
    Column("clip"),
    Column("masks", number=True),
    Column("of the picture", number=True),
    Column("sure", number=True),
    Column("found by"),
)


def mask(  # noqa: PLR0913 - one parameter for each option
    run: Run,
    source: Annotated[Path, typer.Argument(metavar="PHOTO|CLIPS", help="A photo, a clip, or a folder of clips.")],
    *,
    adapter: Annotated[
        str | None, typer.Option("--for", metavar="REF", help="The adapter whose subject is looked for.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="The mask, a PNG; `PHOTO-mask.png` if left out.")
    ] = None,
    phrases: Annotated[
        list[str] | None, typer.Option("--phrase", metavar="WORDS", help="What to look for, in words; repeat it.")
    ] = None,
    boxes: Annotated[
        list[str] | None,
        typer.Option("--box", metavar="X,Y,W,H", help="Left, top, width and height in pixels around the subject."),
    ] = None,
    points: Annotated[
        list[str] | None, typer.Option("--point", metavar="X,Y", help="A pixel on the subject; repeat it.")
    ] = None,
    drawn: Annotated[
        Path | None,
        typer.Option(
            "--from",
            metavar="FILE",
            help="Your own mask, to be checked: black and white, a cut-out, or the photo with paint over it.",
        ),
    ] = None,
    inverted: Annotated[bool, typer.Option("--invert", help="Let white and black change places.")] = False,
    preview: Annotated[bool, typer.Option("--preview", help="Write what was found, tinted, beside the mask.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace files, and masks beside clips.")] = False,
) -> None:
    """Find what an adapter would move: a mask of a photo, or of every frame of training clips.

    Example: mivactl mask photo.jpg --for birds-flying -o mask.png --preview

    White moves. A box or clicks decide; else the subject is looked for, by the
    segmenter of `mivactl weights fetch segmenter` if it is there, else by what the
    base `nano` knows. Masks of clips lie in `CLIPS/masks`, where `train` finds them.
    """
    from mivactl.operations.mask import MaskOptions, is_clips, mask_all_clips, mask_one_photo
    from registry_schema.errors import UsageProblem

    options = MaskOptions(
        adapter=adapter,
        phrases=tuple(phrases or ()),
        boxes=tuple(boxes or ()),
        points=tuple(points or ()),
        preview=preview,
        force=force,
    )
    if is_clips(source):
        if out is not None or drawn is not None or inverted:
            raise UsageProblem(
                "`--out`, `--from` and `--invert` are for one photo", hint="masks of clips lie in their folder `masks`"
            )
        _show_clips(run, mask_all_clips(source, options, run.session, progress=run.progress))
        return
    done = mask_one_photo(source, out, options, run.session, drawn=drawn, inverted=inverted, progress=run.progress)
    _show_photo(run, done)


def _show_photo(run: Run, done: "MaskResult") -> None:
    def show() -> None:
        run.console.line(str(done.output))
        if done.preview is not None:
            run.console.line(str(done.preview))
        run.console.note(f"{done.share:.1%} of the picture, {done.confidence:.0%} sure, found by {done.source}")
        if not done.confident:
            run.console.note("not sure enough to be used unasked: look at it, and draw a box with `--box` if it is off")
        for note in done.notes:
            run.console.note(note)

    run.answer({"mask": done}, show)


def _show_clips(run: Run, done: "tuple[ClipMaskResult, ...]") -> None:
    def show() -> None:
        rows = [
            (
                one.clip.name,
                str(one.frames),
                f"{one.share:.1%}",
                f"{one.confidence:.0%}",
                one.source if one.written else "was there",
            )
            for one in done
        ]
        run.console.table(_COLUMNS, rows)
        run.console.note(f"masks lie in {done[0].mask.parent}")

    run.answer({"clips": done}, show)
