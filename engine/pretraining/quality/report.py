"""The findings as Markdown: one table a point, with the goal beside each number and whether it is met."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from engine.pretraining.quality import goals
from engine.pretraining.quality.confusion import Confusion
from engine.pretraining.quality.goals import NOTHING
from engine.pretraining.quality.motions import ABSENT, CLASSES, JOINTED, SUBJECTS, WITHOUT_FLOW
from engine.pretraining.quality.pairs import EVEN, WEIGHTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from engine.pretraining.quality.pairs import PairTrials, Share
    from engine.pretraining.quality.suite import Findings
    from engine.pretraining.quality.trials import MotionTrials, Trial


def report(findings: Findings, command: str) -> str:
    """The whole page.

    Args:
        findings: to be told.
        command: the command line that made them.
    """
    parts = [
        "# How good the starters are",
        f"    {command}",
        "## Which motion",
        *_which_motion(findings),
        "## Strength",
        *_strength(findings.motions),
        "## Background",
        *_background(findings.motions),
        "## Composition",
        *_composition(findings),
        "## Motions that the base never saw",
        *_absent(findings.motions),
    ]
    return "\n\n".join(parts) + "\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def percent(value: float | None) -> str:
    """A share in percent, or a dash."""
    return NOTHING if value is None else f"{100 * value:.0f} %"


def _which_motion(findings: Findings) -> list[str]:
    together = [trials for trials in findings.motions if trials.motion not in JOINTED]
    rows = [_accuracy_row(trials, None) for trials in together]
    rows.append(_accuracy_sum(together, goals.ACCURACY_TOGETHER))
    rows += [_accuracy_row(trials, goals.ACCURACY_JOINTED) for trials in findings.motions if trials.motion in JOINTED]
    alone = Confusion.of(pair for trials in findings.motions for pair in trials.alone.pairs)
    controls = [
        ("real clips, held out", findings.real, goals.ACCURACY_REAL, "at least 95 %"),
        ("base without a starter", alone, goals.ACCURACY_ALONE, "at most 30 %"),
        ("still clip", findings.still, goals.ACCURACY_STILL, "at most 15 %"),
    ]
    return [
        f"Share of clips in which a classifier names the starter's motion among {len(CLASSES) - 1}, or finds none. It "
        "sees optical "
        "flow and frame differences, never the pictures. Two subjects: pictures in which another thing could move.",
        table(ACCURACY_HEAD, rows),
        "The same classifier on clips that no starter made:",
        table(
            ("clips", "number", "right", "goal", ""),
            [
                (name, str(len(found.pairs)), percent(found.accuracy), goal, limits.verdict(found.accuracy))
                for name, found, limits, goal in controls
            ],
        ),
    ]


ACCURACY_HEAD = ("motion", "clips", "right", "two subjects", "taken for", "real clips", "base alone", "goal", "")


def _accuracy_row(trials: MotionTrials, goal: goals.Goal | None) -> tuple[str, ...]:
    if trials.trials is None:
        return _no_starter(trials.motion, ACCURACY_HEAD)
    named = trials.named
    return (
        trials.motion,
        str(len(named.pairs)),
        percent(named.accuracy),
        percent(trials.named_of_two.accuracy),
        ", ".join(f"{name} {count}" for name, count in named.mistakes.items()) or NOTHING,
        percent(trials.real.accuracy),
        percent(trials.alone.accuracy),
        f"at least {percent(goal.low)}" if goal else NOTHING,
        goal.verdict(named.accuracy) if goal else NOTHING,
    )


def _accuracy_sum(found: Sequence[MotionTrials], goal: goals.Goal) -> tuple[str, ...]:
    def over(part: Callable[[MotionTrials], Confusion]) -> Confusion:
        return Confusion.of(pair for trials in found if trials.trials for pair in part(trials).pairs)

    named = over(lambda trials: trials.named)
    return (
        "these together",
        str(len(named.pairs)),
        percent(named.accuracy),
        percent(over(lambda trials: trials.named_of_two).accuracy),
        NOTHING,
        percent(over(lambda trials: trials.real).accuracy),
        percent(over(lambda trials: trials.alone).accuracy),
        f"at least {percent(goal.low)}",
        goal.verdict(named.accuracy),
    )


def _strength(found: Sequence[MotionTrials]) -> list[str]:
    head = ("motion", "measured by", "median ratio", "of two subjects", "clips within", "goal", "")

    def row(trials: MotionTrials) -> tuple[str, ...]:
        if not trials.trials:
            return _no_starter(trials.motion, head)
        ratios = [trial.strength for trial in trials.trials]
        middle = median(ratios)
        return (
            trials.motion,
            "change" if trials.motion in WITHOUT_FLOW else "flow",
            f"{middle:.2f}",
            _median(trials.trials, lambda trial: trial.strength if trial.real.two_subjects else None, "{:.2f}"),
            f"{sum(map(goals.STRENGTH.meets, ratios))} of {len(ratios)}",
            f"{goals.STRENGTH.low} to {goals.STRENGTH.high}",
            goals.STRENGTH.verdict(middle),
        )

    return [
        "Mean size of the flow in the motion's true region, as a ratio to the real clip's, where surfaces are not too "
        "plain to show it; for rain and fireworks the mean square of the change from frame to frame.",
        table(head, map(row, found)),
    ]


def _background(found: Sequence[MotionTrials]) -> list[str]:
    head = ("motion", "median dB", "of two subjects", "lowest dB", "goal", "")

    def row(trials: MotionTrials) -> tuple[str, ...]:
        known = [trial.background for trial in trials.trials or () if trial.background is not None]
        if not known:
            return _no_starter(trials.motion, head)
        return (
            trials.motion,
            f"{median(known):.1f}",
            _median(trials.trials or (), lambda trial: trial.background if trial.real.two_subjects else None, "{:.1f}"),
            f"{min(known):.1f}",
            f"at least {goals.BACKGROUND.low:.0f}",
            goals.BACKGROUND.verdict(median(known)),
        )

    return [
        "PSNR of all frames to the picture outside the region that the motion ever has in the real clip.",
        table(head, (row(trials) for trials in found if trials.motion in SUBJECTS)),
    ]


def _composition(findings: Findings) -> list[str]:
    head = ("pair", "motion", "alone", *(f"at {weight}" for weight in WEIGHTS), f"kept at {EVEN}", "goal", "", "rises")

    def row(pair: PairTrials, share: Share) -> tuple[str, ...]:
        return (
            " + ".join(pair.motions),
            share.motion,
            f"{share.alone:.2f}",
            *(f"{share.beside[weight]:.2f}" for weight in WEIGHTS),
            percent(share.kept),
            f"at least {percent(goals.KEPT.low)}",
            goals.KEPT.verdict(share.kept),
            "met" if share.rises else "not met",
        )

    rows = [row(pair, share) for pair in findings.pairs for share in pair.shares]
    rows += [(" + ".join(pair), *_no_starter("", head)[1:]) for pair in findings.missing]
    if not rows:
        return ["No pair of these motions was asked for."]
    return [
        "Mean size of the flow in each motion's region, in pixels from a frame to the next, on pictures that hold both "
        "subjects; the two weights sum to 1. It should rise with the motion's weight.",
        table(head, rows),
    ]


def _absent(found: Sequence[MotionTrials]) -> list[str]:
    absent = [trials for trials in found if trials.motion in ABSENT]
    if not absent:
        return ["None of them was asked for."]
    rows = [_accuracy_row(trials, goals.ACCURACY_ABSENT) for trials in absent]
    return ["Learnt from a starter's few clips alone.", table(ACCURACY_HEAD, rows)]


def _no_starter(motion: str, head: Sequence[str]) -> tuple[str, ...]:
    return (motion, "no starter", *[NOTHING] * (len(head) - 2))


def _median(trials: Iterable[Trial], value: Callable[[Trial], float | None], form: str) -> str:
    known = [found for trial in trials if (found := value(trial)) is not None]
    return form.format(median(known)) if known else NOTHING
