"""Arguments and options that several commands share, and how their text becomes values."""

from pathlib import Path
from typing import Annotated

import typer

# brackets would be read as markup
REFERENCE = "A name as `waterfall`, `studio/waterfall` or `registry::studio/waterfall`; `@>=1,<2` picks versions."

ReferenceArguments = Annotated[list[str], typer.Argument(metavar="REF...", help=REFERENCE)]
SomeReferenceArguments = Annotated[
    list[str] | None, typer.Argument(metavar="[REF]...", help="Adapters; all that are installed if none is given.")
]
ReferenceArgument = Annotated[str, typer.Argument(metavar="REF", help=REFERENCE)]
BaseOption = Annotated[str | None, typer.Option("--base", metavar="NAME", help="The base model.")]
MaskedOption = Annotated[bool, typer.Option("--masked", help="Take masked builds.")]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Check and print, change nothing.")]
StaleOption = Annotated[
    bool, typer.Option("--allow-stale", help="Take what a registry shows though its signed state has expired.")
]
PublishedArgument = Annotated[
    str, typer.Argument(metavar="REF", help="A name with a version, as `studio/waterfall@==1.0.0`.")
]
TargetOption = Annotated[
    str, typer.Option("--registry", metavar="REGISTRY", help="A registry's name, folder or address.")
]
ProjectOption = Annotated[
    Path, typer.Option("--project", metavar="DIR", help="The folder of `miva.lock`; the current one if left out.")
]
RegistryChangeOption = Annotated[
    bool,
    typer.Option("--allow-registry-change", help="Let a locked adapter come from another registry than before."),
]
