"""`mivactl train`."""

from pathlib import Path
from typing import Annotated

import typer

from mivactl.cli.composition_options import VRAM, CompileOption, VramOption, one_of
from mivactl.cli.options import BaseOption
from mivactl.cli.run import Run


def train(  # noqa: PLR0913 - one parameter for each option
    run: Run,
    clips: Annotated[
        Path, typer.Argument(metavar="CLIPS", help="A folder of mp4, gif, webp or webm files, or folders of frames.")
    ],
    *,
    name: Annotated[str, typer.Option("--name", metavar="NS/NAME", help="The name to publish under.")],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="The folder for the draft.")],
    base: BaseOption = None,
    motion: Annotated[
        str | None, typer.Option("--motion", metavar="WORDS", help="The motion in words; from the name if left out.")
    ] = None,
    steps: Annotated[int | None, typer.Option("--steps", metavar="N", help="Training steps.")] = None,
    recipe: Annotated[
        Path | None, typer.Option("--recipe", metavar="FILE", help="A recipe; what it leaves out is the base's own.")
    ] = None,
    sets: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="One value of the recipe, `optimiser.learning_rate=1e-4`."),
    ] = None,
    footage: Annotated[
        str, typer.Option("--footage", metavar="TEXT", help="Whose clips these are; it is published.")
    ] = "not stated",
    leave_out: Annotated[
        list[str] | None,
        typer.Option(
            "--leave-out", metavar="KIND", help="Leave out clips with this: `unusable`, or a kind of `mivactl clips`."
        ),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in DIR.")] = False,
    vram: VramOption = "auto",
    compiled: CompileOption = False,
) -> None:
    """Train an adapter from about ten clips of one motion.

    Example: mivactl train clips/ --base nano --name my/waterfall -o my-waterfall

    Ctrl-C saves the state after the step; the same command with `--resume` goes
    on from there, to the same weights as an unbroken run.
    """
    from mivactl.operations.train import TrainOptions, train_adapter

    options = TrainOptions(
        clips=clips,
        name=name,
        output=out,
        base=base,
        recipe=recipe,
        sets=tuple(sets or ()),
        motion=motion,
        steps=steps,
        footage=footage,
        leave_out=tuple(leave_out or ()),
        resume=resume,
        vram=one_of("--vram", vram, VRAM),
        compiled=compiled,
    )
    done = train_adapter(options, run.session, progress=run.progress)

    def show() -> None:
        loss = "" if done.final_loss is None else f", last loss {done.final_loss:.4g}"
        run.console.line(str(done.folder))
        run.console.note(
            f"{done.steps} steps on {done.clips} clips in {done.seconds:.0f} s{loss}"
            + (f", {done.skipped} steps skipped" if done.skipped else "")
        )
        run.console.note(f"next: look at `{done.folder / 'release.toml'}`, then")
        run.console.note(f"  mivactl publish {done.folder}")
        run.console.note(f"  mivactl animate photo.jpg --use {name} --yes")

    data = {
        "folder": done.folder,
        "clips": done.clips,
        "steps": done.steps,
        "skipped": done.skipped,
        "seconds": done.seconds,
        "final_loss": done.final_loss,
        "spec": done.spec.plain(),
    }
    run.answer(data, show)
