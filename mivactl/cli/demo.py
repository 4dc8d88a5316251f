"""`mivactl demo`."""

from pathlib import Path
from typing import Annotated

import typer

from mivactl.cli.animate import clip_data, tell_moved
from mivactl.cli.run import Run


def demo(
    run: Run,
    *,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="The folder for picture and clip.")] = Path(),
    verify: Annotated[bool, typer.Option("--verify", help="Compare with the result that came with mivactl.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a `demo.mp4` that mivactl did not write.")] = False,
    store: Annotated[bool, typer.Option("--store-expected", hidden=True)] = False,
) -> None:
    """Draw a picture with a waterfall and clouds, and make both move; needs no network.

    Example: mivactl demo --verify
    """
    from mivactl.operations.demo import ADAPTERS, store_expected
    from mivactl.operations.demo import demo as run_demo

    if store:
        store_expected(run.session, progress=run.progress)
        run.answer({}, lambda: None)
        return
    done = run_demo(
        out, run.session, verify=verify, force=force, progress=run.progress, done=lambda result: tell_moved(run, result)
    )
    verification = done.verification

    def show() -> None:
        run.console.line(str(done.picture))
        run.console.line(str(done.clip))
        if verification is not None:
            distance = "" if verification.verdict == "same" else f": PSNR {verification.psnr:.1f} dB"
            run.console.line(f"{verification.verdict}{distance}")
        uses = " ".join(f"--use {adapter}" for adapter in ADAPTERS)
        run.console.note(f"next, with a photo of yours: mivactl animate photo.jpg {uses}")

    data = {
        "picture": done.picture,
        "clip": clip_data(done.result),
        "verdict": None if verification is None else verification.verdict,
        "psnr": None if verification is None or verification.verdict == "same" else round(verification.psnr, 2),
    }
    if verification is None or verification.verdict != "different":
        run.answer(data, show)
        return
    from registry_schema.errors import MivaError

    error = MivaError("the demo differs from the stored result", hint="run it again with `--json` and tell us")
    run.answer_partly(data, show, error)
