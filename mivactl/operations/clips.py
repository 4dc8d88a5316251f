"""Examine a folder of clips as training would, before it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mivactl.disk import disk_errors
from mivactl.engine_bridge import ClipsRequest, SilentProgress, examine_clips, training_recipe
from mivactl.operations.train import recipe_file
from registry_schema.errors import MivaError

if TYPE_CHECKING:
    from pathlib import Path

    from mivactl.engine_bridge import ClipsResult, Progress
    from mivactl.session import Session


@dataclass(frozen=True, kw_only=True)
class ClipsOptions:
    """What is examined, and for which training.

    Attributes:
        clips: a folder of clips.
        base: a base's name or folder; None takes the settings' one. Its weights need not be here.
        recipe: a TOML file.
        sets: `section.key=value`, over everything else.
        sheet: a picture file for the contact sheet.
    """

    clips: Path
    base: str | None = None
    recipe: Path | None = None
    sets: tuple[str, ...] = ()
    sheet: Path | None = None


class BadClips(MivaError):
    """Clips that can not be used, or are doubtful where that was asked to count."""

    code = "bad-clips"


def examine(options: ClipsOptions, session: Session, *, progress: Progress | None = None) -> ClipsResult:
    """A verdict on each clip.

    Raises:
        NotFound: no such folder, nothing in it, or an unknown base.
        UsageProblem: a recipe that will not do, or a sheet that can not be written.
    """
    base = session.base(options.base or session.settings.base)
    recipe = training_recipe(base.spec, recipe_file(options.recipe), {}, options.sets)
    request = ClipsRequest(clips=options.clips, shape=base.spec.clip, recipe=recipe, sheet=options.sheet)
    with disk_errors(options.sheet or options.clips):
        return examine_clips(request, progress or SilentProgress())


def require_good(result: ClipsResult, *, strict: bool) -> None:
    """Raise what was found.

    Raises:
        BadClips: a clip can not be used; with `strict`, or is doubtful.
    """
    total = len(result.verdicts)
    unusable = [verdict for verdict in result.verdicts if verdict.verdict == "unusable"]
    doubtful = [verdict for verdict in result.verdicts if verdict.verdict == "doubtful"]
    bad = unusable + doubtful if strict else unusable
    if bad:
        how = "can not be used or are doubtful" if strict else "can not be used"
        raise BadClips(
            f"{len(bad)} of {total} clips {how}: {', '.join(f'`{verdict.path.name}`' for verdict in bad)}",
            hint="a remedy stands beside each; `mivactl train --leave-out unusable` trains without the unusable ones",
        )
