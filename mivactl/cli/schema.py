"""`mivactl schema`."""

import json
from typing import Annotated

import typer

from mivactl.cli.run import Run


def schema(
    run: Run,
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="A document as `manifest`; all are listed if none is given.")
    ] = None,
) -> None:
    """Print the JSON Schema of a document, or list the documents.

    Example: mivactl schema manifest
    """
    from mivactl.operations.schemas import json_schema, schema_names

    if name is None:
        names = schema_names()

        def show_names() -> None:
            for known in names:
                run.console.line(known)

        run.answer({"documents": names}, show_names)
        return
    found = json_schema(name)

    def show() -> None:
        for line in json.dumps(found, indent=2, sort_keys=True).splitlines():
            run.console.line(line)

    run.answer({"schema": found}, show)
