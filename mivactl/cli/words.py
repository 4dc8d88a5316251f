"""Values in words for a person: sizes, times, yes and no."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

_UNITS: Final = ("B", "kB", "MB", "GB")


def size(size_bytes: int) -> str:
    """`2.4 MB`; a thousand bytes are a kilobyte."""
    value = float(size_bytes)
    for unit in _UNITS[:-1]:
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} {_UNITS[-1]}"


def ago(moment: datetime | None) -> str:
    """`3 h ago`; `never` for None."""
    if moment is None:
        return "never"
    seconds = max(0.0, (datetime.now(UTC) - moment).total_seconds())
    for length, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= length:
            return f"{seconds // length:.0f} {unit} ago"
    return "just now"


def mark(*, is_set: bool) -> str:
    """`yes` or `-`."""
    return "yes" if is_set else "-"
