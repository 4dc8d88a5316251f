"""Train an adapter from a folder of clips: recipe, base, and a draft that can be published."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mivactl.bases import require_weights
from mivactl.disk import disk_errors
from mivactl.engine_bridge import SilentProgress, TrainRequest, train, training_recipe
from registry_schema.errors import NotFound, UsageProblem
from registry_schema.names import AdapterName

if TYPE_CHECKING:
    from pathlib import Path

    from mivactl.engine_bridge import Progress, TrainRecipe, TrainResult
    from mivactl.session import Session
    from registry_schema.base_spec import BaseSpec

NOT_STATED = "not stated"


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


def train_adapter(options: TrainOptions, session: Session, *, progress: Progress | None = None) -> TrainResult:
    """The trained adapter as a draft in `options.output`.

    Raises:
        UsageProblem, NotFound: options, a recipe, or clips that can not be used.
        Busy: the folder holds a run, and `resume` is off.
        Interrupted: Ctrl-C; the state is saved.
    """
    if not options.clips.is_dir():
        hint = "give a folder with about ten short clips of one motion"
        raise NotFound(f"no folder `{options.clips}`", hint=hint)
    name = AdapterName(options.name)
    base = session.base(options.base or session.settings.base)
    require_weights(base)
    recipe = _recipe(options, name, base.spec)
    with disk_errors(options.output):
        options.output.mkdir(parents=True, exist_ok=True)
    request = TrainRequest(
        clips=options.clips,
        base=base.folder,
        recipe=recipe,
        name=name,
        output=options.output,
        footage=options.footage,
        resume=options.resume,
        memory=options.vram,
        compiled=options.compiled,
    )
    with disk_errors(options.output):
        return train(request, progress or SilentProgress())


def _recipe(options: TrainOptions, name: AdapterName, base: BaseSpec) -> TrainRecipe:
    overrides: dict[str, Any] = {}
    if options.motion is not None:
        overrides["adapter"] = {"motion": options.motion}
    if options.steps is not None:
        overrides["optimiser"] = {"steps": options.steps}
    if options.leave_out:
        overrides["clips"] = {"leave_out": options.leave_out}
    recipe = training_recipe(base, recipe_file(options.recipe), overrides, options.sets)
    if recipe.adapter.motion:
        return recipe
    words = name.name.replace("-", " ")
    return training_recipe(base, recipe_file(options.recipe), {**overrides, "adapter": {"motion": words}}, options.sets)


def recipe_file(path: Path | None) -> bytes | None:
    """The bytes of a recipe; none where there is none.

    Raises:
        NotFound, UsageProblem: no such file, or one that can not be read.
    """
    if path is None:
        return None
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise NotFound(f"no recipe `{path}`", hint="leave out `--recipe` to take the base's own") from error
    except OSError as error:
        raise UsageProblem(f"cannot read recipe `{path}`: {error.strerror}", hint="look at its permissions") from error
