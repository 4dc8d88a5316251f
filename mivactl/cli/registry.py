"""`mivactl registry init`, `registry add`, `registry list`, `registry remove`, `registry sync` and `registry site`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mivactl.cli import words
from mivactl.cli.console import Column
from mivactl.cli.login import read_token
from mivactl.cli.run import Run

if TYPE_CHECKING:
    from mivactl.operations.registries import ListedRegistry

_COLUMNS = (Column("name"), Column("adapters", number=True), Column("publish"), Column("namespaces"), Column("place"))
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="What you call the registry.")]


def init(
    run: Run,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new or empty folder.")],
    *,
    name: Annotated[
        str | None, typer.Option("--name", help="What it calls itself; the folder's name if left out.")
    ] = None,
) -> None:
    """Make a new, empty registry in a folder; any web server or bucket can offer it unchanged.

    Example: mivactl registry init ./adapters
    """
    from mivactl.operations.registries import init_registry
    from registry_schema.names import RegistryName

    made = init_registry(folder, name=RegistryName(name) if name else None)
    run.answer({"registry": made}, lambda: run.console.line(f"registry {made.name} made in {made.place}"))


def add(  # noqa: PLR0913 - one parameter for each option
    run: Run,
    name: NameArgument,
    place: Annotated[str, typer.Argument(metavar="PLACE", help="Where it is: a folder or an address.")],
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
    ca: Annotated[
        Path | None, typer.Option("--ca", metavar="FILE", help="Certificate authorities to trust for it alone.")
    ] = None,
    insecure: Annotated[bool, typer.Option("--insecure", help="Allow http without encryption.")] = False,
    login: Annotated[
        bool, typer.Option("--login", help="Ask for a token, or read it from stdin, and keep it for this registry.")
    ] = False,
    realm: Annotated[
        list[str] | None,
        typer.Option("--realm", metavar="HOST", help="A server that may be told the secret to make a token of it."),
    ] = None,
) -> None:
    """Add a registry in a folder or at an address; it is asked after those added before.

    Addresses are those of web servers, https://studio.example/adapters, of object stores, s3://studio/adapters, of OCI
    registries, oci://ghcr.io/studio/adapters, and hf://OWNER on the Hugging Face Hub.

    Example: mivactl registry add studio https://studio.example/adapters --namespace studio
    """
    from mivactl.operations.registries import Reach, add_registry
    from registry_schema.names import Namespace, RegistryName

    reach = Reach(ca, insecure, tuple(realm or ()), read_token(name) if login else None)
    namespaces = tuple(Namespace(text) for text in dict.fromkeys(namespace or ()))
    added = add_registry(RegistryName(name), place, run.session, create=create, namespaces=namespaces, reach=reach)
    tell_problem(run, added)
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
                _count(entry.adapter_count),
                words.mark(is_set=entry.writable),
                " ".join(entry.namespaces),
                entry.place,
            )
            for entry in registries
        ]
        run.console.table(_COLUMNS, rows)
        for entry in registries:
            tell_problem(run, entry)

    run.answer({"registries": registries}, show)


def tell_problem(run: Run, entry: "ListedRegistry") -> None:
    """Why a registry can not be asked, or what looks wrong with it."""
    if entry.problem:
        run.console.warn(f"{entry.name}: {entry.problem}; {entry.hint}")


def remove(run: Run, name: NameArgument) -> None:
    """Forget a registry; its folder and what was installed from it stay.

    Example: mivactl registry remove studio
    """
    from mivactl.operations.registries import remove_registry
    from registry_schema.names import RegistryName

    remove_registry(RegistryName(name), run.session)
    run.answer({"removed": name}, lambda: run.console.line(f"{name} removed"))


def sync(
    run: Run,
    source: Annotated[str, typer.Argument(metavar="DIR", help="The registry: a folder or an address.")],
    target: Annotated[str, typer.Argument(metavar="PLACE", help="Where to: a folder or an address as `s3://...`.")],
) -> None:
    """Bring every build of a registry to another place, byte for byte; what is there already stays.

    Example: mivactl registry sync ./adapters s3://studio/adapters
    """
    from mivactl.operations.sync_registry import sync_registry

    done = sync_registry(source, target, run.session, progress=run.progress)
    run.answer(
        {"synced": done},
        lambda: run.console.line(f"{done.adapters} adapters, {done.new_builds} new builds in {done.target}"),
    )


def site(
    run: Run,
    place: Annotated[str, typer.Argument(metavar="PLACE", help="The registry: its folder, address or name.")],
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


def _count(adapters: int | None) -> str:
    return "unreachable" if adapters is None else str(adapters)
