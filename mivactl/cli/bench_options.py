"""Options of `mivactl bench`."""

from pathlib import Path
from typing import Annotated

import typer

_COUNTING = "Cost"
_COMPARING = "Comparing methods on a suite"

ReferencesArgument = Annotated[list[str] | None, typer.Argument(metavar="[REF]...", help="Adapters, for `--lambda`.")]
SuiteOption = Annotated[
    str | None,
    typer.Option(
        "--suite",
        metavar="NAME",
        help="Compare methods: `starter`, `paper-single`, `paper-multi`, `paper-mmiva`.",
        rich_help_panel=_COMPARING,
    ),
]
ImagesOption = Annotated[
    Path | None,
    typer.Option("--images", metavar="DIR", help="Pictures, in a folder for each motion.", rich_help_panel=_COMPARING),
]
OutOption = Annotated[
    Path, typer.Option("--out", "-o", metavar="DIR", help="The folder of the run; goes on with one that is there.")
]
QuickOption = Annotated[bool, typer.Option("--quick", help="One picture of each motion.", rich_help_panel=_COMPARING)]
PicturesOption = Annotated[
    int | None,
    typer.Option("--pictures", metavar="N", min=1, help="At most so many of each motion.", rich_help_panel=_COMPARING),
]
CompareOption = Annotated[
    list[str] | None,
    typer.Option(
        "--compare", metavar="NAME=DIR", help="Clips made elsewhere, named by case.", rich_help_panel=_COMPARING
    ),
]
PipelineOption = Annotated[
    list[str] | None,
    typer.Option(
        "--pipeline",
        metavar="KIND=DIR",
        help="A model of diffusers: `svd`, `i2vgen-xl`, `pia`, `wan-i2v`.",
        rich_help_panel=_COMPARING,
    ),
]
NamespaceOption = Annotated[
    str,
    typer.Option("--namespace", metavar="NAME", help="Of the adapters.", rich_help_panel=_COMPARING),
]
AdaptersOfOption = Annotated[
    list[str] | None,
    typer.Option(
        "--adapters-of",
        metavar="NAME=NAMESPACE",
        help="The same motions by another namespace.",
        rich_help_panel=_COMPARING,
    ),
]
AblateOption = Annotated[
    list[str] | None,
    typer.Option("--ablate", metavar="SWITCH", help="Adapters with one thing changed.", rich_help_panel=_COMPARING),
]
PromptsOption = Annotated[
    Path | None,
    typer.Option("--prompts", metavar="FILE", help="A CSV table: group, prompt, camera.", rich_help_panel=_COMPARING),
]
SeedOption = Annotated[int, typer.Option("--seed", metavar="N", rich_help_panel=_COMPARING)]
StepsOption = Annotated[
    int | None, typer.Option("--steps", metavar="N", help="Of sampling.", rich_help_panel=_COMPARING)
]
VerifyOption = Annotated[
    Path | None,
    typer.Option(
        "--verify",
        metavar="DIR",
        help="Make a run's clips again from their receipts, and score all again.",
        rich_help_panel=_COMPARING,
    ),
]
SampleOption = Annotated[
    int | None,
    typer.Option(
        "--sample", metavar="N", min=1, help="With `--verify`: make so many again.", rich_help_panel=_COMPARING
    ),
]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Install adapters of any registry.")]
CountedOption = Annotated[
    bool,
    typer.Option(
        "--counted",
        help="Count parameters, operations and memory from shapes; loads no weights.",
        rich_help_panel=_COUNTING,
    ),
]
SpeedOption = Annotated[
    bool, typer.Option("--speed", help="Time steps and whole clips, as ratios.", rich_help_panel=_COUNTING)
]
MaskedOption = Annotated[
    bool, typer.Option("--masked", help="Count what a mask stream adds, too.", rich_help_panel=_COUNTING)
]
AdaptersOption = Annotated[
    int,
    typer.Option(
        "--adapters", metavar="N", help="Adapters in the largest composition, 1 to 8.", rich_help_panel=_COUNTING
    ),
]
RoundsOption = Annotated[
    int, typer.Option("--rounds", metavar="N", help="Of steps that are timed.", rich_help_panel=_COUNTING)
]
ClipsOption = Annotated[
    int, typer.Option("--clips", metavar="N", help="Of clips that are timed.", rich_help_panel=_COUNTING)
]
LambdaOption = Annotated[
    bool, typer.Option("--lambda", help="Show what adapters look at: heat maps of their reference weights.")
]
