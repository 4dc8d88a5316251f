"""From scores to statements: means with intervals, ties, ranks, and who may not win."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from jaxtyping import Float

    from engine.bench.run_file import BenchRun
    from engine.bench.scoring import ClipScores
    from engine.metrics.metric import MetricFacts

DRAWS: Final = 2000
SEED: Final = 20_260_101
LEVEL: Final = 95.0
MOST_FLAGGED: Final = 0.5
"""Share of flagged clips from which on a method is out of the ranking."""
REAL: Final = "real"


@dataclass(frozen=True)
class Cell:
    """A method's mean of a metric over cases, with its interval; `best` and `tied` among methods that are ranked."""

    mean: float
    low: float
    high: float
    count: int
    best: bool = False
    tied: bool = False


@dataclass(frozen=True)
class Row:
    """A metric, and the cell of each method that has one."""

    facts: MetricFacts
    cells: Mapping[str, Cell]


@dataclass(frozen=True)
class Standing:
    """A method in the ranking of one tier: its mean rank over metrics (1 is best), or why it has none."""

    method: str
    mean_rank: float | None
    reason: str = ""


@dataclass(frozen=True)
class Summary:
    """A run in numbers.

    Attributes:
        rows: one for each metric.
        standings: by tier, the best first; those out of the ranking last.
        flagged: by method, how many clips have each flag.
        common: cases that every ranked method has a clip of; differences and ranks are over these.
    """

    rows: tuple[Row, ...]
    standings: Mapping[str, tuple[Standing, ...]]
    flagged: Mapping[str, Mapping[str, int]]
    common: tuple[str, ...]


def summarise(run: BenchRun, scores: Sequence[ClipScores], metrics: Sequence[MetricFacts]) -> Summary:
    """Everything that is said about a run.

    Args:
        run: cases and methods.
        scores: of its clips.
        metrics: that were measured.
    """
    by_method = {method.name: {score.case: score for score in scores if score.method == method.name}
                 for method in run.methods}  # fmt: skip
    outside = {name: reason for name, found in by_method.items() if (reason := _reason_outside(name, found))}
    ranked = [name for name in by_method if name not in outside]
    common = tuple(case.name for case in run.cases if all(case.name in by_method[name] for name in ranked))
    rows = tuple(_row(facts, by_method, ranked, common) for facts in metrics)
    tiers = {"proxy": ("proxy", "own"), "reference": ("reference",)}
    return Summary(
        rows=rows,
        standings={
            tier: _standings([row for row in rows if row.facts.tier in kinds], ranked, outside)
            for tier, kinds in tiers.items()
        },
        flagged={name: _flags(found) for name, found in by_method.items()},
        common=common,
    )


def interval(values: Float[np.ndarray, "n"]) -> tuple[float, float]:
    """95 % bootstrap interval of a mean: percentiles over resampled cases, the same for the same values."""
    if len(values) < 2:
        return float(values[0]), float(values[0])
    picks = np.random.default_rng(SEED).integers(0, len(values), (DRAWS, len(values)))
    means = values[picks].mean(axis=1)
    low, high = np.percentile(means, [(100 - LEVEL) / 2, (100 + LEVEL) / 2])
    return float(low), float(high)


def _flags(found: Mapping[str, ClipScores]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for score in found.values():
        for name, _ in score.flags:
            counts[name] = counts.get(name, 0) + 1
    return counts


def _reason_outside(name: str, found: Mapping[str, ClipScores]) -> str:
    if name == REAL:
        return "it is the real clip that others are measured against"
    if not found:
        return "it has no clips"
    flagged = [score for score in found.values() if score.flags]
    if len(flagged) < MOST_FLAGGED * len(found):
        return ""
    kinds = sorted({flag for score in flagged for flag, _ in score.flags})
    return (
        f"{len(flagged)} of {len(found)} clips are flagged {' or '.join(kinds)}: clips that stand still score high in "
        "consistency, flickering and smoothness without showing a motion"
    )


def _row(
    facts: MetricFacts, by_method: Mapping[str, Mapping[str, ClipScores]], ranked: Sequence[str], common: Sequence[str]
) -> Row:
    cells = {}
    for name, found in by_method.items():
        values = np.array([score.values[facts.name] for score in found.values() if facts.name in score.values])
        if len(values):
            cells[name] = Cell(float(values.mean()), *interval(values), count=len(values))
    return Row(facts, cells if facts.direction == "none" else _with_ties(facts, cells, by_method, ranked, common))


def _with_ties(
    facts: MetricFacts,
    cells: Mapping[str, Cell],
    by_method: Mapping[str, Mapping[str, ClipScores]],
    ranked: Sequence[str],
    common: Sequence[str],
) -> dict[str, Cell]:
    """Mark the best method, and those whose difference to it, case by case, may as well be none."""
    measured = [case for case in common if all(facts.name in by_method[name][case].values for name in ranked)]
    if not measured or not ranked:
        return dict(cells)
    columns = {name: np.array([by_method[name][case].values[facts.name] for case in measured]) for name in ranked}
    sign = 1 if facts.direction == "up" else -1
    best = max(columns, key=lambda name: sign * float(columns[name].mean()))
    marked = dict(cells)
    for name, values in columns.items():
        low, high = interval(values - columns[best])
        cell = cells[name]
        marked[name] = Cell(cell.mean, cell.low, cell.high, cell.count, best=name == best, tied=low <= 0 <= high)
    return marked


def _standings(rows: Sequence[Row], ranked: Sequence[str], outside: Mapping[str, str]) -> tuple[Standing, ...]:
    directed = [row for row in rows if row.facts.direction != "none" and all(name in row.cells for name in ranked)]
    ranks: dict[str, list[float]] = {name: [] for name in ranked}
    for row in directed:
        sign = 1 if row.facts.direction == "up" else -1
        order = np.array([sign * row.cells[name].mean for name in ranked])
        for place, name in enumerate(ranked):
            # those who tie with the best share its rank
            tied = row.cells[name].tied or row.cells[name].best
            level = [other for other in ranked if row.cells[other].tied or row.cells[other].best]
            shared = (1 + len(level)) / 2
            ranks[name].append(shared if tied else 1 + float((order > order[place]).sum()))
    inside = [Standing(name, float(np.mean(ranks[name])) if directed else None) for name in ranked]
    inside.sort(key=lambda standing: (standing.mean_rank is None, standing.mean_rank or 0.0, standing.method))
    return (*inside, *(Standing(name, None, reason) for name, reason in outside.items()))
