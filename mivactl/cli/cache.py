"""`mivactl cache size`, `cache dir` and `cache clear`."""

from mivactl.cli import words
from mivactl.cli.console import Column
from mivactl.cli.run import Run

_COLUMNS = (Column("what"), Column("size", number=True), Column("clearable", number=True), Column("place"))


def size(run: Run) -> None:
    """Show what mivactl keeps on this machine, and how much of it `cache clear` removes.

    Example: mivactl cache size
    """
    from mivactl.operations.cache import cache_places

    places = cache_places(run.session)

    def show() -> None:
        rows = [
            (place.name, words.size(place.size_bytes), words.size(place.clearable_bytes), str(place.path))
            for place in places
        ]
        run.console.table(_COLUMNS, rows)

    run.answer({"places": places}, show)


def dir_(run: Run) -> None:
    """Print the folder that mivactl keeps everything in; `MIVACTL_HOME` moves it.

    Example: mivactl cache dir
    """
    home = run.settings.home
    run.answer({"dir": home}, lambda: run.console.line(str(home)))


def clear(run: Run) -> None:
    """Remove all that nothing needs, however new, and all that can be fetched or computed again.

    Example: mivactl cache clear
    """
    from mivactl.operations.cache import clear_cache

    done = clear_cache(run.session)
    run.answer(
        {"freed_bytes": done.freed_bytes, "garbage": done.garbage},
        lambda: run.console.line(f"{len(done.garbage)} removed, {words.size(done.freed_bytes)}"),
    )
