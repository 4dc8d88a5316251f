"""The last part of a run: baselines, clips of others, scores, tables and the report."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.bench.baselines import slow_zoom, still
from engine.bench.equal_footing import fitted
from engine.bench.foreign_clips import take_over
from engine.bench.measured_adapters import measured_adapters
from engine.bench.run_file import clip_place
from engine.bench.scoring import footing_of, score_run
from engine.bench.summary import summarise
from engine.metrics.weights_folder import WeightsFolder
from engine.progress import SilentProgress
from engine.video.clip_reader import read_clip
from engine.video.clip_writer import write_clip
from engine.video.photo import open_photo
from engine.video.whole_output import whole_file

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from engine.bench.foreign_clips import TakenOver
    from engine.bench.run_file import BenchRun
    from engine.bench.scoring import ClipScores
    from engine.bench.summary import Summary
    from engine.metrics.catalog import Metrics
    from engine.progress import Progress

REPORT, TABLE, NUMBERS = "report.html", "scores.csv", "summary.json"
BASELINES = {"still": "the picture, standing still", "zoom": "a slow zoom into the picture", "real": "the real clip"}


@dataclass(frozen=True)
class BenchOutcome:
    """What a run came to: its numbers, and the files they are in; no report where matplotlib is missing."""

    summary: Summary
    metrics: Metrics
    report: Path | None
    table: Path
    numbers: Path


def make_baselines(run: BenchRun, folder: Path, *, progress: Progress | None = None) -> None:
    """Write the clips of the baselines that are not there yet."""
    with (progress or SilentProgress()).phase("baselines", len(run.cases)) as phase:
        for case in run.cases:
            photo = open_photo(folder / case.photo).pixels
            footing = footing_of(run, (photo.shape[1], photo.shape[0]))
            picture = fitted(photo, footing.width, footing.height)
            for name, make in (("still", still), ("zoom", slow_zoom)):
                place = clip_place(folder, case.name, name)
                if not place.exists():
                    write_clip(make(picture, footing.frames), place, fps=footing.fps)
            place = clip_place(folder, case.name, "real")
            if case.reference is not None and not place.exists():
                real = read_clip(folder / case.reference)
                write_clip(real.sampled(footing.fps)[: footing.frames], place, fps=footing.fps)
            phase.advance()


def take_over_clips(folder: Path, run: BenchRun, run_folder: Path, method: str) -> TakenOver:
    """See `take_over`."""
    return take_over(folder, run, run_folder, method=method)


def finish_run(run: BenchRun, folder: Path, weights: Path | None, *, progress: Progress | None = None) -> BenchOutcome:
    """Score, sum up, and write the table, the numbers and the report.

    Raises:
        IntegrityProblem: a clip is damaged, or weights were changed.
    """
    progress = progress or SilentProgress()
    scores, metrics = score_run(folder, run, WeightsFolder(weights) if weights else None, progress=progress)
    facts = [metric.facts for metric in metrics.present]
    summary = summarise(run, scores, facts)
    numbers = {**numbers_of(run, summary, metrics), "adapters": measured_adapters(run, folder)}
    outcome = BenchOutcome(summary, metrics, _report_place(folder), folder / TABLE, folder / NUMBERS)
    with whole_file(outcome.table) as fresh:
        fresh.write_text(_table(scores, metrics), encoding="utf-8")
    with whole_file(outcome.numbers) as fresh:
        fresh.write_text(json.dumps(numbers, indent=1, sort_keys=True) + "\n")
    if outcome.report is None:
        progress.note("no report.html: it needs matplotlib, `pip install 'mivactl[bench]'`")
    else:
        from engine.bench.report.page import report_page

        with progress.phase("writing the report", None), whole_file(outcome.report) as fresh:
            fresh.write_text(report_page(run, folder, scores, outcome), encoding="utf-8")
    return outcome


def numbers_of(run: BenchRun, summary: Summary, metrics: Metrics) -> dict[str, Any]:
    """The summary as plain data."""
    return {
        "suite": run.suite,
        "base": run.base,
        "policy": run.policy,
        "metrics": {
            row.facts.name: {
                "title": row.facts.title,
                "unit": row.facts.unit,
                "direction": row.facts.direction,
                "source": row.facts.source,
                "version": row.facts.version,
                "tier": row.facts.tier,
                "verified": row.facts.verified,
                "methods": {name: vars(cell) for name, cell in row.cells.items()},
            }
            for row in summary.rows
        },
        "missing": {missing.facts.name: missing.reason for missing in metrics.missing},
        "standings": {tier: [vars(one) for one in standing] for tier, standing in summary.standings.items()},
        "flagged": {name: dict(counts) for name, counts in summary.flagged.items()},
        "common_cases": len(summary.common),
        "unusable": [one.plain() for one in run.unusable],
        "notes": list(run.notes),
    }


def _report_place(folder: Path) -> Path | None:
    try:
        import matplotlib as _plots  # noqa: F401
    except ImportError:
        return None
    return folder / REPORT


def _table(scores: Sequence[ClipScores], metrics: Metrics) -> str:
    """A line for each clip: flags, then a column for each metric."""
    names = [metric.facts.name for metric in metrics.present]
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(["case", "method", "flags", *names])
    for score in scores:
        flags = " ".join(name for name, _ in score.flags)
        table.writerow([score.case, score.method, flags, *(_number(score.values, name) for name in names)])
    return out.getvalue()


def _number(values: Mapping[str, float], name: str) -> str:
    return f"{values[name]:.6g}" if name in values else ""
