"""Whether each model-free metric follows the fault it stands for: `python -m docs.metric_faults --clips 200 --jobs 2`.

Generated clips are degraded by a known degree of one fault at a time: blur, flicker, drift, identity change, camera
shake, freezing. For each, the table has the rank correlation (Spearman) of the metric with the degree over all clips.
"""

from __future__ import annotations

import argparse
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from engine.device import mixed_seed
from engine.metrics.flicker import Flicker
from engine.metrics.proxy_background import ProxyBackground
from engine.metrics.proxy_freezing import ProxyFreezing
from engine.metrics.proxy_imaging import ProxyImaging
from engine.metrics.proxy_smoothness import ProxySmoothness
from engine.metrics.proxy_subject import ProxySubject
from engine.metrics.sample import Sample
from engine.pretraining.quality.motions import CLASSES
from engine.pretraining.quality.real_clips import Stream, real_clip
from engine.pretraining.scenes.catalog import STILL
from engine.video.optical_flow import softened, warped

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.metrics.metric import Metric
    from engine.pretraining.quality.real_clips import RealClip

WANTED = 0.8
OTHERS = 6
MOVING = tuple(name for name in CLASSES if name != STILL)
"""A still clip can neither freeze nor has it a subject."""
FPS = 8.0


@dataclass(frozen=True)
class Fault:
    """A fault, how a clip gets it to a degree in [0, 1], and the metric that must follow."""

    name: str
    worsen: Callable[[RealClip, float, np.random.Generator], np.ndarray]
    metric: Metric


def blurred(clip: RealClip, degree: float, _rng: np.random.Generator) -> np.ndarray:
    """Later frames under a Gaussian of up to 3 pixels."""
    later = [frame if degree == 0 else softened(frame.astype(np.float32), 3 * degree) for frame in clip.frames[1:]]
    return _levels([clip.frames[0], *later])


def flickering(clip: RealClip, degree: float, rng: np.random.Generator) -> np.ndarray:
    """Brightness that jumps by up to 40 levels from frame to frame."""
    jumps = rng.uniform(0.5, 1, len(clip.frames)) * np.resize([0, 1], len(clip.frames)) * 40 * degree
    return _levels(clip.frames + jumps[:, None, None, None])


def drifting(clip: RealClip, degree: float, rng: np.random.Generator) -> np.ndarray:
    """Colours that wander off, by up to 60 levels in the last frame."""
    way = rng.choice([-1.0, 1.0], 3) * 60 * degree
    return _levels(clip.frames + np.linspace(0, 1, len(clip.frames))[:, None, None, None] * way)


def changing(clip: RealClip, degree: float, rng: np.random.Generator) -> np.ndarray:
    """What the mask shows turns into what another picture has there, up to wholly in the last frame.

    Of `OTHERS` pictures it is the one that differs most there: to become what looks the same is no change of identity.
    """
    drawn = [real_clip(str(rng.choice(CLASSES)), Stream.PICTURES, int(rng.integers(100))) for _ in range(OTHERS)]
    others = [one.frames[:1].astype(np.float32) for one in drawn]
    other = max(others, key=lambda picture: np.abs(picture - clip.frames[:1])[0, clip.region].mean())
    share = (np.linspace(0, 1, len(clip.frames)) * degree)[:, None, None, None] * clip.region[None, :, :, None]
    return _levels(clip.frames * (1 - share) + other * share)


def shaken(clip: RealClip, degree: float, rng: np.random.Generator) -> np.ndarray:
    """A camera that is displaced by up to 4 pixels anew in each frame."""
    height, width = clip.frames.shape[1:3]
    moves = rng.uniform(-4, 4, (len(clip.frames), 2)) * degree
    moves[0] = 0
    fields = [np.broadcast_to(move.astype(np.float32), (height, width, 2)).copy() for move in moves]
    return _levels([warped(frame.astype(np.float32), by) for frame, by in zip(clip.frames, fields, strict=True)])


def frozen(clip: RealClip, degree: float, rng: np.random.Generator) -> np.ndarray:
    """A share of the frames that shows the one before once more."""
    count = len(clip.frames) - 1
    held = set(rng.permutation(np.arange(1, count + 1))[: round(degree * count)].tolist())
    frames = [clip.frames[0]]
    for place in range(1, count + 1):
        frames.append(frames[-1] if place in held else clip.frames[place])
    return np.stack(frames)


FAULTS = (
    Fault("blur", blurred, ProxyImaging()),
    Fault("flicker", flickering, Flicker()),
    Fault("drift", drifting, ProxyBackground()),
    Fault("identity change", changing, ProxySubject()),
    Fault("camera shake", shaken, ProxySmoothness()),
    Fault("freezing", frozen, ProxyFreezing()),
)


def measured(index: int) -> list[tuple[float, float]]:
    """Degree and metric of clip `index` for each fault, in the order of `FAULTS`; a degree of its own for each."""
    clip = real_clip(MOVING[index % len(MOVING)], Stream.EXAMINATION, index // len(MOVING))
    rows = []
    for fault in FAULTS:
        rng = np.random.default_rng(mixed_seed("fault", fault.name, index))
        degree = float(rng.uniform(0, 1))
        frames = fault.worsen(clip, degree, rng)
        score = fault.metric.score(Sample(frames=frames, fps=FPS, picture=clip.frames[0], region=clip.region))
        rows.append((degree, score.value if score is not None else float("nan")))
    return rows


def correlation(pairs: list[tuple[float, float]]) -> float:
    """Rank correlation (Spearman) of two columns; equal values share a rank."""
    ranks = [_ranks(np.array(column)) for column in zip(*pairs, strict=True)]
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1])


def table(rows: list[list[tuple[float, float]]]) -> str:
    """Markdown: a line for each fault. A metric of which more is better falls with the fault."""
    lines = ["| fault | metric | rank correlation with its degree |", "|---|---|---|"]
    for place, fault in enumerate(FAULTS):
        found = correlation([row[place] for row in rows])
        sign = -1 if fault.metric.facts.direction == "up" else 1
        verdict = "" if sign * found >= WANTED else f" (below {WANTED})"
        lines.append(f"| {fault.name} | `{fault.metric.facts.name}` | {found:+.2f}{verdict} |")
    return "\n".join(lines)


def _ranks(values: np.ndarray) -> np.ndarray:
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(count)
    return (ends - (count - 1) / 2)[place]


def _levels(frames: object) -> np.ndarray:
    return np.rint(np.asarray(frames, dtype=np.float32)).clip(0, 255).astype(np.uint8)


def main() -> None:
    """Command line of the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=200)
    parser.add_argument("--jobs", type=int, default=1)
    options = parser.parse_args()
    with ProcessPoolExecutor(options.jobs) as pool:
        rows = list(pool.map(partial(measured), range(options.clips)))
    print(f"{options.clips} generated clips of {len(MOVING)} motions\n\n{table(rows)}")  # noqa: T201


if __name__ == "__main__":
    main()
