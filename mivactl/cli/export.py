"""`mivactl export`."""

from pathlib import Path
from typing import Annotated

import typer

from mivactl.cli.options import BaseOption
from mivactl.cli.run import Run


def export(
    run: Run,
    adapter: Annotated[str, typer.Argument(metavar="REF|DIR", help="An adapter, or the folder of a draft.")],
    *,
    motion_lora: Annotated[
        Path, typer.Option("--motion-lora", metavar="FILE", help="Write its temporal part as a motion LoRA.")
    ],
    base: BaseOption = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
) -> None:
    """Give an adapter to other software.

    Example: mivactl export waterfall --motion-lora waterfall.safetensors

    The file is for `pipe.load_lora_weights` of diffusers. It holds how things
    move; looking at the photo and the implicit prompt have no place in it.
    """
    from mivactl.operations.export_motion_lora import export_as_motion_lora

    done = export_as_motion_lora(adapter, motion_lora, run.session, base=base, force=force, progress=run.progress)

    def show() -> None:
        run.console.line(str(done.file))
        run.console.note(
            f"{done.tensors} tensors of rank {done.rank}; {done.left_behind} have no place in a motion LoRA"
        )
        for note in done.notes:
            run.console.note(note)

    run.answer({"export": done}, show)
