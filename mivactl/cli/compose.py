"""`mivactl compose`."""

from pathlib import Path
from typing import Annotated

import typer

from mivactl.cli.animate import run_choices
from mivactl.cli.composition_options import (
    BlendOption,
    CompileOption,
    FramesOption,
    LockedOption,
    MaskedWhereOption,
    MaskOption,
    SeedOption,
    StepsOption,
    YesOption,
    mask_files,
    references,
)
from mivactl.cli.console import Column
from mivactl.cli.options import BaseOption
from mivactl.cli.run import Run

_SHOWN_CONFLICTS = 8
_SUMMARY = (
    Column("adapters"),
    Column("attention"),
    Column("sites", number=True),
    Column("in conflict", number=True),
    Column("mean cosine", number=True),
    Column("lowest", number=True),
)
_SITES = (Column("where they conflict"), Column("adapters"), Column("cosine", number=True))


def compose(  # noqa: PLR0913 - one parameter for each option
    run: Run,
    adapters: Annotated[list[str], typer.Argument(metavar="NAME:W...", help="Adapters and their weights.")],
    *,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="The preset, a `.toml` file.")],
    base: BaseOption = None,
    photo: Annotated[
        Path | None,
        typer.Option("--photo", metavar="FILE", help="Show the composition on it: a grid of clips at several weights."),
    ] = None,
    blend: BlendOption = False,
    yes: YesOption = False,
    locked: LockedOption = False,
    force: Annotated[bool, typer.Option("--force", help="Replace what is there.")] = False,
    seed: SeedOption = None,
    steps: StepsOption = None,
    frames: FramesOption = None,
    compiled: CompileOption = False,
    masked: MaskedWhereOption = False,
    mask: MaskOption = None,
) -> None:
    """Keep adapters and weights as a preset, and see where they conflict.

    Example: mivactl compose waterfall:0.5 clouds:0.5 -o river.toml --photo photo.jpg

    The cosine says how two adapters push an attention layer: the same way (1),
    without touching each other (0), or against each other (-1). With a photo, a
    grid of clips at several weights is written beside the preset.

    A preset has plain builds, unless `--masked` or a mask asks for masked ones:
    `animate` then looks for their subjects in each photo.
    """
    from mivactl.operations.compose import ComposeOptions
    from mivactl.operations.compose import compose as compose_adapters
    from mivactl.operations.composition import Wanted

    options = ComposeOptions(
        wanted=Wanted(refs=references(adapters), base=base, blend=blend, yes=yes, project=Path(), locked=locked),
        output=out,
        masked=masked,
        masks=mask_files(mask),
        photo=photo,
        choices=run_choices(seed=seed, steps=steps, frames=frames),
        force=force,
        compiled=compiled,
    )
    done = compose_adapters(options, run.session, progress=run.progress)
    if done.note:
        run.console.warn(done.note)
    run.console.note(f"base {done.preset.base}: {done.reason}")
    for note in done.notes:
        run.console.note(note)
    for label in (str(name).removeprefix("miva/") for name in done.masked):
        run.console.note(f"{label} is masked: a photo must show its subject, or `--mask {label}=FILE` says where it is")

    def show() -> None:
        run.console.line(str(done.output))
        if done.grid is not None:
            run.console.line(str(done.grid))
        if done.summary:
            rows = [
                (
                    f"{one.first} and {one.second}",
                    one.kind,
                    str(one.sites),
                    str(one.conflicts),
                    f"{one.mean:+.2f}",
                    f"{one.lowest:+.2f}",
                )
                for one in done.summary
            ]
            run.console.table(_SUMMARY, rows)
        if done.conflicts:
            worst = done.conflicts[:_SHOWN_CONFLICTS]
            run.console.table(
                _SITES, [(one.site, f"{one.first} and {one.second}", f"{one.cosine:+.2f}") for one in worst]
            )
        run.console.note(f"next: mivactl animate photo.jpg --preset {done.output}")

    data = {
        "output": done.output,
        "preset": done.preset.plain(),
        "summary": done.summary,
        "conflicts": done.conflicts,
        "cosines": done.cosines,
        "grid": done.grid,
        "masked": done.masked,
        "notes": done.notes,
    }
    run.answer(data, show)
