"""`mivactl import`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from mivactl.cli.composition_options import one_of
from mivactl.cli.options import BaseOption
from mivactl.cli.run import Run

if TYPE_CHECKING:
    from mivactl.operations.import_adapter import Combine


def import_(  # noqa: PLR0913 - one parameter for each option
    run: Run,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="`adapter.pt`, `combined.pt`, a `.ckpt` or safetensors.")
    ],
    *,
    name: Annotated[str, typer.Option("--name", metavar="NS/NAME", help="The name to publish under.")],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="The folder for the draft.")],
    base: BaseOption = None,
    motion: Annotated[
        str | None, typer.Option("--motion", metavar="WORDS", help="The motion in words; from the name if left out.")
    ] = None,
    temperature: Annotated[
        float, typer.Option("--temperature", metavar="T", help="Of the reference weights: `adaptive_T` in config.yaml.")
    ] = 0.2,
    combine: Annotated[
        str, typer.Option("--combine", metavar="joint|separate", help="One softmax over both references, or two.")
    ] = "joint",
    lora_alpha: Annotated[
        float | None,
        typer.Option("--lora-alpha", metavar="A", help="LoRA acts at A/rank; 1 for AnimateDiff, the rank for Wan."),
    ] = None,
    motion_lora: Annotated[
        bool, typer.Option("--motion-lora", help="The file is a motion LoRA of diffusers or AnimateDiff.")
    ] = False,
) -> None:
    """Make a draft of a checkpoint of the paper's authors, or of a motion LoRA.

    Example: mivactl import adapter.pt --base animatediff-v3 --name my/rain -o my-rain

    A pickle is read in a process of its own, as numbers only, without network.
    Every tensor is bound, compared with the base or known to be unused; anything
    else is an error. What the file does not say is assumed, and printed.
    """
    from mivactl.operations.import_adapter import ImportOptions, import_file

    options = ImportOptions(
        file=file,
        name=name,
        output=out,
        base=base,
        motion=motion,
        temperature=temperature,
        combine=cast("Combine", one_of("--combine", combine, ("separate", "joint"))),
        lora_alpha=lora_alpha,
        motion_lora=motion_lora,
    )
    done = import_file(options, run.session)
    for note in done.notes:
        run.console.note(note)

    def show() -> None:
        run.console.line(str(done.folder))
        step = "" if done.step is None else f", saved at step {done.step}"
        run.console.note(f"{done.tensors} tensors, all accounted for{step}")
        run.console.note(f"next: look at `{done.folder / 'release.toml'}` (whose work is it?), then")
        run.console.note(f"  mivactl publish {done.folder}")

    data = {
        "folder": done.folder,
        "tensors": done.tensors,
        "step": done.step,
        "notes": done.notes,
        "spec": done.spec.plain(),
    }
    run.answer(data, show)
