"""`mivactl registry add`, `registry list` and `registry remove`."""

from pathlib import Path
from typing import Annotated

import typer

from mivactl.cli import words
from mivactl.cli.console import Column
from mivactl.cli.run import Run

_COLUMNS = (Column("name"), Column("adapters", number=True), Column("publish"), Column("namespaces"), Column("place"))
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="What you call the registry.")]


def add(
    run: Run,
    name: NameArgument,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where it is.")],
    *,
    create: Annotated[bool, typer.Option("--create", help="Make a new, empty registry there.")] = False,
    namespace: Annotated[
        list[str] | None,
        typer.Option(
            "--namespace",
            metavar="NAME",
            help="Take the adapters of a namespace from here and never from elsewhere; repeat it for several.",
        ),
    ] = None,
) -> None:
    """Add a registry in a folder; it is asked after those added before.

    Example: mivactl registry add studio /mnt/studio/adapters --namespace studio
    """
    from mivactl.operations.registries import add_registry
    from registry_schema.names import Namespace, RegistryName

    namespaces = tuple(Namespace(text) for text in dict.fromkeys(namespace or ()))
    added = add_registry(RegistryName(name), folder, run.session, create=create, namespaces=namespaces)
    run.answer({"registry": added}, lambda: run.console.line(f"{added.name} added: {added.place}"))


def list_(run: Run) -> None:
    """List the registries in the order they are asked.

    Example: mivactl registry list
    """
    from mivactl.operations.registries import list_registries

    registries = tuple(list_registries(run.session))

    def show() -> None:
        rows = [
            (
                entry.name,
                str(entry.adapter_count),
                words.mark(is_set=entry.writable),
                " ".join(entry.namespaces),
                entry.place,
            )
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
