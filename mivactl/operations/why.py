"""Why a build is taken: every build of the adapters asked for, accepted or rejected for every base, with the reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mivactl.operations.planning import plan_for
from mivactl.resolve.plan import Accept, Plan

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mivactl.resolve.plan import Decision
    from mivactl.session import Session
    from registry_schema.ref import AdapterRef


@dataclass(frozen=True)
class Explained:
    """One build for one base: `taken`, `accepted` (another was better) or `rejected`, why, and the way out."""

    asked: str
    base: str
    build: str
    registry: str
    verdict: str
    reason: str
    hint: str


@dataclass(frozen=True)
class Explanation:
    """The base that was taken, None when there is none, and all decisions in the order they were made."""

    base: str | None
    decisions: tuple[Explained, ...]


def why(refs: Sequence[AdapterRef], session: Session, *, base: str | None = None, masked: bool = False) -> Explanation:
    """How `refs` are resolved.

    Raises:
        NotFound: a name or a base nobody knows.
    """
    plan = plan_for(refs, session, base=base, masked=masked)
    taken = plan.base.name if isinstance(plan, Plan) else None
    return Explanation(taken, tuple(_explained(decision) for decision in plan.trace))


def _explained(decision: Decision) -> Explained:
    verdict = decision.verdict
    line = decision.candidate.line
    if isinstance(verdict, Accept):
        word = "taken" if decision.taken else "accepted"
        reason, hint = verdict.note or verdict.level, ""
    else:
        word, reason, hint = "rejected", verdict.reason, verdict.hint
    return Explained(
        asked=str(decision.ref),
        base=decision.base,
        build=f"{line.name} {line.key.tag}",
        registry=decision.candidate.registry,
        verdict=word,
        reason=reason,
        hint=hint,
    )
