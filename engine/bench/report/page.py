"""The report as one page: everything it shows is inside it, and it asks nobody for anything."""

from __future__ import annotations

import base64
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup
from PIL import Image

from engine.animation.clip_files import read_receipt
from engine.animation.provenance import engine_versions
from engine.bench.equal_footing import fitted
from engine.bench.report.plots import radar, scatter
from engine.bench.run_file import clip_place
from engine.video.clip_reader import read_clip

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.bench.finish import BenchOutcome
    from engine.bench.run_file import BenchCase, BenchRun
    from engine.bench.scoring import ClipScores

TEMPLATE: Final = Path(__file__).with_name("report.html.jinja")
MOST_CLIP_BYTES: Final = 48 << 20
STRIP_FRAMES: Final = 5
STRIP_HEIGHT: Final = 72
TIER_TITLES: Final = {
    "reference": "Published metrics",
    "proxy": "Without a model (`proxy:`): not comparable with published numbers",
    "own": "Ours",
}
PLOTTED: Final = (("proxy:speed", "proxy:subject"), ("evalcrafter:flow", "vbench:subject"))


@dataclass(frozen=True)
class ShownClip:
    """A clip of a case: its bytes as a data address (empty if the page would grow too large), a strip, its flags."""

    method: str
    address: str
    strip: str
    flags: tuple[tuple[str, str], ...]
    missing: str = ""


@dataclass(frozen=True)
class ShownCase:
    """A case, and a clip for each method."""

    case: BenchCase
    clips: tuple[ShownClip, ...]


def report_page(run: BenchRun, folder: Path, scores: Sequence[ClipScores], outcome: BenchOutcome) -> str:
    """The whole page."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    methods = [method.name for method in run.methods]
    summary = outcome.summary
    cases, left_out = _shown_cases(run, folder, scores)
    return template.render(
        run=run,
        summary=summary,
        methods=run.methods,
        tiers=[
            (tier, title, [row for row in summary.rows if row.facts.tier == tier])
            for tier, title in TIER_TITLES.items()
        ],
        missing=outcome.metrics.missing,
        plots=[Markup(plot) for plot in _plots(run, scores, outcome, methods) if plot],  # noqa: S704 - our own SVG
        cases=cases,
        left_out=left_out,
        by_clip={(score.case, score.method): score for score in scores},
        versions=engine_versions(),
        receipts=_receipts(run, folder),
    )


def _plots(run: BenchRun, scores: Sequence[ClipScores], outcome: BenchOutcome, methods: Sequence[str]) -> list[str]:
    rows = {row.facts.name: row.facts for row in outcome.summary.rows}
    plots = []
    for tier, kinds in (("without a model", ("proxy", "own")), ("published metrics", ("reference",))):
        chosen = [row for row in outcome.summary.rows if row.facts.tier in kinds]
        plots.append(radar(chosen, methods, title=f"{run.suite}: {tier}"))
    for across, up in PLOTTED:
        if across in rows and up in rows:
            labels = tuple(f"{rows[name].name} ({rows[name].unit})".replace(" ()", "") for name in (across, up))
            plots.append(scatter(scores, methods, across=across, up=up, labels=(labels[0], labels[1])))
    return plots


def _shown_cases(
    run: BenchRun, folder: Path, scores: Sequence[ClipScores]
) -> tuple[tuple[ShownCase, ...], tuple[str, ...]]:
    """Cases with their clips, as many as the page may hold, taken in turns from the groups; the others by name."""
    by_clip = {(score.case, score.method): score for score in scores}
    reasons = {(one.case, one.method): one.reason for one in run.unusable}
    shown, left_out, used = {}, [], 0
    for case in _in_turns(run.cases):
        places = {method.name: clip_place(folder, case.name, method.name) for method in run.methods}
        size = sum(path.stat().st_size for path in places.values() if path.is_file())
        if used + size > MOST_CLIP_BYTES:
            left_out.append(case.name)
            continue
        used += size
        clips = []
        for method, path in places.items():
            if path.is_file():
                flags = by_clip[case.name, method].flags
                clips.append(ShownClip(method, _address(path.read_bytes(), "video/mp4"), _strip(path), flags))
            else:
                reason = reasons.get((case.name, method), "no such clip in this case")
                clips.append(ShownClip(method, "", "", (), missing=reason))
        shown[case.name] = ShownCase(case, tuple(clips))
    return tuple(shown[case.name] for case in run.cases if case.name in shown), tuple(left_out)


def _in_turns(cases: Sequence[BenchCase]) -> list[BenchCase]:
    """The first case of each group, then the second of each."""
    seen: dict[str, int] = {}
    numbered = []
    for case in cases:
        seen[case.group] = number = seen.get(case.group, 0) + 1
        numbered.append((number, case))
    return [case for _, case in sorted(numbered, key=lambda pair: pair[0])]


def _strip(path: Path) -> str:
    """Frames of a clip side by side, as the address of a JPEG."""
    frames = read_clip(path).frames
    picks = np.linspace(0, len(frames) - 1, STRIP_FRAMES).round().astype(int)
    height, width = frames.shape[1:3]
    small = [fitted(frames[pick], round(width * STRIP_HEIGHT / height), STRIP_HEIGHT) for pick in picks]
    out = io.BytesIO()
    Image.fromarray(np.concatenate(small, axis=1)).save(out, format="JPEG", quality=80)
    return _address(out.getvalue(), "image/jpeg")


def _address(content: bytes, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def _receipts(run: BenchRun, folder: Path) -> list[tuple[str, str]]:
    """The receipt of one clip of each method that has them: all others differ in photo, adapters and frames only."""
    found = []
    for method in run.methods:
        for case in run.cases:
            place = clip_place(folder, case.name, method.name)
            receipt = read_receipt(place) if place.is_file() else None
            if receipt is not None:
                found.append((f"{method.name}, {case.name}", json.dumps(receipt.plain(), indent=1, sort_keys=True)))
                break
    return found
