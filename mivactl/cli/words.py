"""Values in words for a person: sizes, times, yes and no."""

from __future__ import annotations

from datetime import UTC, datetime

from mivactl.byte_sizes import size

__all__ = ["ago", "duration", "mark", "size"]


def ago(moment: datetime | None) -> str:
    """`3 h ago`; `never` for None."""
    if moment is None:
        return "never"
    seconds = max(0.0, (datetime.now(UTC) - moment).total_seconds())
    for length, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= length:
            return f"{seconds // length:.0f} {unit} ago"
    return "just now"


def duration(seconds: float) -> str:
    """`about 3 min`."""
    for length, unit in ((86_400, "days"), (3_600, "h"), (60, "min")):
        if seconds >= length:
            return f"about {seconds / length:.2g} {unit}"
    return f"about {seconds:.0f} s"


def mark(*, is_set: bool) -> str:
    """`yes` or `-`."""
    return "yes" if is_set else "-"
