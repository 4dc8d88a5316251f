"""`mivactl bench`: one command, a job for each of its modes."""

from pathlib import Path

from mivactl.cli.bench_options import (
    AblateOption,
    AdaptersOfOption,
    AdaptersOption,
    ClipsOption,
    CompareOption,
    CountedOption,
    ImagesOption,
    LambdaOption,
    MaskedOption,
    NamespaceOption,
    OutOption,
    PicturesOption,
    PipelineOption,
    PromptsOption,
    QuickOption,
    ReferencesArgument,
    RoundsOption,
    SampleOption,
    SeedOption,
    SpeedOption,
    StepsOption,
    SuiteOption,
    VerifyOption,
    YesOption,
)
from mivactl.cli.options import BaseOption
from mivactl.cli.run import Run


def bench(  # noqa: PLR0913 - one parameter for each option
    run: Run,
    references: ReferencesArgument = None,
    *,
    suite: SuiteOption = None,
    images: ImagesOption = None,
    out: OutOption = Path("bench"),
    quick: QuickOption = False,
    pictures: PicturesOption = None,
    compare: CompareOption = None,
    pipeline: PipelineOption = None,
    namespace: NamespaceOption = "miva",
    adapters_of: AdaptersOfOption = None,
    ablate: AblateOption = None,
    prompts: PromptsOption = None,
    seed: SeedOption = 42,
    steps: StepsOption = None,
    verify: VerifyOption = None,
    sample: SampleOption = None,
    yes: YesOption = False,
    base: BaseOption = None,
    counted: CountedOption = False,
    speed: SpeedOption = False,
    masked: MaskedOption = False,
    adapters: AdaptersOption = 4,
    rounds: RoundsOption = 15,
    clips: ClipsOption = 3,
    lambda_: LambdaOption = False,
) -> None:
    """Measure adapters: what they cost, what they look at, and how their clips compare with others.

    Example: mivactl bench --suite starter --quick -o run

    `--counted` needs no weights and gives the same numbers on every machine. A suite makes clips of every
    method, scores them on one footing and writes `report.html`; interrupted, the same command goes on.
    """
    from mivactl.cli import bench_counted, bench_shown
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
        bench_counted.counted(run, base=base, adapters=adapters, masked=masked)
    elif mode == "--speed":
        bench_shown.speed(run, base=base, adapters=adapters, rounds=rounds, clips=clips)
    elif mode == "--lambda":
        bench_shown.references(run, references or [], base=base, out=out, yes=yes)
    elif verify is not None:
        bench_shown.verified(run, verify, most=sample)
    else:
        from mivactl.engine_bridge import RunChoices
        from mivactl.operations.benching.suite import SuiteOptions, named_values

        options = SuiteOptions(
            suite=suite or "",
            out=out,
            images=images,
            base=base,
            pictures=1 if quick else pictures,
            namespace=namespace,
            namespaces=named_values("--adapters-of", adapters_of or ()),
            ablations=tuple(ablate or ()),
            pipelines=_named_folders("--pipeline", pipeline),
            compare=_named_folders("--compare", compare),
            prompts=prompts,
            choices=RunChoices(seed=seed, steps=steps),
            yes=yes,
        )
        bench_shown.suite(run, options)


def _named_folders(option: str, texts: list[str] | None) -> tuple[tuple[str, Path], ...]:
    from mivactl.operations.benching.suite import named_values

    return tuple((name, Path(place)) for name, place in named_values(option, texts or ()))
