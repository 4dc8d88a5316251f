"""`mivactl replay`."""

from pathlib import Path
from typing import Annotated

import typer

from mivactl.cli.animate import clip_data
from mivactl.cli.composition_options import MaskOption, YesOption, mask_files
from mivactl.cli.run import Run


def replay(  # noqa: PLR0913 - one parameter for each option
    run: Run,
    clip: Annotated[Path, typer.Argument(metavar="CLIP", help="A clip that mivactl wrote.")],
    *,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE", help="Keep the new clip here; only compared if left out."),
    ] = None,
    photo: Annotated[
        Path | None,
        typer.Option("--photo", metavar="FILE", help="The photo, if it lies neither beside the clip nor here."),
    ] = None,
    yes: YesOption = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that mivactl did not write.")] = False,
    mask: MaskOption = None,
) -> None:
    """Render a clip again from the receipt inside it, and compare.

    Example: mivactl replay clip.mp4

    Prints `same` (the base's frames are equal bit for bit), `close` (no visible
    difference), or `different` with exit code 1. On another kind of device or
    with another version of torch, `close` is what can be had.
    """
    from mivactl.operations.replay import ReplayOptions
    from mivactl.operations.replay import replay as replay_clip

    options = ReplayOptions(clip=clip, output=out, photo=photo, yes=yes, force=force, masks=mask_files(mask))
    done = replay_clip(options, run.session, progress=run.progress)
    infinite = done.psnr == float("inf")

    def show() -> None:
        distance = "every frame equal" if infinite else f"PSNR {done.psnr:.1f} dB, worst frame {done.worst_psnr:.1f} dB"
        run.console.line(f"{done.verdict}: {distance}")
        if done.output is not None:
            run.console.line(str(done.output))
        if done.changed:
            run.console.note(f"not as it was: {', '.join(done.changed)}")

    data = {
        "verdict": done.verdict,
        "psnr": None if infinite else round(done.psnr, 2),
        "worst_psnr": None if infinite else round(done.worst_psnr, 2),
        "photo": done.photo,
        "changed": done.changed,
        "clip": clip_data(done.result),
    }
    if done.verdict != "different":
        run.answer(data, show)
        return
    from registry_schema.errors import MivaError

    hint = "other versions or another device can do that" if done.changed else "tell us: it should not happen"
    run.answer_partly(data, show, MivaError(f"the new clip differs from `{clip}`", hint=hint))
