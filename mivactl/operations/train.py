"""Train an adapter from a folder of clips: recipe, base, and a draft that can be published."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, get_args

from mivactl.bases import require_weights
from mivactl.disk import disk_errors
from mivactl.engine_bridge import SilentProgress, Tracker, TrainRequest, plan, run_on_devices, train, training_recipe
from mivactl.operations.draft_preview import preview_draft
from registry_schema.errors import NotFound, UsageProblem
from registry_schema.names import AdapterName
from registry_schema.text import Line

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mivactl.bases import KnownBase
    from mivactl.engine_bridge import Progress, TrainingPlan, TrainRecipe, TrainResult
    from mivactl.session import Session
    from registry_schema.base_spec import BaseSpec

NOT_STATED: Final = "not stated"
MOST_GPUS: Final = 64
_STEPS_KEY: Final = "optimiser.steps"


@dataclass(frozen=True, kw_only=True)
class TrainOptions:
    """What is trained, on what, and how.

    Attributes:
        clips: a folder of clips of one motion.
        name: to publish under, `my/motion`.
        output: the folder for the draft.
        base: a base's name or folder; None takes the settings' one.
        recipe: a TOML file.
        sets: `section.key=value`, over everything else.
        motion: the motion in words; the name's last part if it is said nowhere.
        steps: over the recipe's.
        footage: in words, whose clips these are.
        leave_out: what clips may be left out for, over the recipe's: `unusable`, or kinds of findings.
        resume: go on with the run in `output`.
        vram: GiB of a graphics card to do with, or `auto`.
        compiled: compile the base.
        masked: train a mask stream, too.
        deterministic: refuse kernels whose result depends on timing.
        photos: to preview on.
        trackers: who else is told.
        gpus: devices to train on.
    """

    clips: Path
    name: str
    output: Path
    base: str | None = None
    recipe: Path | None = None
    sets: tuple[str, ...] = ()
    motion: str | None = None
    steps: int | None = None
    footage: str = NOT_STATED
    leave_out: tuple[str, ...] = ()
    resume: bool = False
    vram: str = "auto"
    compiled: bool = False
    masked: bool = False
    deterministic: bool = False
    photos: tuple[Path, ...] = ()
    trackers: tuple[Tracker, ...] = ()
    gpus: int = 1

    @property
    def says_steps(self) -> bool:
        """Whether a person said how many steps to take, on however many devices."""
        keys = {assignment.partition("=")[0].strip() for assignment in self.sets}
        return self.steps is not None or _STEPS_KEY in keys


def train_adapter(options: TrainOptions, session: Session, *, progress: Progress | None = None) -> TrainResult:
    """The trained adapter as a draft in `options.output`, with a preview.

    Raises:
        UsageProblem, NotFound: options, a recipe, or clips that can not be used.
        Busy: the folder holds a run, and `resume` is off.
        Interrupted: Ctrl-C; the state is saved.
    """
    request, base = _request(options, session)
    progress = progress or SilentProgress()
    with disk_errors(options.output):
        options.output.mkdir(parents=True, exist_ok=True)
        done = train(request, progress)
        if done.is_first and done.preview is not None:
            preview_draft(options.output, done.preview, base, session, progress=progress)
    return done


def plan_adapter(options: TrainOptions, session: Session, *, progress: Progress | None = None) -> TrainingPlan:
    """What `train_adapter` would cost, from a few real steps; `options.output` is not touched.

    Raises:
        UsageProblem, NotFound, ResourceProblem: as the training would.
    """
    request, _ = _request(options, session)
    return plan(request, progress or SilentProgress())


def trains_elsewhere(gpus: int) -> bool:
    """Whether this process should only start those that train.

    Raises:
        UsageProblem: a number of devices that can not be.
    """
    if not 1 <= gpus <= MOST_GPUS:
        raise UsageProblem(f"`--gpus` is `{gpus}`, expected 1 to {MOST_GPUS}", hint="pass `--gpus 2`")
    started = int(os.environ.get("WORLD_SIZE", "1"))
    if started > 1 and gpus not in {1, started}:
        raise UsageProblem(
            f"`--gpus` is `{gpus}`, the launcher started {started} processes",
            hint="leave out `--gpus` under `torchrun`",
        )
    return gpus > 1 and started == 1


def start_on_devices(arguments: Sequence[str], gpus: int) -> int:
    """Run this same command once for each device, as `torchrun` would; says the exit code.

    Raises:
        UsageProblem: this machine has fewer graphics cards.
    """
    return run_on_devices("mivactl", arguments, gpus)


def known_trackers(names: Sequence[str]) -> tuple[Tracker, ...]:
    """The trackers of these names.

    Raises:
        UsageProblem: there is no such tracker.
    """
    known: tuple[Tracker, ...] = get_args(Tracker)
    for name in names:
        if name not in known:
            listed = ", ".join(f"`{one}`" for one in known)
            raise UsageProblem(f"`--log` is `{name}`, expected one of {listed}", hint="pass `--log tensorboard`")
    return tuple(one for one in known if one in names)


def _request(options: TrainOptions, session: Session) -> tuple[TrainRequest, KnownBase]:
    if not options.clips.is_dir():
        hint = "give a folder with about ten short clips of one motion"
        raise NotFound(f"no folder `{options.clips}`", hint=hint)
    if (complaint := Line(200).complaint(options.footage)) is not None:
        raise UsageProblem(f"`--footage` {complaint}", hint="say whose clips these are in one line")
    for photo in options.photos:
        if not photo.is_file():
            raise NotFound(f"no photo `{photo}`", hint="leave out `--preview` to take pictures of the clips")
    name = AdapterName(options.name)
    base = session.base(options.base or session.settings.base)
    require_weights(base)
    request = TrainRequest(
        clips=options.clips,
        base=base.folder,
        recipe=_recipe(options, name, base.spec),
        name=name,
        output=options.output,
        footage=options.footage,
        resume=options.resume,
        memory=options.vram,
        compiled=options.compiled,
        photos=options.photos,
        trackers=options.trackers,
        keep_steps=options.says_steps,
        gpus=options.gpus,
    )
    return request, base


def _recipe(options: TrainOptions, name: AdapterName, base: BaseSpec) -> TrainRecipe:
    overrides: dict[str, Any] = {}
    if options.motion is not None:
        overrides["adapter"] = {"motion": options.motion}
    if options.steps is not None:
        overrides["optimiser"] = {"steps": options.steps}
    if options.leave_out:
        overrides["clips"] = {"leave_out": options.leave_out}
    if options.deterministic:
        overrides["run"] = {"deterministic": True}
    file = recipe_file(options.recipe)
    recipe = training_recipe(base, file, overrides, options.sets, masked=options.masked)
    if recipe.adapter.motion:
        return recipe
    words = name.name.replace("-", " ")
    overrides["adapter"] = {"motion": words}
    return training_recipe(base, file, overrides, options.sets, masked=options.masked)


def recipe_file(path: Path | None) -> bytes | None:
    """The bytes of a recipe; none for no file.

    Raises:
        NotFound, UsageProblem: it is not there, or can not be read.
    """
    if path is None:
        return None
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise NotFound(f"no recipe `{path}`", hint="leave out `--recipe` to take the base's own") from error
    except OSError as error:
        raise UsageProblem(f"cannot read recipe `{path}`: {error.strerror}", hint="look at its permissions") from error
