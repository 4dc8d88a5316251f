"""`mivactl train`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mivactl.cli import words
from mivactl.cli.composition_options import VRAM, CompileOption, VramOption, one_of
from mivactl.cli.options import BaseOption
from mivactl.cli.run import Run

if TYPE_CHECKING:
    from mivactl.engine_bridge import TrainingPlan, TrainResult

_HOW = "How it learns"
_WATCHED = "What is seen of it"
_MACHINE = "This machine"


def train(  # noqa: PLR0913 - one parameter for each option
    run: Run,
    clips: Annotated[
        Path, typer.Argument(metavar="CLIPS", help="A folder of mp4, gif, webp or webm files, or folders of frames.")
    ],
    *,
    name: Annotated[str, typer.Option("--name", metavar="NS/NAME", help="The name to publish under.")],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="The folder for the draft.")],
    plan: Annotated[
        bool, typer.Option("--plan", help="Say what it would cost, from a few real steps, and train nothing.")
    ] = False,
    base: BaseOption = None,
    motion: Annotated[
        str | None, typer.Option("--motion", metavar="WORDS", help="The motion in words; from the name if left out.")
    ] = None,
    footage: Annotated[
        str | None, typer.Option("--footage", metavar="TEXT", help="Whose clips these are; it is published.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in DIR.")] = False,
    steps: Annotated[
        int | None, typer.Option("--steps", metavar="N", help="Training steps.", rich_help_panel=_HOW)
    ] = None,
    recipe: Annotated[
        Path | None,
        typer.Option(
            "--recipe", metavar="FILE", help="A recipe; what it leaves out is the base's own.", rich_help_panel=_HOW
        ),
    ] = None,
    sets: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="One value of the recipe, `optimiser.learning_rate=1e-4`.",
            rich_help_panel=_HOW,
        ),
    ] = None,
    leave_out: Annotated[
        list[str] | None,
        typer.Option(
            "--leave-out",
            metavar="KIND",
            help="Leave out clips with this: `unusable`, or a kind of `mivactl clips`.",
            rich_help_panel=_HOW,
        ),
    ] = None,
    masked: Annotated[
        bool,
        typer.Option(
            "--masked",
            help="Train a mask stream, too, from clips with masks beside them.",
            rich_help_panel=_HOW,
        ),
    ] = False,
    deterministic: Annotated[
        bool,
        typer.Option(
            "--deterministic",
            help="Refuse kernels whose result depends on timing; slower on graphics cards.",
            rich_help_panel=_HOW,
        ),
    ] = False,
    previews: Annotated[
        list[Path] | None,
        typer.Option(
            "--preview",
            metavar="PHOTO",
            help="A photo to try it on while it learns; repeat it for several. Pictures of the clips if left out.",
            rich_help_panel=_WATCHED,
        ),
    ] = None,
    log: Annotated[
        list[str] | None,
        typer.Option(
            "--log",
            metavar="tensorboard|trackio|wandb",
            help="Tell these too; `run/log.jsonl` is always written.",
            rich_help_panel=_WATCHED,
        ),
    ] = None,
    gpus: Annotated[
        int, typer.Option("--gpus", metavar="N", help="Train on N graphics cards.", rich_help_panel=_MACHINE)
    ] = 1,
    vram: VramOption = "auto",
    compiled: CompileOption = False,
) -> None:
    """Train an adapter from about ten clips of one motion.

    Example: mivactl train clips/ --base nano --name my/waterfall -o my-waterfall

    `--plan` says first what it takes: memory, steps and hours. Ctrl-C saves the
    state after the step; the same command with `--resume` goes on from there,
    to the same weights as an unbroken run. `DIR/report.html` shows what was
    learned when, and why these weights were kept.
    """
    from mivactl.operations.train import (
        NOT_STATED,
        TrainOptions,
        known_trackers,
        plan_adapter,
        start_on_devices,
        train_adapter,
        trains_elsewhere,
    )

    elsewhere = trains_elsewhere(gpus)
    options = TrainOptions(
        clips=clips,
        name=name,
        output=out,
        base=base,
        recipe=recipe,
        sets=tuple(sets or ()),
        motion=motion,
        steps=steps,
        footage=NOT_STATED if footage is None else footage,
        leave_out=tuple(leave_out or ()),
        resume=resume,
        vram=one_of("--vram", vram, VRAM),
        compiled=compiled,
        masked=masked,
        deterministic=deterministic,
        photos=tuple(previews or ()),
        trackers=known_trackers(log or []),
        gpus=gpus,
    )
    if plan:
        planned = plan_adapter(options, run.session, progress=run.progress)
        run.answer({"plan": planned, "seconds": planned.seconds}, lambda: _show_plan(run, planned))
        return
    if elsewhere:
        raise typer.Exit(start_on_devices(run.flags.arguments, gpus))
    done = train_adapter(options, run.session, progress=run.progress)
    if done.is_first:
        run.answer(_data(done), lambda: _show(run, done, name, footage_is_stated=footage is not None))


def _show(run: Run, done: "TrainResult", name: str, *, footage_is_stated: bool) -> None:
    loss = "" if done.final_loss is None else f", last loss {done.final_loss:.4g}"
    apart = f", {done.held_out} more held out," if done.held_out else ""
    run.console.line(str(done.folder))
    run.console.note(
        f"{done.steps} steps on {done.clips} clips{apart} in {done.seconds:.0f} s{loss}"
        + (f", {done.skipped} steps skipped" if done.skipped else "")
    )
    run.console.note(f"weights: {done.choice}; see `{done.folder / 'report.html'}`")
    if not footage_is_stated:
        run.console.warn(
            f"whose clips these are was not stated: write it into `{done.folder / 'training.json'}` before publishing"
        )
    run.console.note(f"next: look at `{done.folder / 'release.toml'}` and `{done.folder / 'README.md'}`, then")
    run.console.note(f"  mivactl publish {done.folder}")
    run.console.note(f"  mivactl animate photo.jpg --use {name} --yes")


def _data(done: "TrainResult") -> dict[str, object]:
    return {
        "folder": done.folder,
        "clips": done.clips,
        "held_out": done.held_out,
        "steps": done.steps,
        "skipped": done.skipped,
        "seconds": done.seconds,
        "final_loss": done.final_loss,
        "chosen_step": done.chosen_step,
        "choice": done.choice,
        "spec": done.spec.plain(),
    }


def _show_plan(run: Run, plan: "TrainingPlan") -> None:
    clip = plan.clip
    apart = sum(one.held_out for one in plan.clips)
    windows = sum(one.windows for one in plan.clips if not one.held_out)
    saving = f", {plan.memory} to save memory" if plan.memory else ""
    samples = "1 sample" if plan.samples == 1 else f"{plan.samples} samples, {plan.batch} at once"
    card = f" of {words.size(plan.card_bytes)}" if plan.card_bytes else ""
    run.console.facts(
        (
            ("base", f"{plan.base}, {plan.dtype} on {plan.device}{saving}"),
            ("clips", f"{len(plan.clips)}" + (f", {apart} of them held out" if apart else "")),
            (
                "windows",
                f"{windows} of {clip.frames} frames of {clip.width}x{clip.height}, "
                f"{clip.frames / clip.fps:.2g} s of a clip each",
            ),
            ("learns", f"{plan.trained:,} numbers"),
            ("steps", f"{plan.steps} of {samples}, {plan.step_seconds:.2f} s each"),
            ("looks", f"{plan.looks}, {plan.look_seconds:.1f} s each" if plan.looks else ""),
            ("encoding", f"{plan.encoding_seconds:.0f} s"),
            ("memory", f"{words.size(plan.peak_bytes)}{card} at most"),
            ("time", words.duration(plan.seconds)),
        )
    )
