"""Our own methods of a comparison, adapters and ablations, and the builds they need."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from mivactl.engine_bridge import find_ablation, settle
from mivactl.operations.composition import Wanted, compose_wanted
from registry_schema.errors import Incompatible, NotFound
from registry_schema.ref import AdapterRef

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mivactl.bases import KnownBase
    from mivactl.engine_bridge import Group
    from mivactl.operations.benching.suite import SuiteOptions
    from mivactl.operations.composition import Composed
    from mivactl.session import Session
    from registry_schema.receipt import RunSettings

ADAPTERS, PLAIN = "miva", "miva-plain"


@dataclass(frozen=True)
class OwnMethod:
    """One of ours.

    Attributes:
        namespace: of its adapters.
        ablation: a switch, or None.
        masked: whether it takes the masked builds of its adapters, and the masks of the pictures.
    """

    name: str
    kind: Literal["adapters", "ablation"]
    title: str
    namespace: str
    ablation: str | None = None
    masked: bool = False

    @classmethod
    def of_all(cls, options: SuiteOptions, *, masked: bool) -> tuple[OwnMethod, ...]:
        """Those that the options ask for, the adapters first; with `masked` their plain builds come second."""
        title = f"adapters of `{options.namespace}`"
        plain = (cls(PLAIN, "adapters", f"{title}, their plain builds", options.namespace),) if masked else ()
        others = [
            cls(name, "adapters", f"adapters of `{namespace}`", namespace, masked=masked)
            for name, namespace in options.namespaces
        ]
        ablations = [
            cls(f"{ADAPTERS}-{name}", "ablation", find_ablation(name).title, options.namespace, name, masked)
            for name in options.ablations
        ]
        return (cls(ADAPTERS, "adapters", title, options.namespace, masked=masked), *plain, *others, *ablations)


@dataclass(frozen=True)
class ComposedGroup:
    """What makes the clips of a group: builds and settings, for each of our methods."""

    base: KnownBase
    methods: tuple[tuple[OwnMethod, Composed, RunSettings], ...]


def compose_groups(
    groups: Sequence[Group], options: SuiteOptions, session: Session, *, masked: bool
) -> tuple[dict[str, ComposedGroup], tuple[str, ...]]:
    """The groups whose adapters there are, and notes about those that are not, and on switches that change nothing."""
    found: dict[str, ComposedGroup] = {}
    notes: list[str] = []
    for group in groups:
        try:
            found[group.name], more = _compose(group, options, session, masked=masked)
        except (NotFound, Incompatible) as problem:
            notes.append(f"{group.name}: not in this run, {problem.message}")
            continue
        notes += [note for note in more if note not in notes]
    return found, tuple(notes)


def _compose(group: Group, options: SuiteOptions, session: Session, *, masked: bool) -> tuple[ComposedGroup, list[str]]:
    methods, notes = [], []
    base: KnownBase | None = None
    for method in OwnMethod.of_all(options, masked=masked):
        composed = compose_wanted(_wanted(group, method, options), session)
        base = composed.chosen.base
        specs = [build.manifest.adapter for build in composed.chosen.builds]
        settings = settle(replace(options.choices, size="base"), base.spec, specs)
        if method.ablation is not None:
            changed = find_ablation(method.ablation).change(settings)
            if changed == settings:
                notes.append(f"{method.name}: changes nothing here, base `{base.spec.name}` runs so anyway")
            settings = changed
        methods.append((method, composed, settings))
    if base is None:  # pragma: no cover - there is always one method
        raise NotFound(f"no method for `{group.name}`")
    return ComposedGroup(base, tuple(methods)), notes


def _wanted(group: Group, method: OwnMethod, options: SuiteOptions) -> Wanted:
    named = zip(group.motions, group.weights, strict=True)
    refs = tuple(replace(AdapterRef.parse(f"{method.namespace}/{motion}"), weight=weight) for motion, weight in named)
    masked = frozenset(ref.name for ref in refs) if method.masked else frozenset()
    return Wanted(refs=refs, base=options.base, yes=options.yes, masked=masked)
