"""`mivactl search`."""

from typing import Annotated

import typer

from mivactl.cli import words as in_words
from mivactl.cli.console import Column
from mivactl.cli.options import BaseOption
from mivactl.cli.run import Run

_SHOWN = 50
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
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, help="Show the N best.")] = _SHOWN,
    all_: Annotated[bool, typer.Option("--all", help="Show all of them.")] = False,
) -> None:
    """Search the adapters of all registries.

    Example: mivactl search bird
    """
    from mivactl.operations.search import search as search_registries

    found = search_registries(words or [], run.session, base=base, masked=masked, limit=None if all_ else limit)

    def show() -> None:
        if not found.adapters:
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
            for adapter in found.adapters
        ]
        run.console.table(_COLUMNS, rows)
        if found.more:
            run.console.note(f"and {found.more} more: add a word, or `--all`")

    unreachable = [place.registry for place in found.unreachable]
    data = {"adapters": found.adapters, "more": found.more, "unreachable": unreachable}
    if not unreachable:
        run.answer(data, show)
        return
    for place in found.unreachable[1:]:
        run.console.warn(f"{place.registry}: {place.error.message}; {place.error.hint}")
    run.answer_partly(data, show, found.unreachable[0].error)
