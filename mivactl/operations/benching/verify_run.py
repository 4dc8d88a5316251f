"""Make clips of a run again from their receipts, and score all of it again."""

from __future__ import annotations

import csv
import random
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from mivactl.engine_bridge import SilentProgress, clip_place, finish_run, read_run
from mivactl.operations.benching.suite import WEIGHTS_FOLDER
from mivactl.operations.replay import ReplayOptions, replay, require_receipt
from registry_schema.errors import NotFound

if TYPE_CHECKING:
    from mivactl.engine_bridge import BenchCase, BenchRun, Progress
    from mivactl.session import Session

SEED: Final = 7
TABLE: Final = "scores.csv"


@dataclass(frozen=True)
class VerifiedClip:
    """A clip that was made again: `same` bit for bit, `close` to the eye, or `different`."""

    case: str
    method: str
    verdict: str
    psnr: float


@dataclass(frozen=True)
class VerifiedRun:
    """Clips that were made again, how many could be, and lines of the table that came out otherwise."""

    clips: tuple[VerifiedClip, ...]
    remakeable: int
    scored: int
    differing: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Whether all of it came out as it was."""
        return not self.differing and all(clip.verdict != "different" for clip in self.clips)


def verify_run(
    folder: Path, session: Session, *, most: int | None = None, progress: Progress | None = None
) -> VerifiedRun:
    """Verify a run.

    Args:
        folder: of the run.
        session: finds adapters and bases.
        most: clips that are made again, picked by a fixed seed; None makes all.
        progress: told about every clip.

    Raises:
        NotFound: no run, or one that was not finished.
        MivaError: what `replay` raises.
    """
    progress = progress or SilentProgress()
    run = read_run(folder)
    before = _lines(folder)
    remakeable = [
        (case, method.name)
        for case in run.cases
        for method in run.methods
        if method.has_adapters and clip_place(folder, case.name, method.name).is_file()
    ]
    chosen = remakeable if most is None else random.Random(SEED).sample(remakeable, min(most, len(remakeable)))  # noqa: S311 - a sample
    clips = []
    with progress.phase("clips again", len(chosen)) as phase:
        for case, method in chosen:
            again = replay(_again(case, method, folder), session)
            clips.append(VerifiedClip(case.name, method, again.verdict, again.psnr))
            phase.advance()
    differing = _scored_again(run, folder, before, session, progress)
    return VerifiedRun(tuple(clips), len(remakeable), len(before), differing)


def _again(case: BenchCase, method: str, folder: Path) -> ReplayOptions:
    """A clip of ours, its photo, and the case's mask for the adapters that had it."""
    clip = clip_place(folder, case.name, method)
    settings, masks = require_receipt(clip).settings.masks, {}
    if settings is not None and case.mask is not None:
        masks = {record.adapter: folder / case.mask for record in settings.given}
    return ReplayOptions(clip=clip, photo=folder / case.photo, masks=masks)


def _scored_again(
    run: BenchRun, folder: Path, before: dict[tuple[str, str], dict[str, str]], session: Session, progress: Progress
) -> tuple[str, ...]:
    """Score everything afresh in another folder, and name the numbers that differ."""
    weights = session.settings.home / WEIGHTS_FOLDER
    with TemporaryDirectory(prefix="mivactl-verify-") as scratch:
        fresh = Path(scratch)
        for name in ("clips", "photos"):
            (fresh / name).symlink_to((folder / name).resolve(), target_is_directory=True)
        finish_run(run, fresh, weights if weights.is_dir() else None, progress=progress)
        after = _lines(fresh)
    differing = [f"{case} by {method}: no longer scored" for case, method in sorted(before.keys() - after.keys())]
    for (case, method), line in sorted(before.items()):
        differing += [
            f"{case} by {method}: {name} was {value or 'nothing'}, is {after[case, method].get(name) or 'nothing'}"
            for name, value in line.items()
            if (case, method) in after and after[case, method].get(name) != value
        ]
    return tuple(differing)


def _lines(folder: Path) -> dict[tuple[str, str], dict[str, str]]:
    try:
        with (folder / TABLE).open(newline="", encoding="utf-8") as file:
            return {(line["case"], line["method"]): line for line in csv.DictReader(file)}
    except FileNotFoundError as error:
        raise NotFound(f"`{folder}` has no `{TABLE}`: the run was not finished", hint="run the suite again") from error
