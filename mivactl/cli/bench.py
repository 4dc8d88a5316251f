"""`mivactl bench`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mivactl.cli.options import BaseOption
from mivactl.cli.run import Run

if TYPE_CHECKING:
    from mivactl.operations.benching.suite import SuiteOptions

_COUNTING = "Cost"
_COMPARING = "Comparing methods on a suite"


def bench(  # noqa: PLR0913 - one parameter for each option
    run: Run,
    references: Annotated[
        list[str] | None, typer.Argument(metavar="[REF]...", help="Adapters, for `--lambda`.")
    ] = None,
    *,
    suite: Annotated[
        str | None,
        typer.Option(
            "--suite",
            metavar="NAME",
            help="Compare methods: `starter`, `paper-single`, `paper-multi`.",
            rich_help_panel=_COMPARING,
        ),
    ] = None,
    images: Annotated[
        Path | None,
        typer.Option(
            "--images", metavar="DIR", help="Pictures, in a folder for each motion.", rich_help_panel=_COMPARING
        ),
    ] = None,
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="DIR", help="The folder of the run; goes on with one that is there.")
    ] = Path("bench"),
    quick: Annotated[
        bool, typer.Option("--quick", help="One picture of each motion.", rich_help_panel=_COMPARING)
    ] = False,
    pictures: Annotated[
        int | None,
        typer.Option(
            "--pictures", metavar="N", min=1, help="At most so many of each motion.", rich_help_panel=_COMPARING
        ),
    ] = None,
    compare: Annotated[
        list[str] | None,
        typer.Option(
            "--compare", metavar="NAME=DIR", help="Clips made elsewhere, named by case.", rich_help_panel=_COMPARING
        ),
    ] = None,
    pipeline: Annotated[
        list[str] | None,
        typer.Option(
            "--pipeline",
            metavar="KIND=DIR",
            help="A model of diffusers: `svd`, `i2vgen-xl`, `pia`, `wan-i2v`.",
            rich_help_panel=_COMPARING,
        ),
    ] = None,
    namespace: Annotated[
        str,
        typer.Option("--namespace", metavar="NAME", help="Of the adapters.", rich_help_panel=_COMPARING),
    ] = "miva",
    adapters_of: Annotated[
        list[str] | None,
        typer.Option(
            "--adapters-of",
            metavar="NAME=NAMESPACE",
            help="The same motions by another namespace.",
            rich_help_panel=_COMPARING,
        ),
    ] = None,
    ablate: Annotated[
        list[str] | None,
        typer.Option("--ablate", metavar="SWITCH", help="Adapters with one thing changed.", rich_help_panel=_COMPARING),
    ] = None,
    prompts: Annotated[
        Path | None,
        typer.Option(
            "--prompts", metavar="FILE", help="A CSV table: group, prompt, camera.", rich_help_panel=_COMPARING
        ),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", metavar="N", rich_help_panel=_COMPARING)] = 42,
    steps: Annotated[
        int | None, typer.Option("--steps", metavar="N", help="Of sampling.", rich_help_panel=_COMPARING)
    ] = None,
    verify: Annotated[
        Path | None,
        typer.Option(
            "--verify",
            metavar="DIR",
            help="Make a run's clips again from their receipts, and score all again.",
            rich_help_panel=_COMPARING,
        ),
    ] = None,
    sample: Annotated[
        int | None,
        typer.Option(
            "--sample", metavar="N", min=1, help="With `--verify`: make so many again.", rich_help_panel=_COMPARING
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Install adapters of any registry.")] = False,
    base: BaseOption = None,
    counted: Annotated[
        bool,
        typer.Option(
            "--counted",
            help="Count parameters, operations and memory from shapes; loads no weights.",
            rich_help_panel=_COUNTING,
        ),
    ] = False,
    speed: Annotated[
        bool, typer.Option("--speed", help="Time steps and whole clips, as ratios.", rich_help_panel=_COUNTING)
    ] = False,
    masked: Annotated[
        bool, typer.Option("--masked", help="Count what a mask stream adds, too.", rich_help_panel=_COUNTING)
    ] = False,
    adapters: Annotated[
        int,
        typer.Option(
            "--adapters", metavar="N", help="Adapters in the largest composition, 1 to 8.", rich_help_panel=_COUNTING
        ),
    ] = 4,
    rounds: Annotated[
        int, typer.Option("--rounds", metavar="N", help="Of steps that are timed.", rich_help_panel=_COUNTING)
    ] = 15,
    clips: Annotated[
        int, typer.Option("--clips", metavar="N", help="Of clips that are timed.", rich_help_panel=_COUNTING)
    ] = 3,
    lambda_: Annotated[
        bool, typer.Option("--lambda", help="Show what adapters look at: heat maps of their reference weights.")
    ] = False,
) -> None:
    """Measure adapters: what they cost, what they look at, and how their clips compare with others.

    Example: mivactl bench --suite starter --quick -o run

    `--counted` needs no weights and gives the same numbers on every machine. A suite makes clips of every
    method, scores them on one footing and writes `report.html`; interrupted, the same command goes on.
    """
    from mivactl.cli import bench_shown
    from mivactl.operations.benching.modes import chosen_mode

    mode = chosen_mode(
        {
            "--counted": counted,
            "--speed": speed,
            "--lambda": lambda_,
            "--suite": suite is not None,
            "--verify": verify is not None,
        }
    )
    if mode == "--counted":
        from mivactl.cli.bench_counted import show_counted
        from mivactl.operations.benching.counted import bench_counted

        show_counted(
            run, bench_counted(run.session, base=base, adapters=adapters, masked=masked, progress=run.progress)
        )
    elif mode == "--speed":
        bench_shown.speed(run, base=base, adapters=adapters, rounds=rounds, clips=clips)
    elif mode == "--lambda":
        bench_shown.references(run, references or [], base=base, out=out, yes=yes)
    elif verify is not None:
        bench_shown.verified(run, verify, most=sample)
    else:
        bench_shown.suite(
            run,
            _suite_options(
                suite=suite or "",
                out=out,
                images=images,
                base=base,
                pictures=1 if quick else pictures,
                ablations=ablate,
                prompts=prompts,
                named=(adapters_of, pipeline, compare),
                settings=(seed, steps, yes),
                namespace=namespace,
            ),
        )


def _suite_options(  # noqa: PLR0913 - one parameter for each option
    *,
    suite: str,
    out: Path,
    images: Path | None,
    base: str | None,
    pictures: int | None,
    ablations: list[str] | None,
    prompts: Path | None,
    named: tuple[list[str] | None, list[str] | None, list[str] | None],
    settings: tuple[int, int | None, bool],
    namespace: str,
) -> "SuiteOptions":
    from mivactl.engine_bridge import RunChoices
    from mivactl.operations.benching.suite import SuiteOptions, named_values

    namespaces, pipelines, compare = (
        named_values(option, values or ())
        for option, values in zip(("--adapters-of", "--pipeline", "--compare"), named, strict=True)
    )
    seed, steps, yes = settings
    return SuiteOptions(
        suite=suite,
        out=out,
        images=images,
        base=base,
        pictures=pictures,
        namespace=namespace,
        namespaces=namespaces,
        ablations=tuple(ablations or ()),
        pipelines=tuple((name, Path(place)) for name, place in pipelines),
        compare=tuple((name, Path(place)) for name, place in compare),
        prompts=prompts,
        choices=RunChoices(seed=seed, steps=steps),
        yes=yes,
    )
