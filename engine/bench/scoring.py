"""Scores of every clip of a run, each kept beside it, so that an interrupted run goes on where it was."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from engine.bench.equal_footing import Footing, equalled, fitted
from engine.bench.run_file import SCORES, clip_place
from engine.metrics.catalog import all_metrics
from engine.metrics.flags import flags_of
from engine.metrics.sample import Sample
from engine.progress import SilentProgress
from engine.video.photo import open_photo
from engine.video.whole_output import whole_file
from registry_schema.digests import Digest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from jaxtyping import Bool

    from engine.bench.run_file import BenchCase, BenchRun
    from engine.metrics.catalog import Metrics
    from engine.metrics.weights_folder import WeightsFolder
    from engine.progress import Progress

WHITE: Final = 128
SCORING_VERSION: Final = 1
"""Raised when clips are read or put on one footing in another way."""


@dataclass(frozen=True)
class ClipScores:
    """What was measured of one clip.

    Attributes:
        values: by metric; a metric that does not apply is missing.
        per_frame: by metric.
        flags: name and reason.
        clip: digest of the file.
    """

    case: str
    method: str
    values: Mapping[str, float]
    per_frame: Mapping[str, tuple[float, ...]]
    flags: tuple[tuple[str, str], ...]
    clip: str


def score_run(
    folder: Path, run: BenchRun, weights: WeightsFolder | None, *, progress: Progress | None = None
) -> tuple[tuple[ClipScores, ...], Metrics]:
    """The scores of every clip that there is, case by case; those that are known are not computed again.

    Args:
        folder: of the run.
        run: its cases and methods.
        weights: of the published metrics, or None.
        progress: told about every clip.

    Raises:
        IntegrityProblem: a clip of the run is damaged, or weights were changed.
    """
    metrics = all_metrics(weights)
    what = _what_is_measured(run, metrics, weights)
    scores = []
    with (progress or SilentProgress()).phase("scoring", len(run.cases) * len(run.methods)) as phase:
        for case in run.cases:
            scorer = _CaseScorer(folder, run, case, metrics, what)
            for method in run.methods:
                if clip_place(folder, case.name, method.name).is_file():
                    scores.append(scorer.score(method.name))
                phase.advance()
    return tuple(scores), metrics


def _what_is_measured(run: BenchRun, metrics: Metrics, weights: WeightsFolder | None) -> dict[str, Any]:
    """Everything besides a clip and its case that decides its numbers."""
    return {
        "scoring": SCORING_VERSION,
        "footing": [run.width, run.height, run.frames, run.fps],
        "metrics": {metric.facts.name: metric.facts.version for metric in metrics.present},
        "weights": {name: dict(digests) for name, digests in metrics.digests(weights).items()},
    }


class _CaseScorer:
    """The clips of one case; what they share is read when the first of them needs it."""

    def __init__(self, folder: Path, run: BenchRun, case: BenchCase, metrics: Metrics, what: Mapping[str, Any]) -> None:
        self._folder, self._run, self._case, self._metrics = folder, run, case, metrics
        beside = [path for path in (case.photo, case.mask, case.reference) if path is not None]
        self._what = {**what, "case": [_digest(folder / path) for path in beside]}
        self._shared: tuple[Footing, Sample, Bool[np.ndarray, "h w"] | None] | None = None

    def score(self, method: str) -> ClipScores:
        """Known from before, or computed and noted."""
        clip = clip_place(self._folder, self._case.name, method)
        what = {**self._what, "clip": _digest(clip)}
        place = self._folder / SCORES / self._case.name / f"{method}.json"
        found = _known(place, what)
        if found is None:
            found = self._measured(clip)
            place.parent.mkdir(parents=True, exist_ok=True)
            with whole_file(place) as fresh:
                fresh.write_text(json.dumps({"what": what, **found}, indent=1, sort_keys=True) + "\n")
        return ClipScores(
            case=self._case.name,
            method=method,
            values=found["values"],
            per_frame={name: tuple(values) for name, values in found["per_frame"].items()},
            flags=tuple((name, reason) for name, reason in found["flags"]),
            clip=what["clip"],
        )

    def _measured(self, clip: Path) -> dict[str, Any]:
        footing, base, region = self._shared = self._shared or self._read_shared()
        reference = base if self._case.reference is not None else None
        frames = equalled(clip, footing)
        sample = Sample(frames=frames, fps=footing.fps, picture=base.picture, region=region, reference=reference)
        scores = {
            metric.facts.name: score for metric in self._metrics.present if (score := metric.score(sample)) is not None
        }
        return {
            "values": {name: score.value for name, score in scores.items()},
            "per_frame": {name: list(score.per_frame) for name, score in scores.items()},
            "flags": [[flag.name, flag.reason] for flag in flags_of(sample)],
        }

    def _read_shared(self) -> tuple[Footing, Sample, Bool[np.ndarray, "h w"] | None]:
        """The footing, the real clip (or the picture three times) as a sample, and the mask."""
        photo = open_photo(self._folder / self._case.photo).pixels
        footing = footing_of(self._run, (photo.shape[1], photo.shape[0]))
        picture = fitted(photo, footing.width, footing.height)
        region = None
        if self._case.mask is not None:
            mask = open_photo(self._folder / self._case.mask).pixels
            region = fitted(mask, footing.width, footing.height)[..., 0] >= WHITE
        frames = np.repeat(picture[None], 3, axis=0)
        if self._case.reference is not None:
            frames = equalled(self._folder / self._case.reference, footing)
        return footing, Sample(frames=frames, fps=footing.fps, picture=picture, region=region), region


def footing_of(run: BenchRun, photo: tuple[int, int]) -> Footing:
    """The size and rate of a case; portraits stand, as the base's own frames do.

    Args:
        run: of the case.
        photo: width and height of its picture.
    """
    long, short = max(run.width, run.height), min(run.width, run.height)
    stands = photo[1] > photo[0]
    return Footing(short if stands else long, long if stands else short, run.frames, run.fps)


def _known(place: Path, what: Mapping[str, Any]) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = json.loads(place.read_bytes())
    except (OSError, ValueError):
        return None
    return found if found.get("what") == what else None


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return str(Digest.of_stream(file))
