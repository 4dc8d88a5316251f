"""`mivactl keys new`, `keys list`, `keys trust`, `keys forget` and `keys rotate`."""

from typing import Annotated

import typer

from mivactl.cli.console import Column
from mivactl.cli.run import Run

_COLUMNS = (Column("kind"), Column("name"), Column("key"))
KeyName = Annotated[str, typer.Argument(metavar="[NAME]", help="What you call the key.")]
NamespaceArgument = Annotated[str, typer.Argument(metavar="NAMESPACE", help="What stands before `/` in a name.")]


def new(run: Run, name: KeyName = "default") -> None:
    """Make a key pair on this machine; `publish` makes the one called `default` itself.

    Example: mivactl keys new
    """
    from mivactl.operations.keys import new_key

    made = new_key(name, run.session)

    def show() -> None:
        run.console.line(f"{made.name}  {made.key}")
        run.console.note(f"the private half is in {run.session.keys.folder}: keep a copy, and show it to nobody")

    run.answer({"key": made}, show)


def list_(run: Run) -> None:
    """List your own keys, whom you trust for which namespace, and the keys of signed registries.

    Example: mivactl keys list
    """
    from mivactl.operations.keys import list_keys

    found = list_keys(run.session)

    def show() -> None:
        rows = [("own", own.name, str(own.key)) for own in found.own]
        rows += [("publisher", entry.namespace, str(key)) for entry in found.publishers for key in entry.keys]
        rows += [("registry", entry.registry, str(key)) for entry in found.registries for key in entry.keys]
        if rows:
            run.console.table(_COLUMNS, rows)
        else:
            run.console.note("no keys so far; `mivactl keys new` makes one")

    run.answer({"own": found.own, "publishers": found.publishers, "registries": found.registries}, show)


def trust(
    run: Run,
    namespace: NamespaceArgument,
    key: Annotated[str, typer.Argument(metavar="KEY", help="A public key, `ed25519:` and 64 hex digits.")],
) -> None:
    """Accept a key for a namespace, beside those known for it; ask its owner first.

    Example: mivactl keys trust studio ed25519:5f0c...
    """
    from mivactl.operations.keys import trust_key
    from registry_schema.signatures import PublicKey

    trusted = trust_key(namespace, PublicKey(key), run.session)

    def show() -> None:
        run.console.line(f"{trusted.namespace}  {', '.join(trusted.keys)}")

    run.answer({"publisher": trusted}, show)


def forget(run: Run, namespace: NamespaceArgument) -> None:
    """Forget the keys of a namespace: whoever signs next is believed.

    Example: mivactl keys forget studio
    """
    from mivactl.operations.keys import forget_namespace

    forget_namespace(namespace, run.session)
    run.answer({"forgotten": namespace}, lambda: run.console.line(f"{namespace} forgotten"))


def rotate(run: Run, name: KeyName = "default") -> None:
    """Replace one of your keys; the old one goes on signing beside it until you delete its file.

    Example: mivactl keys rotate
    """
    from mivactl.operations.keys import rotate_key

    done = rotate_key(name, run.session)

    def show() -> None:
        run.console.line(f"{done.name}  {done.new}")
        run.console.note(f"the old key {done.old} is `{done.retired}` now, and signs beside the new one")

    run.answer({"rotation": done}, show)
