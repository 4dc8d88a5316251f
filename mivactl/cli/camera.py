"""`mivactl camera`."""

from pathlib import Path
from typing import Annotated

import typer

from mivactl.cli import words
from mivactl.cli.options import BaseOption
from mivactl.cli.run import Run

PICTURES_OF_THE_PAPER = 20


def camera(  # noqa: PLR0913 - one parameter for each option
    run: Run,
    images: Annotated[Path, typer.Argument(metavar="IMAGES", help="A folder of photos, about 20.")],
    *,
    motion: Annotated[
        str,
        typer.Option(
            "--motion",
            metavar="MOTION",
            help="How the camera moves: pan-left, pan-right, pan-up, pan-down, zoom-in, zoom-out or roll.",
        ),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="The folder for the clips.")],
    base: BaseOption = None,
    count: Annotated[int, typer.Option("--count", metavar="N", help="Clips of each photo.")] = 5,
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="Other paths over the same photos.")] = 42,
    file_format: Annotated[
        str, typer.Option("--format", metavar="SUFFIX", help="apng loses nothing, mp4 is small; also webp, gif, webm.")
    ] = "apng",
) -> None:
    """Film a camera motion from photos: the clips that an adapter for it is trained on.

    Example: mivactl camera photos/ --motion pan-right -o clips/

    The camera moves steadily over each photo, each time from another place and
    at another speed; nothing is enlarged, so photos should be larger than the
    base's frames.
    """
    from mivactl.operations.camera import CameraOptions, film_pictures

    options = CameraOptions(
        images=images, motion=motion, output=out, base=base, count=count, seed=seed, file_format=file_format
    )
    made = film_pictures(options, run.session, progress=run.progress)

    def show() -> None:
        run.console.line(str(made.folder))
        run.console.note(f"{made.clips} clips of {made.pictures} photos, {words.size(made.size_bytes)}")
        if made.pictures < PICTURES_OF_THE_PAPER:
            run.console.note(f"the paper uses {PICTURES_OF_THE_PAPER} photos: with few, their content is learned too")
        run.console.note(f"next: mivactl train {made.folder} --recipe {made.recipe} --name my/{motion} -o my-{motion}")

    data = {
        "folder": made.folder,
        "pictures": made.pictures,
        "clips": made.clips,
        "recipe": made.recipe,
        "size_bytes": made.size_bytes,
    }
    run.answer(data, show)
