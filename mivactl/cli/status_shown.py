"""How `yank`, `unyank` and `deprecate` say what they did."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mivactl.cli.run import Run
    from mivactl.operations.status import ChangedBuild


def show_changed(run: Run, changed: Sequence[ChangedBuild], state: str) -> None:
    """Answer with the changed builds, one line each.

    Args:
        state: what they are now, in words.
    """

    def show() -> None:
        for build in changed:
            masked = ", masked" if build.masked else ""
            run.console.line(f"{build.name} {build.version} for {build.base}{masked} is {state}")

    run.answer({"changed": tuple(changed)}, show)
