"""`mivactl animate`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mivactl.cli.composition_options import (
    DEVICES,
    MASK_DECODERS,
    VRAM,
    BlendOption,
    CompileOption,
    DeviceOption,
    FitOption,
    FpsOption,
    FramesOption,
    FromLatentsOption,
    LockedOption,
    LoopOption,
    MaskDecoderOption,
    MaskOption,
    MaskStepsOption,
    MatchOption,
    NoMaskOption,
    PresetOption,
    SamplerOption,
    SaveMasksOption,
    SeedOption,
    SizeOption,
    StartNoiseOption,
    StepsOption,
    UseOption,
    VramOption,
    YesOption,
    mask_files,
    one_of,
    references,
)
from mivactl.cli.options import BaseOption
from mivactl.cli.run import Run

if TYPE_CHECKING:
    from mivactl.engine_bridge import AnimateResult, MovedShare
    from mivactl.operations.animate import Animation, AnimationPlan, FailedPhoto, Prepared


def animate(  # noqa: PLR0913 - one parameter for each option
    run: Run,
    photos: Annotated[
        list[str], typer.Argument(metavar="PHOTO...", help="Photos, folders of photos, or patterns like `*.jpg`.")
    ],
    *,
    use: UseOption = None,
    preset: PresetOption = None,
    base: BaseOption = None,
    out: Annotated[
        list[str] | None,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE|DIR",
            help="A file (`.mp4`, `.webm`, `.gif`, `.webp`, `.apng`), a folder for files of the default name "
            "`PHOTO-ADAPTERS.mp4` (`clips/`), or a new name without a suffix for PNG frames; repeat it for several.",
        ),
    ] = None,
    plan: Annotated[bool, typer.Option("--plan", help="Say what would be done, and do nothing.")] = False,
    yes: YesOption = False,
    locked: LockedOption = False,
    force: Annotated[
        bool, typer.Option("--force", help="Replace files of others, and render finished clips again.")
    ] = False,
    blend: BlendOption = False,
    seed: SeedOption = None,
    steps: StepsOption = None,
    frames: FramesOption = None,
    sampler: SamplerOption = None,
    start_noise: StartNoiseOption = None,
    match_first_frame: MatchOption = None,
    size: SizeOption = "photo",
    fit: FitOption = "crop",
    fps: FpsOption = None,
    loop: LoopOption = "none",
    device: DeviceOption = "auto",
    vram: VramOption = "auto",
    compiled: CompileOption = False,
    from_latents: FromLatentsOption = None,
    mask: MaskOption = None,
    no_mask: NoMaskOption = False,
    mask_steps: MaskStepsOption = None,
    mask_decoder: MaskDecoderOption = None,
    save_masks: SaveMasksOption = False,
) -> None:
    """Make photos move.

    Example: mivactl animate photo.jpg --use waterfall:0.5 --use clouds:0.5

    Versions and base come from `miva.lock` in the current folder, if there is one.

    A clip that mivactl wrote before is replaced; any other file is not, without
    `--force`. Of several photos, those whose clip is there already, made the same
    way, are not rendered again, and one that fails does not stop the others: the
    failures are listed at the end, and the exit code is 1.

    Ctrl-C keeps what there is as `*.partial.mp4`. When only decoding or writing
    failed, the error names the command that goes on from there.
    """
    from mivactl.operations.animate import AnimateOptions, animate_photos, plan_animation
    from mivactl.operations.composition import Wanted

    options = AnimateOptions(
        photos=tuple(photos),
        outputs=tuple(out or ()),
        wanted=Wanted(
            refs=references(use), preset=preset, base=base, blend=blend, yes=yes, project=Path(), locked=locked
        ),
        choices=run_choices(
            seed=seed,
            steps=steps,
            frames=frames,
            fps=fps,
            sampler=sampler,
            start_noise=start_noise,
            match_first_frame=match_first_frame,
            size=size,
            fit=one_of("--fit", fit, ("crop", "pad", "stretch")),
            loop=one_of("--loop", loop, ("none", "pingpong")),
            device=one_of("--device", device, DEVICES),
            mask_steps=mask_steps,
            mask_decoder=None if mask_decoder is None else one_of("--mask-decoder", mask_decoder, MASK_DECODERS),
        ),
        force=force,
        vram=one_of("--vram", vram, VRAM),
        compiled=compiled,
        from_latents=from_latents,
        command=run.command_line,
        masks=mask_files(mask, refused=no_mask),
        no_mask=no_mask,
        save_masks=save_masks,
    )
    if plan:
        _show_plan(run, plan_animation(options, run.session))
        return
    done = animate_photos(options, run.session, progress=run.progress, done=lambda result: tell_moved(run, result))
    _show(run, done)


def run_choices(**values: Any) -> Any:  # noqa: ANN401 - `RunChoices`, loaded when it is needed
    """The choices of a run from its options; those left out keep their defaults."""
    from mivactl.engine_bridge import RunChoices

    return RunChoices(**{name: value for name, value in values.items() if value is not None})


def tell_moved(run: Run, result: "AnimateResult") -> None:
    """One line for each adapter: the share of the picture it moved; a warning when that is nothing."""
    for note in result.notes:
        run.console.note(f"{result.photo.name}: {note}")
    for moved in result.moved:
        if moved.nothing:
            run.console.warn(
                f"{moved.adapter} at weight {moved.weight:.4g} moved nothing in {result.photo.name}: "
                f"is its subject in the picture? try {_stronger(moved)}"
            )
        else:
            run.console.note(f"{moved.adapter} at weight {moved.weight:.4g} moved {moved.share:.0%} of the picture")


def _stronger(moved: "MovedShare") -> str:
    return f"`--use {moved.adapter}:1`" if moved.weight < 1 else "a higher weight"


def clip_data(result: "AnimateResult") -> dict[str, object]:
    """One clip for `--json`."""
    return {
        "photo": result.photo,
        "outputs": result.outputs,
        "moved": result.moved,
        "notes": result.notes,
        "seconds": result.seconds,
        "masks": result.mask_files,
        "receipt": result.receipt.plain(),
    }


def _show(run: Run, done: "Animation") -> None:
    data = {
        "base": done.base,
        "reason": done.reason,
        "clips": [clip_data(result) for result in done.made],
        "kept": done.kept,
        "failed": [_failure_data(failed) for failed in done.failed],
    }

    def show() -> None:
        for result in done.made:
            for path in (*result.outputs, *result.mask_files):
                run.console.line(str(path))
        for job in done.kept:
            run.console.note(f"{job.photo}: its clip is there already (`--force` renders it again)")

    if not done.failed:
        run.answer(data, show)
        return
    from registry_schema.errors import MivaError

    total = len(done.made) + len(done.kept) + len(done.failed)
    listed = "; ".join(failed.error.message for failed in done.failed)
    error = MivaError(
        f"{len(done.failed)} of {total} photos failed: {listed}", hint="run it again: finished clips are kept"
    )
    run.answer_partly(data, show, error)


def _failure_data(failed: "FailedPhoto") -> dict[str, object]:
    error = failed.error
    return {"photo": failed.photo, "code": error.code, "message": error.message, "hint": error.hint}


def _show_plan(run: Run, plan: "AnimationPlan") -> None:
    prepared = plan.prepared
    chosen, settings = prepared.composed.chosen, prepared.settings
    clip = settings.clip
    adapters = [
        {
            "name": build.manifest.name,
            "version": str(build.manifest.version),
            "weight": weight,
            "fit": build.note or "ok",
        }
        for build, weight in zip(chosen.builds, prepared.composed.weights, strict=True)
    ]

    def show() -> None:
        for note in prepared.notes[1:]:
            run.console.note(note)
        words = "" if plan.estimate.measured else ", a first guess: no run on this machine so far"
        pairs = [
            ("base", f"{chosen.base.spec.name}: {chosen.reason}"),
            *(("adapter", f"{entry['name']} {entry['version']} at weight {entry['weight']:.4g}") for entry in adapters),
            ("to install", ", ".join(plan.missing)),
            ("sampling", f"{settings.steps} steps of {settings.sampler}, seed {settings.seed}"),
            *mask_facts(prepared),
            ("base clip", f"{clip.frames} frames of {clip.width}x{clip.height}"),
            ("time", f"about {plan.estimate.seconds * len(plan.photos):.0f} s{words}"),
        ]
        run.console.facts(pairs)
        for photo in plan.photos:
            outputs = ", ".join(map(str, photo.outputs))
            if photo.problem is not None:
                run.console.warn(photo.problem.message)
            elif photo.photo_size and photo.clip_size:
                run.console.line(f"{photo.photo} ({_by(photo.photo_size)}) -> {outputs} ({_by(photo.clip_size)})")

    data = {
        "base": chosen.base.spec.name,
        "reason": chosen.reason,
        "adapters": adapters,
        "missing": plan.missing,
        "settings": settings.plain(),
        "seconds": plan.estimate.seconds * len(plan.photos),
        "seconds_measured": plan.estimate.measured,
        "photos": [
            {
                "photo": photo.photo,
                "outputs": photo.outputs,
                "photo_size": photo.photo_size,
                "clip_size": photo.clip_size,
                "problem": photo.problem.message if photo.problem else None,
            }
            for photo in plan.photos
        ],
    }
    run.answer(data, show)


def mask_facts(prepared: "Prepared") -> list[tuple[str, str]]:
    """How many steps predict masks, and what share that adds: each such step computes one more stream for each mask."""
    settings, masks = prepared.settings, prepared.masks
    if settings.masks is None or masks == 0:
        return []
    count = min(settings.masks.evaluations, settings.steps)
    noun = "mask" if masks == 1 else "masks"
    share = count * masks / settings.steps
    return [("masks", f"{count} of {settings.steps} steps predict {masks} {noun}: about {share:.0%} more to compute")]


def _by(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"
