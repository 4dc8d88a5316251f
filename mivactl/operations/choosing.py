"""Which base runs, which build of each adapter, and why; nothing is installed here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mivactl.bases import require_weights
from mivactl.operations.planning import manifest_of, plan_for, require_plan
from mivactl.resolve.plan import Plan
from mivactl.settings import DEFAULT_BASE
from registry_schema.errors import Incompatible

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from mivactl.bases import KnownBase
    from mivactl.engine_bridge import Room
    from mivactl.resolve.plan import Candidate
    from mivactl.session import Session
    from registry_schema.manifest import Manifest
    from registry_schema.names import AdapterName
    from registry_schema.ref import AdapterRef


_WORDS: Final[dict[Room | None, str]] = {
    "slow": "would take hours without a graphics card",
    "too large": "needs more memory than is here",
}


@dataclass(frozen=True)
class ChosenBuild:
    """The build that answers one reference."""

    candidate: Candidate
    manifest: Manifest
    note: str

    @property
    def label(self) -> str:
        """`waterfall 1.0.0`; the namespace `miva` goes without saying."""
        return f"{self.manifest.name.removeprefix('miva/')} {self.manifest.version}"


@dataclass(frozen=True)
class Chosen:
    """A base, why it was chosen, and one build for each reference in their order."""

    base: KnownBase
    reason: str
    builds: tuple[ChosenBuild, ...]


def choose(
    refs: Sequence[AdapterRef],
    session: Session,
    *,
    base: str | None = None,
    masked: Collection[AdapterName] = (),
) -> Chosen:
    """The base and the builds for `refs`; builds that are installed are taken before newer ones elsewhere.

    Args:
        base: a base's name or folder; None takes the settings' one, or the best of this machine.
        masked: the adapters of which masked builds are wanted.

    Raises:
        NotFound: an adapter or a base nobody knows, or a base without weights here.
        Incompatible: no base has a build for each.
    """
    plan = plan_for(refs, session, base=base, masked=masked, installed_only=True, runnable_only=True)
    if not isinstance(plan, Plan):
        plan = plan_for(refs, session, base=base, masked=masked, runnable_only=True)
        if not isinstance(plan, Plan) and masked:
            _require_masked(refs, session, base, masked)
        plan = require_plan(plan, refs)
    known = session.base(base if base is not None else plan.base.name)
    require_weights(known)
    builds = tuple(
        ChosenBuild(choice.candidate, manifest_of(choice.candidate, session), choice.fit.note)
        for choice in plan.choices
    )
    return Chosen(known, _reason(session, known, asked=base is not None), builds)


def base_reference(base: KnownBase, session: Session) -> str:
    """How `choose` and `plan_for` are asked for a base: by its name, or its folder where a person named that."""
    return str(base.spec.name) if base in session.bases else str(base.folder)


def _require_masked(
    refs: Sequence[AdapterRef], session: Session, base: str | None, masked: Collection[AdapterName]
) -> None:
    """Name the adapter that has no masked build, where plain ones would do.

    Raises:
        Incompatible: there is one.
    """
    if not isinstance(plan_for(refs, session, base=base, runnable_only=True), Plan):
        return
    for ref in refs:
        only = [name for name in masked if name == ref.name]
        if only and not isinstance(plan_for([ref], session, base=base, masked=only, runnable_only=True), Plan):
            name = str(ref.name).removeprefix("miva/")
            msg = f"`{name}` has no masked build here, and was given a mask"
            raise Incompatible(msg, hint=f"leave out `--mask {name}=...` to take its plain build")


def _reason(session: Session, base: KnownBase, *, asked: bool) -> str:
    if asked:
        return "you asked for it"
    if session.settings.base_was_chosen:
        return "your settings name it"
    if len(session.bases) == 1:
        return "the only base on this machine"
    reason = "the best base on this machine with a build of each adapter"
    if base.spec.name == DEFAULT_BASE:
        reason = "no other base that this machine runs has a build of each adapter"
    passed_over = [f"`{known.spec.name}` {_WORDS[known.room]}" for known in session.bases if known.room in _WORDS]
    return f"{reason} ({', '.join(passed_over)})" if passed_over else reason
