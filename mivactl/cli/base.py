"""`mivactl base list`, `base fetch`, `base add`, `base remove` and `base verify`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mivactl.cli import words
from mivactl.cli.console import Column
from mivactl.cli.run import Run

if TYPE_CHECKING:
    from mivactl.operations.sealed_base import InstalledBase

_COLUMNS = (
    Column("name"),
    Column("title"),
    Column("clip"),
    Column("licence"),
    Column("size", number=True),
    Column("this machine"),
    Column("in use"),
    Column("place"),
)
_ROOMS = {"runs": "runs it", "slow": "hours for a clip", "too large": "too little memory", None: "-"}
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The base, as `animatediff-v3`.")]


def list_(run: Run) -> None:
    """List the base models on this machine, and those that can be fetched.

    Example: mivactl base list
    """
    from mivactl.operations.list_bases import list_bases

    bases = list_bases(run.session)

    def show() -> None:
        rows = [
            (
                base.name,
                base.title,
                f"{base.clip.frames} x {base.clip.width}x{base.clip.height}",
                base.licence,
                "-" if base.size_bytes is None else words.size(base.size_bytes),
                _ROOMS[base.room],
                words.mark(is_set=base.active),
                {"packaged": "comes with mivactl", "can be fetched": f"`mivactl base fetch {base.name}`"}.get(
                    base.state, base.place or ""
                ),
            )
            for base in bases
        ]
        run.console.table(_COLUMNS, rows)

    run.answer({"bases": bases}, show)


def fetch(run: Run, name: NameArgument) -> None:
    """Download a base model from the Hugging Face Hub: safetensors only, no text encoder.

    Example: mivactl base fetch animatediff-v3

    A download that stopped goes on when the same command runs again.
    """
    from mivactl.operations.fetch_base import fetch_base
    from registry_schema.names import BaseName

    _show(run, fetch_base(BaseName(name), run.session, progress=run.progress))


def add(
    run: Run,
    name: NameArgument,
    *,
    folders: Annotated[
        list[Path],
        typer.Option("--from", metavar="DIR", help="A folder with the base, or with some of its parts; repeat it."),
    ],
) -> None:
    """Copy a base model from folders on this machine, in the layout of diffusers.

    Example: mivactl base add animatediff-v3 --from sd15/ --from motion-adapter/

    With another name it is a base of its own: other weights of the same
    architecture, on which adapters run with a note.
    """
    from mivactl.operations.add_base import add_base
    from registry_schema.names import BaseName

    _show(run, add_base(BaseName(name), folders, run.session, progress=run.progress))


def remove(run: Run, name: NameArgument) -> None:
    """Delete a base model of yours; adapters stay.

    Example: mivactl base remove animatediff-v3
    """
    from mivactl.operations.remove_base import remove_base
    from registry_schema.names import BaseName

    freed = remove_base(BaseName(name), run.session)
    data = {"removed": name, "freed_bytes": freed}
    run.answer(data, lambda: run.console.line(f"{name} removed, {words.size(freed)} freed"))


def verify(
    run: Run,
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="Bases; all with weights here if none is given.")
    ] = None,
) -> None:
    """Hash the weights of base models again; fails when anything is missing or was changed.

    Example: mivactl base verify
    """
    from mivactl.operations.verify_bases import verify_bases

    sound = verify_bases(tuple(names or ()), run.session, progress=run.progress)

    def show() -> None:
        for base in sound:
            run.console.line(f"{base.name}  {base.weights}")

    run.answer({"bases": sound}, show)


def _show(run: Run, done: "InstalledBase") -> None:
    spec = done.spec

    def show() -> None:
        run.console.line(str(done.folder))
        if not done.is_new:
            run.console.note(f"{spec.name} is here already; `mivactl base verify {spec.name}` hashes it again")
            return
        run.console.note(f"{spec.name}: {words.size(done.size_bytes)}, weights `{spec.weights.hex[:12]}`")
        for source in spec.sources or ():
            run.console.note(f"  {source.part} from {source.repository} at {source.revision[:12]}")

    data = {
        "name": spec.name,
        "folder": done.folder,
        "bytes": done.size_bytes,
        "weights": spec.weights,
        "sources": [source.plain() for source in spec.sources or ()],
        "is_new": done.is_new,
    }
    run.answer(data, show)
