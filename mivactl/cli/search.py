"""`mivactl search`."""

from typing import Annotated

import typer

from mivactl.cli import words as in_words
from mivactl.cli.console import Column
from mivactl.cli.options import BaseOption
from mivactl.cli.run import Run

_COLUMNS = (
    Column("name"),
    Column("version"),
    Column("what it does"),
    Column("bases"),
    Column("size", number=True),
    Column("registry"),
)


def search(
    run: Run,
    words: Annotated[list[str] | None, typer.Argument(metavar="[WORD]...", help="All must occur.")] = None,
    *,
    base: BaseOption = None,
    masked: Annotated[bool | None, typer.Option("--masked/--unmasked", help="Only these, or only others.")] = None,
) -> None:
    """Search the adapters of all registries.

    Example: mivactl search bird
    """
    from mivactl.operations.search import search as search_registries

    found = search_registries(words or [], run.session, base=base, masked=masked)

    def show() -> None:
        if not found:
            run.console.note("nothing found; `mivactl search` without words lists everything")
            return
        rows = [
            (
                adapter.name,
                adapter.version,
                adapter.title,
                ", ".join(adapter.bases),
                in_words.size(adapter.size_bytes),
                adapter.registry,
            )
            for adapter in found
        ]
        run.console.table(_COLUMNS, rows)

    run.answer({"adapters": found}, show)
