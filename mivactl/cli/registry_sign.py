"""`mivactl registry sign` and `registry advise`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from mivactl.cli.composition_options import one_of
from mivactl.cli.run import Run

if TYPE_CHECKING:
    from registry_schema.advisories import AdvisoryKind

_KINDS = ("malicious", "harmful", "stolen", "broken")
FolderArgument = Annotated[Path, typer.Argument(metavar="DIR", help="The folder of the registry.")]


def sign(
    run: Run,
    folder: FolderArgument,
    *,
    key: Annotated[
        list[str] | None, typer.Option("--key", metavar="NAME", help="A key for a new root; repeat it for several.")
    ] = None,
    threshold: Annotated[int, typer.Option("--threshold", metavar="N", help="How many keys sign together.")] = 1,
) -> None:
    """Sign a registry in a folder as it is now, so that its readers notice old or exchanged files.

    Example: mivactl registry sign /srv/adapters

    What was signed expires after 7 days: run it again before. `publish` signs the registry by itself.
    """
    from mivactl.operations.sign_registry import sign_folder

    done = sign_folder(folder, run.session, keys=key or (), threshold=threshold)

    for build in done.unsigned:
        run.console.warn(
            f"{build} has no signature of its publisher: nobody can install it from here; publish it again"
        )

    def show() -> None:
        for path in done.changed:
            run.console.note(f"signed: {path}")
        run.console.line(f"{done.place} signed: checkpoint {done.checkpoint}, until {done.expires}")

    run.answer({"registry": done}, show)


def advise(
    run: Run,
    folder: FolderArgument,
    digest: Annotated[str, typer.Argument(metavar="DIGEST", help="Of a manifest, a weights file or its tensors.")],
    *,
    kind: Annotated[str, typer.Option("--kind", metavar="|".join(_KINDS), help="What is wrong with it.")],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="One line for those who have it installed.")],
) -> None:
    """Warn of an adapter in a signed registry; `mivactl audit` and `animate` tell those who have it.

    Example: mivactl registry advise /srv/adapters sha256:9c1f... --kind broken --reason "frames flicker"
    """
    from mivactl.operations.advise import advise as warn_of
    from registry_schema.digests import Digest

    chosen = cast("AdvisoryKind", one_of("--kind", kind, _KINDS))
    advisory = warn_of(folder, Digest(digest), run.session, kind=chosen, reason=reason)
    run.answer({"advisory": advisory}, lambda: run.console.line(f"{advisory.digest} is {advisory.kind}"))
