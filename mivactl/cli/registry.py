"""`mivactl registry add`, `registry list`, `registry remove` and `registry site`."""

from pathlib import Path
from typing import Annotated

import typer

from mivactl.cli import words
from mivactl.cli.console import Column
from mivactl.cli.run import Run

_COLUMNS = (Column("name"), Column("adapters", number=True), Column("publish"), Column("place"))
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="What you call the registry.")]


def add(
    run: Run,
    name: NameArgument,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where it is.")],
    *,
    create: Annotated[bool, typer.Option("--create", help="Make a new, empty registry there.")] = False,
) -> None:
    """Add a registry in a folder; it is asked after those added before.

    Example: mivactl registry add studio /mnt/studio/adapters
    """
    from mivactl.operations.registries import add_registry
    from registry_schema.names import RegistryName

    added = add_registry(RegistryName(name), folder, run.session, create=create)
    run.answer({"registry": added}, lambda: run.console.line(f"{added.name} added: {added.place}"))


def list_(run: Run) -> None:
    """List the registries in the order they are asked.

    Example: mivactl registry list
    """
    from mivactl.operations.registries import list_registries

    registries = tuple(list_registries(run.session))

    def show() -> None:
        rows = [
            (entry.name, str(entry.adapter_count), words.mark(is_set=entry.writable), entry.place)
            for entry in registries
        ]
        run.console.table(_COLUMNS, rows)

    run.answer({"registries": registries}, show)


def remove(run: Run, name: NameArgument) -> None:
    """Forget a registry; its folder and what was installed from it stay.

    Example: mivactl registry remove studio
    """
    from mivactl.operations.registries import remove_registry
    from registry_schema.names import RegistryName

    remove_registry(RegistryName(name), run.session)
    run.answer({"removed": name}, lambda: run.console.line(f"{name} removed"))


def site(
    run: Run,
    place: Annotated[str, typer.Argument(metavar="DIR", help="The registry: its folder, or its name.")],
    *,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FOLDER", help="Where; `site` in the registry if not given.")
    ] = None,
) -> None:
    """Render a registry as web pages, for any web server or to be opened from the disk.

    Example: mivactl registry site /mnt/studio/adapters --out public
    """
    from mivactl.operations.site import render_site

    done = render_site(place, run.session, out=out, progress=run.progress)

    def show() -> None:
        for problem in done.left_out:
            run.console.note(f"not shown: {problem}")
        size = words.size(done.size_bytes)
        run.console.line(f"{done.adapter_count} adapters in {done.file_count} files, {size}: {done.start}")

    run.answer({"site": done}, show)
