"""A suite from its pictures to its report: own clips, baselines, pipelines, clips of others, scores."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mivactl.disk import disk_errors, write_durably
from mivactl.engine_bridge import (
    BenchMethod,
    BenchRun,
    RunChoices,
    SilentProgress,
    Unusable,
    draw_pictures,
    find_ablation,
    find_pictures,
    find_suite,
    finish_run,
    lay_out_cases,
    make_base_clips,
    make_baselines,
    read_run,
    run_pipeline,
    take_over_clips,
)
from mivactl.operations.benching.own_clips import OwnClips
from mivactl.operations.benching.own_methods import OwnMethod, compose_groups
from registry_schema.errors import Busy, Incompatible, NotFound, UsageProblem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mivactl.engine_bridge import BenchOutcome, FoundGroup, Progress, Suite
    from mivactl.operations.benching.own_methods import ComposedGroup
    from mivactl.session import Session

RUN_FILE: Final = "run.json"
BASE: Final = "base"
BASELINES: Final = {"still": "the picture, standing still", "zoom": "a slow zoom", "real": "the real clip"}
PIPELINES: Final = ("svd", "i2vgen-xl", "pia", "wan-i2v")
QUICK_PICTURES: Final = 1
WEIGHTS_FOLDER: Final = Path("weights") / "bench"


_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+@-]{0,59}")


@dataclass(frozen=True, kw_only=True)
class SuiteOptions:
    """What is compared.

    Attributes:
        suite: its name.
        out: the folder of the run; one that holds the same run is gone on with.
        images: a folder for each group; None draws the pictures, where the suite can be drawn.
        base: a base's name or folder.
        pictures: of each group, if less than the suite's.
        namespace: of the adapters that are called `miva` in the comparison.
        namespaces: of others beside them, by the name they are compared under.
        ablations: switches.
        pipelines: folders of models of diffusers, by kind.
        compare: folders of clips made elsewhere, by name.
        prompts: another table than the suite's.
        choices: seed and steps.
        yes: whether adapters from other registries than the starter may be installed.
    """

    suite: str
    out: Path
    images: Path | None = None
    base: str | None = None
    pictures: int | None = None
    namespace: str = "miva"
    namespaces: tuple[tuple[str, str], ...] = ()
    ablations: tuple[str, ...] = ()
    pipelines: tuple[tuple[str, Path], ...] = ()
    compare: tuple[tuple[str, Path], ...] = ()
    prompts: Path | None = None
    choices: RunChoices = field(default_factory=RunChoices)
    yes: bool = False


@dataclass(frozen=True)
class SuiteRun:
    """A finished run: its folder, what it compared, and what came out."""

    folder: Path
    run: BenchRun
    outcome: BenchOutcome


def named_values(option: str, texts: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """What `NAME=VALUE` says.

    Raises:
        UsageProblem: something else, or a name that can not be one of a file.
    """
    pairs = []
    for text in texts:
        name, equals, value = text.partition("=")
        if not (equals and value and _NAME.fullmatch(name)):
            raise UsageProblem(
                f"`{option} {text}` is not `NAME=...` with a name of letters, digits, `.`, `_`, `+`, `@` and `-`",
                hint=f"write for example `{option} other=folder`",
            )
        pairs.append((name, value))
    return tuple(pairs)


def bench_suite(options: SuiteOptions, session: Session, *, progress: Progress | None = None) -> SuiteRun:
    """Run a suite; what an earlier, interrupted call made is kept.

    Raises:
        NotFound: no such suite, folder or picture, or no adapter at all.
        UsageProblem: an option, or two methods of one name.
        Busy: the folder holds another run.
        Incompatible: adapters that do not fit the base.
        Interrupted: Ctrl-C; the same command goes on.
    """
    progress = progress or SilentProgress()
    suite = find_suite(options.suite, options.prompts)
    for name in options.ablations:
        find_ablation(name)
    with disk_errors(options.out):
        options.out.mkdir(parents=True, exist_ok=True)
    groups, notes = _pictures(suite, options, session, progress)
    composed, more = compose_groups([found.group for found in groups], options, session, masked=suite.masked)
    groups = tuple(found for found in groups if found.group.name in composed)
    if not groups:
        why = f": {more[0]}" if more else ""
        raise NotFound(f"no adapter for any motion of suite `{suite.name}`{why}", hint="run `mivactl search`")
    run = _run(suite, options, groups, composed, notes=(*notes, *more))
    _keep(run, options.out)
    OwnClips(run, options, composed, session, progress).make()
    make_base_clips(run, options.out, next(iter(composed.values())).base.folder, progress=progress)
    make_baselines(run, options.out, progress=progress)
    run = _with_others(run, options, progress)
    _keep(run, options.out)
    weights = session.settings.home / WEIGHTS_FOLDER
    outcome = finish_run(run, options.out, weights if weights.is_dir() else None, progress=progress)
    return SuiteRun(options.out, run, outcome)


def _pictures(
    suite: Suite, options: SuiteOptions, session: Session, progress: Progress
) -> tuple[tuple[FoundGroup, ...], tuple[str, ...]]:
    """The groups that have pictures, and notes."""
    images = options.images
    if images is None:
        if not suite.drawn:
            raise UsageProblem(f"suite `{suite.name}` needs pictures", hint="pass `--images DIR`, a folder each motion")
        images = options.out / "pictures"
        wanted, _ = compose_groups(suite.groups, options, session, masked=suite.masked)
        able = [group for group in suite.groups if group.name in wanted]
        if not able:
            raise NotFound(f"no adapter for any motion of suite `{suite.name}`", hint="run `mivactl search`")
        draw_pictures(able, images, most=options.pictures, progress=progress)
    found = find_pictures(suite, images, most=options.pictures)
    there = tuple(entry for entry in found if entry.pictures)
    if suite.masked:
        _require_masks(there)
    own = options.images is not None
    return there, tuple(entry.note for entry in found if own and entry.note)


def _require_masks(groups: tuple[FoundGroup, ...]) -> None:
    bare = next((picture.photo for found in groups for picture in found.pictures if picture.mask is None), None)
    if bare is not None:
        place = bare.with_name(f"{bare.stem}.mask.png")
        raise NotFound(
            f"`{bare}` has no mask beside it, and masked adapters are compared",
            hint=f"run `mivactl mask {bare} -o {place}`",
        )


def _run(
    suite: Suite,
    options: SuiteOptions,
    groups: tuple[FoundGroup, ...],
    composed: dict[str, ComposedGroup],
    *,
    notes: tuple[str, ...],
) -> BenchRun:
    cases = lay_out_cases(groups, options.out)
    bases = {str(group.base.spec.name): group.base.spec for group in composed.values()}
    if len(bases) > 1:
        raise Incompatible(
            f"the adapters of this suite stand on different bases: {', '.join(bases)}", hint="pass `--base NAME`"
        )
    base = next(iter(bases.values()))
    own = OwnMethod.of_all(options, masked=suite.masked)
    methods = [BenchMethod(name=method.name, kind=method.kind, title=method.title) for method in own]
    methods.append(BenchMethod(name=BASE, kind="base", title="the base alone"))
    has_real = any(case.reference is not None for case in cases)
    methods += [
        BenchMethod(name=name, kind="baseline", title=title)
        for name, title in BASELINES.items()
        if name != "real" or has_real
    ]
    methods += [
        BenchMethod(name=kind, kind="pipeline", title=f"{kind} from {place}") for kind, place in options.pipelines
    ]
    methods += [BenchMethod(name=name, kind="folder", title=f"clips of {place}") for name, place in options.compare]
    _require_different([method.name for method in methods])
    return BenchRun(
        suite=suite.name,
        base=str(base.name),
        width=base.clip.width,
        height=base.clip.height,
        frames=base.clip.frames,
        fps=float(base.clip.fps),
        seed=options.choices.seed,
        steps=options.choices.steps,
        cases=cases,
        methods=tuple(methods),
        notes=notes,
    )


def _require_different(names: list[str]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UsageProblem(f"two methods are called `{twice[0]}`", hint="give one of them another name")


def _keep(run: BenchRun, folder: Path) -> None:
    """Write the run's file; the folder must not hold a run of other cases."""
    if (folder / RUN_FILE).exists():
        before = read_run(folder)
        names = [case.name for case in run.cases]
        then = (before.suite, before.base, before.seed, before.steps, [case.name for case in before.cases])
        if then != (run.suite, run.base, run.seed, run.steps, names):
            raise Busy(
                f"`{folder}` holds another run, of suite `{before.suite}` with {len(before.cases)} cases",
                hint="pass another `--out`",
            )
    write_durably(folder / RUN_FILE, run.to_bytes())


def _with_others(run: BenchRun, options: SuiteOptions, progress: Progress) -> BenchRun:
    """The run with what pipelines and other people's folders gave, and did not give."""
    notes = list(run.notes)
    unusable: list[Unusable] = []
    for kind, place in options.pipelines:
        run_pipeline(kind, place, run, options.out, seed=options.choices.seed, progress=progress)
    for name, place in options.compare:
        taken = take_over_clips(place, run, options.out, name)
        notes += taken.notes
        unusable += taken.unusable
    real = [Unusable(case=case.name, method="real", reason="no real clip of this case") for case in run.cases
            if case.reference is None and any(method.name == "real" for method in run.methods)]  # fmt: skip
    return run.model_copy(update={"notes": tuple(notes), "unusable": (*unusable, *real)})
