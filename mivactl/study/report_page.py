"""The report of a study: one page with everything in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mivactl.study.page_templates import asset, filled
from mivactl.study.report_plots import score_plot, share_plot

if TYPE_CHECKING:
    from mivactl.study.documents import StudyKey
    from mivactl.study.numbers import StudyNumbers
    from mivactl.study.resampling import Interval

POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
"""Content Security Policy: nothing is loaded from anywhere, no script runs."""


def report_page(study: StudyKey, numbers: StudyNumbers) -> bytes:
    """`report.html`: who won, how sure that is, motion by motion, and how the study was made."""
    from markupsafe import Markup

    shown_together = max(len(case.options) for case in study.cases)
    page = filled(
        "report.html.jinja",
        policy=POLICY,
        # our own style and matplotlib's drawing, which escapes the names in it
        style=Markup(asset("report.css").decode()),  # noqa: S704
        share_plot=Markup(share_plot(numbers.methods, chance=1 / shown_together)),  # noqa: S704
        score_plot=Markup(score_plot(numbers.methods)),  # noqa: S704
        study=study,
        numbers=numbers,
        shown_together=shown_together,
        best=[row for row in numbers.methods if row.ties_with_best],
        percent=percent,
        span=span,
    )
    return page.encode()


def percent(value: float | None) -> str:
    """`34.5`, or a dash where there is no number; the unit stands in the heading."""
    return "-" if value is None else f"{100 * value:.1f}"


def span(interval: Interval | None, scale: float, decimals: int) -> str:
    """`30.1 to 38.9`, or nothing where there is no interval."""
    if interval is None:
        return ""
    return f"{scale * interval.low:.{decimals}f} to {scale * interval.high:.{decimals}f}"
