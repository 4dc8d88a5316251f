"""From references to a plan: candidates, bases in order of preference, the resolver, and a look at each manifest."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from mivactl import version
from mivactl.operations.candidates import request_for
from mivactl.resolve.plan import Accept, NoPlan, Plan, Reject
from mivactl.resolve.resolver import resolve
from mivactl.settings import DEFAULT_BASE
from registry_schema.compatibility import Rejected, check_fit
from registry_schema.errors import Incompatible, IntegrityProblem
from registry_schema.versions import Version, VersionRange

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mivactl.bases import KnownBase
    from mivactl.resolve.plan import Candidate, Choice, Decision, Request
    from mivactl.session import Session
    from registry_schema.base_spec import BaseSpec
    from registry_schema.digests import Digest
    from registry_schema.manifest import Manifest
    from registry_schema.ref import AdapterRef


def plan_for(
    refs: Sequence[AdapterRef],
    session: Session,
    *,
    base: str | None = None,
    masked: bool = False,
    installed_only: bool = False,
    runnable_only: bool = False,
) -> Plan | NoPlan:
    """The builds that `refs` mean.

    Args:
        base: the base to use; None tries those of this machine in order of preference.
        installed_only: look at the store alone.
        runnable_only: of several bases, try those alone whose weights are here and which this machine can run.

    Raises:
        NotFound: a name or a base nobody knows.
    """
    requests = [request_for(ref, session, installed_only=installed_only) for ref in refs]
    bases = _bases(session, base, runnable_only=runnable_only)
    return _resolve_with_manifests(requests, session, bases=bases, masked=masked)


def require_plan(plan: Plan | NoPlan, refs: Sequence[AdapterRef]) -> Plan:
    """The plan, or an error that says what ruled out the nearest builds.

    Raises:
        Incompatible: there is no plan.
    """
    if isinstance(plan, Plan):
        return plan
    names = ", ".join(f"`{replace(ref, weight=None)}`" for ref in refs)
    arguments = " ".join(str(replace(ref, weight=None)) for ref in refs)
    if not plan.trace:
        raise Incompatible(f"no base on this machine for {names}", hint="`mivactl base list` shows the bases")
    reason, hint = _nearest_miss(plan.trace)
    message = f"no base has a build for each of {names}" if len(refs) > 1 else f"no build of {names} will do"
    raise Incompatible(f"{message}: {reason}", hint=f"{hint}; `mivactl why {arguments}` lists every build")


def manifest_of(candidate: Candidate, session: Session) -> Manifest:
    """The manifest of a build, from the store if it is there and whole, else from its registry."""
    if candidate.installed:
        with suppress(IntegrityProblem):
            return session.store.manifest(candidate.line.manifest.digest)
    return session.guarded(session.registry(candidate.registry)).manifest(candidate.line)


def _bases(session: Session, wanted: str | None, *, runnable_only: bool) -> tuple[BaseSpec, ...]:
    """The bases to try, best first: the one that was asked for, or the settings' one, or all that are here.

    The best base is the largest that this machine runs; the one that comes with mivactl is tried after a person's own,
    and what has no weights here, or would take too long or too much memory, last.
    """
    settings = session.settings
    chosen = wanted or (settings.base if settings.base_was_chosen else None)
    if chosen is not None:
        return (session.base(chosen).spec,)
    ordered = sorted(session.bases, key=_preference)
    return tuple(known.spec for known in ordered if known.room == "runs" or not runnable_only)


def _preference(known: KnownBase) -> tuple[bool, bool, int]:
    parameters = known.parameters if known.room is not None else 0
    return (known.room != "runs", known.spec.name == DEFAULT_BASE, -parameters)


def _resolve_with_manifests(
    requests: Sequence[Request], session: Session, *, bases: Sequence[BaseSpec], masked: bool
) -> Plan | NoPlan:
    """Resolve by index lines, then check the chosen manifests; a build they rule out is not chosen again."""
    refused: dict[tuple[str, Digest], Reject] = {}
    while True:
        plan = resolve(requests, bases, version=_own_version(requests), masked=masked, refused=refused)
        if isinstance(plan, NoPlan):
            return plan
        misfits = {
            (str(plan.base.name), choice.candidate.line.manifest.digest): reject
            for choice in plan.choices
            if (reject := _misfit(choice, plan.base, session)) is not None
        }
        if not misfits:
            return plan
        refused.update(misfits)


def _misfit(choice: Choice, base: BaseSpec, session: Session) -> Reject | None:
    fit = check_fit(manifest_of(choice.candidate, session).adapter, base)
    return Reject(fit.reason, fit.hint) if isinstance(fit, Rejected) else None


def _own_version(requests: Sequence[Request]) -> Version | None:
    """The version of mivactl, looked up only when a build asks for one: that takes a tenth of a second."""
    lines = (candidate.line for request in requests for candidate in request.candidates)
    if all(line.requires == VersionRange() for line in lines):
        return None
    text = version()
    return Version(text) if Version.complaint(text) is None else None


def _nearest_miss(trace: Sequence[Decision]) -> tuple[str, str]:
    """Why the newest build was ruled out, of the first adapter that has none for the last base that was tried."""
    last = [decision for decision in trace if decision.base == trace[-1].base]
    answered = {decision.ref for decision in last if isinstance(decision.verdict, Accept)}
    missed = next(decision for decision in last if decision.ref not in answered)
    line = missed.candidate.line
    if not isinstance(missed.verdict, Reject):
        raise TypeError("an accepted build is no miss")
    return f"{line.version} for `{line.base.name}`: {missed.verdict.reason}", missed.verdict.hint
