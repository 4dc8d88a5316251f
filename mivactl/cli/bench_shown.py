"""What the modes of `mivactl bench` print: suites, times, reference weights, verified runs."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mivactl.cli.console import Column
from mivactl.cli.run import Run

if TYPE_CHECKING:
    from mivactl.engine_bridge import SpeedResult
    from mivactl.operations.benching.suite import SuiteOptions, SuiteRun

_SPEED = (
    Column("one step"),
    Column("median", number=True),
    Column("middle half", number=True),
    Column("ratio", number=True),
    Column("whole clip", number=True),
    Column("ratio", number=True),
    Column("operations", number=True),
    Column("ratio", number=True),
)
_PAGE = "lambda.html"


def suite(run: Run, options: "SuiteOptions") -> None:
    """Run a suite; say who stands where, and where the report is."""
    from mivactl.operations.benching.suite import bench_suite

    done = bench_suite(options, run.session, progress=run.progress)
    for note in done.run.notes:
        run.console.note(note)
    for one in done.run.unusable:
        if done.run.method(one.method).kind == "folder":
            run.console.warn(f"{one.method}, {one.case}: not used, {one.reason}")
    files = [path for path in (done.outcome.report, done.outcome.table, done.outcome.numbers) if path is not None]

    def show() -> None:
        for row in _tables(done):
            run.console.line()
            run.console.table(*row)
        for sentence in _remarks(done):
            run.console.note(sentence)
        run.console.line()
        for path in files:
            run.console.line(str(path))

    data = {
        "folder": done.folder,
        "report": done.outcome.report,
        "table": done.outcome.table,
        "numbers": done.outcome.numbers,
        "policy": done.run.policy,
        "standings": done.outcome.summary.standings,
        "flagged": done.outcome.summary.flagged,
        "unusable": [one.plain() for one in done.run.unusable],
        "notes": done.run.notes,
    }
    run.answer(data, show)


def _remarks(done: "SuiteRun") -> list[str]:
    """Why a method has no rank, what was not measured, and how clips were put on one footing."""
    outside = [one for one in done.outcome.summary.standings["proxy"] if one.reason]
    return [
        *(f"{one.method} is not ranked: {one.reason}" for one in outside),
        *(f"not measured: {missing.facts.name}, {missing.reason}" for missing in done.outcome.metrics.missing),
        done.run.policy,
    ]


def _tables(done: "SuiteRun") -> list[tuple[tuple[Column, ...], list[tuple[str, ...]]]]:
    """One table for each tier of metrics: no column holds two tiers. Then the standings."""
    summary = done.outcome.summary
    methods = [method.name for method in done.run.methods]
    tables: list[tuple[tuple[Column, ...], list[tuple[str, ...]]]] = []
    for tier in ("reference", "proxy", "own"):
        rows = [row for row in summary.rows if row.facts.tier == tier]
        if rows:
            columns = (Column("metric"), *(Column(name, number=True) for name in methods))
            arrows = {"up": " (up)", "down": " (down)", "none": ""}
            lines = []
            for row in rows:
                mark = "" if row.facts.verified else ", unverified"
                cells = (row.cells.get(name) for name in methods)
                shown = (
                    f"{cell.mean:.4g}{'*' if cell.best else '=' if cell.tied else ''}" if cell else "-"
                    for cell in cells
                )
                lines.append((f"{row.facts.name}{arrows[row.facts.direction]}{mark}", *shown))
            tables.append((columns, lines))
    columns = (
        Column("method"),
        Column("mean rank, no model", number=True),
        Column("published", number=True),
        Column("flags"),
    )
    published = {one.method: one for one in summary.standings["reference"]}
    lines = [
        (
            one.method,
            _rank(one.mean_rank),
            _rank(published[one.method].mean_rank),
            ", ".join(f"{count} {name}" for name, count in summary.flagged[one.method].items()) or "-",
        )
        for one in summary.standings["proxy"]
    ]
    return [*tables, (columns, lines)]


def _rank(mean: float | None) -> str:
    return "-" if mean is None else f"{mean:.2f}"


def speed(run: Run, *, base: str | None, adapters: int, rounds: int, clips: int) -> None:
    """Time, and print ratios to the base of the same run."""
    from mivactl.operations.benching.counted import bench_speed

    result = bench_speed(run.session, base=base, adapters=adapters, rounds=rounds, clips=clips, progress=run.progress)

    def show() -> None:
        run.console.line(
            f"{result.base} on {result.device} in {result.dtype}, {result.threads} threads on {result.cores} cores, "
            f"torch {result.torch_version}, {rounds} rounds, clips of {result.steps} steps"
        )
        run.console.line()
        run.console.table(_SPEED, _speed_rows(result))

    rows = [
        {
            "adapters": row.adapters,
            "step_seconds": row.step.seconds,
            "step_ratio": row.step.median / result.rows[0].step.median,
            "clip_seconds": row.clip.seconds if row.clip else None,
            "operations": row.operations,
            "operations_ratio": row.operations / result.rows[0].operations,
            "peak_bytes": row.peak_bytes,
        }
        for row in result.rows
    ]
    facts = {name: getattr(result, name) for name in ("base", "device", "dtype", "threads", "cores", "steps")}
    run.answer({"speed": {**facts, "torch": result.torch_version, "rows": rows}}, show)


def _speed_rows(result: "SpeedResult") -> list[tuple[str, ...]]:
    bare = result.rows[0]
    rows: list[tuple[str, ...]] = []
    for row in result.rows:
        low, high = row.step.quartiles
        name = "base" if row.adapters == 0 else f"base + {row.adapters} adapter{'s' if row.adapters > 1 else ''}"
        rows.append(
            (
                name,
                f"{row.step.median:.3f} s",
                f"{low:.3f} to {high:.3f} s",
                f"{row.step.median / bare.step.median:.3f}",
                f"{row.clip.median:.2f} s" if row.clip else "-",
                f"{row.clip.median / bare.clip.median:.3f}" if row.clip and bare.clip else "-",
                f"{row.operations / 1e9:.2f} G",
                f"{row.operations / bare.operations:.3f}",
            )
        )
    return rows


def references(run: Run, texts: Sequence[str], *, base: str | None, out: Path, yes: bool) -> None:
    """Write the page of heat maps; print the mean of each."""
    from mivactl.operations.benching.references import bench_references
    from registry_schema.errors import UsageProblem
    from registry_schema.ref import AdapterRef

    if not texts:
        raise UsageProblem("`bench --lambda` names no adapter", hint="run `mivactl bench --lambda waterfall clouds`")
    out.mkdir(parents=True, exist_ok=True)
    refs = [AdapterRef.parse(text) for text in texts]
    maps = bench_references(refs, run.session, base=base, page=out / _PAGE, yes=yes, progress=run.progress)

    def show() -> None:
        columns = (Column("adapter"), Column("mean share of frame 0", number=True), Column("from", number=True),
                   Column("to", number=True), Column("weights"))  # fmt: skip
        rows = [
            (one.adapter, f"{one.first.mean():.3f}", f"{one.first.min():.3f}", f"{one.first.max():.3f}",
             "learned" if one.learned else "fixed")
            for one in maps
        ]  # fmt: skip
        run.console.table(columns, rows)
        run.console.line()
        run.console.line(str(out / _PAGE))

    run.answer({"page": out / _PAGE, "maps": [one.plain() for one in maps]}, show)


def verified(run: Run, folder: Path, *, most: int | None) -> None:
    """Say which clips and numbers come out again."""
    from mivactl.operations.benching.verify_run import verify_run
    from registry_schema.errors import MivaError

    found = verify_run(folder, run.session, most=most, progress=run.progress)
    counts = {
        verdict: sum(clip.verdict == verdict for clip in found.clips) for verdict in ("same", "close", "different")
    }
    data = {"clips": found.clips, "remakeable": found.remakeable, "scored": found.scored, "differing": found.differing}

    def show() -> None:
        shown = ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count) or "none"
        run.console.line(f"clips made again: {len(found.clips)} of {found.remakeable}: {shown}")
        run.console.line(f"clips scored again: {found.scored}, numbers that differ: {len(found.differing)}")
        for line in found.differing:
            run.console.line(line)

    if found.holds:
        run.answer(data, show)
    else:
        error = MivaError(
            f"`{folder}` does not come out as it was", hint="look at `versions` in the receipts of its clips"
        )
        run.answer_partly(data, show, error)
