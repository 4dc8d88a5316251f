"""`mivactl study new`, `study serve`, `study export`, `study merge` and `study report`."""

from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mivactl.cli.console import Column
from mivactl.cli.run import Run

if TYPE_CHECKING:
    from mivactl.study.numbers import StudyNumbers
    from mivactl.study.resampling import Interval

_METHODS = (
    Column("method"),
    Column("preferred", number=True),
    Column("95 %"),
    Column("score", number=True),
    Column("95 %"),
    Column(""),
)
StudyArgument = Annotated[Path, typer.Argument(metavar="DIR", help="The folder of the study.")]
OutOption = Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="Where.")]


class PresetChoice(StrEnum):
    """The paper's studies."""

    SINGLE = "paper-single"
    MULTI = "paper-multi"
    MMIVA = "paper-mmiva"


def new(  # noqa: PLR0913 - one parameter for each option
    run: Run,
    places: Annotated[
        list[str],
        typer.Argument(metavar="RUN...", help="Folders of `mivactl bench`, or of one method's clips as `NAME=FOLDER`."),
    ],
    *,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="A new folder for the study.")],
    preset: Annotated[PresetChoice | None, typer.Option("--preset", help="One of the paper's studies.")] = None,
    pairs: Annotated[bool, typer.Option("--pairs", help="Two clips a question, not all methods at once.")] = False,
    cases: Annotated[int | None, typer.Option("--cases", metavar="N", min=1, max=400, help="Questions.")] = None,
    method: Annotated[
        list[str] | None, typer.Option("--method", metavar="NAME", help="A method to compare; again for more.")
    ] = None,
    checks: Annotated[
        int | None,
        typer.Option("--checks", metavar="N", min=0, max=40, help="Checks of attention; 1 in 15 if not given."),
    ] = None,
    fps: Annotated[float, typer.Option("--fps", min=1, max=60, help="Frames a second; the paper's is 10.")] = 10.0,
    seed: Annotated[int | None, typer.Option("--seed", help="Picks cases and orders; by chance if not given.")] = None,
    title: Annotated[
        str, typer.Option("--title", metavar="TEXT", help="What viewers read first.")
    ] = "Still pictures, brought to life",
) -> None:
    """Build a study: pages on which people say which clip looks best, not knowing what made it.

    Example: mivactl study new bench-run svd=clips/svd --preset paper-single -o study
    """
    from mivactl.operations.studies import StudyWish, new_study
    from registry_schema.errors import UsageProblem

    if preset is not None and pairs:
        raise UsageProblem("`--pairs` is not for presets, which say it themselves", hint="leave one of them out")
    wish = StudyWish(
        preset=None if preset is None else preset.value,
        kind="pairs" if pairs else "best",
        case_count=cases,
        methods=tuple(method or ()),
        seed=seed,
        fps=fps,
        check_count=checks,
        title=title,
    )
    made = new_study(places, wish, out=out, progress=run.progress)

    def show() -> None:
        for note in made.notes:
            run.console.note(note)
        run.console.line(
            f"{made.question_count} questions on {made.case_count} cases, {len(made.methods)} methods, "
            f"seed {made.seed}: {made.start}"
        )
        run.console.note(f"people take it at: mivactl study serve {out}")
        run.console.note(f"`{out}/study.json` says what is behind each clip: show it to no viewer")

    run.answer({"study": made}, show)


def serve(
    run: Run,
    folder: StudyArgument,
    *,
    host: Annotated[
        str, typer.Option("--host", metavar="ADDRESS", help="`0.0.0.0` lets other machines in.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", metavar="N", min=0, max=65535, help="0 takes any free one.")] = 8765,
) -> None:
    """Let people take a study in a browser, and keep their answers, until Ctrl-C.

    Example: mivactl study serve study
    """
    from mivactl.operations.studies import study_server

    with study_server(folder, host=host, port=port) as server:
        if not server.is_local:
            run.console.warn(
                f"everybody who reaches this machine at port {server.server_port} can see the clips and answer; "
                "nothing is encrypted"
            )
        # within, so that a Ctrl-C right after the note ends it well, too
        with suppress(KeyboardInterrupt):
            run.console.note(f"the study is at {server.address} until Ctrl-C")
            server.serve_forever()
        viewers, answers = server.book.counts()
        run.answer(
            {"viewers": viewers, "answers": answers},
            lambda: run.console.line(f"{answers} answers of {viewers} viewers in {folder}"),
        )


def export(run: Run, folder: StudyArgument, *, out: OutOption) -> None:
    """Write a study's answers to a file: `.json` to merge, `.csv` for a spreadsheet, with the methods' names.

    Example: mivactl study export study -o answers.csv
    """
    from mivactl.operations.study_results import export_answers

    done = export_answers(folder, out)
    run.answer(
        {"exported": done}, lambda: run.console.line(f"{done.answers} answers of {done.viewers} viewers: {done.path}")
    )


def merge(
    run: Run,
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Answers, as pages and `study export` save.")],
    *,
    out: OutOption,
) -> None:
    """Put the answers of several files to one study into one; what is in several counts once.

    Example: mivactl study merge answers-*.json -o all.json
    """
    from mivactl.operations.study_results import merge_answers

    done = merge_answers(files, out)
    run.answer(
        {"merged": done}, lambda: run.console.line(f"{done.answers} answers of {done.viewers} viewers: {done.path}")
    )


def report(
    run: Run,
    folder: StudyArgument,
    files: Annotated[
        list[Path] | None, typer.Argument(metavar="[FILE]...", help="More answers, from `study export` or pages.")
    ] = None,
    *,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="Where; `report.html` in DIR if not given.")
    ] = None,
) -> None:
    """Say what a study's answers come to: preference shares, scores, intervals, agreement; and write a page of it.

    Example: mivactl study report study
    """
    from mivactl.operations.study_results import report_study

    done = report_study(folder, files or [], out=out, progress=run.progress)
    numbers = done.numbers

    def show() -> None:
        run.console.table(_METHODS, _method_rows(numbers))
        run.console.line()
        run.console.facts(_facts(numbers))
        for note in numbers.notes:
            run.console.note(note)
        if done.path is not None:
            run.console.line(done.path)

    run.answer({"report": done}, show)


def _method_rows(numbers: "StudyNumbers") -> list[tuple[str, ...]]:
    return [
        (
            row.method,
            "-" if row.share is None else f"{100 * row.share:.1f} %",
            _interval(row.share_interval, scale=100, decimals=1),
            f"{row.score:+.2f}",
            _interval(row.score_interval, scale=1, decimals=2),
            "tied with the best" if row.ties_with_best else "",
        )
        for row in numbers.methods
    ]


def _facts(numbers: "StudyNumbers") -> list[tuple[str, str]]:
    kappa = numbers.kappa
    counted = f"{numbers.answer_count} on {numbers.case_count} cases, by {numbers.viewer_count} viewers"
    left_out = numbers.inattentive_count
    return [
        ("answers", counted),
        ("cannot tell", "" if numbers.unsure_share is None else f"{100 * numbers.unsure_share:.1f} %"),
        (
            "Fleiss' kappa",
            "" if kappa is None else f"{kappa:.2f} {_interval(numbers.kappa_interval, scale=1, decimals=2)}",
        ),
        ("not counted", f"{left_out} viewers failed the checks of attention" if left_out else ""),
    ]


def _interval(interval: "Interval | None", *, scale: float, decimals: int) -> str:
    if interval is None:
        return "-"
    return f"{scale * interval.low:.{decimals}f} to {scale * interval.high:.{decimals}f}"
