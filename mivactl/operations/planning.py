"""From references to a plan: candidates, bases in order of preference, the resolver, and a look at each manifest."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from mivactl import version
from mivactl.operations.candidates import request_for
from mivactl.resolve.plan import Accept, Denied, NoPlan, Plan, Reject, Terms, Unasked
from mivactl.resolve.resolver import resolve, status_note
from mivactl.settings import DEFAULT_BASE
from registry_schema.compatibility import Rejected, check_fit, joined_notes
from registry_schema.errors import Incompatible, IntegrityProblem, Refused
from registry_schema.versions import Version, VersionRange

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from mivactl.bases import KnownBase
    from mivactl.operations.candidates import Among
    from mivactl.resolve.plan import Candidate, Choice, Decision, Request
    from mivactl.session import Session
    from registry_schema.base_spec import BaseSpec
    from registry_schema.digests import Digest
    from registry_schema.manifest import Manifest
    from registry_schema.names import AdapterName
    from registry_schema.ref import AdapterRef


def plan_for(
    refs: Sequence[AdapterRef],
    session: Session,
    *,
    base: str | None = None,
    masked: bool | Collection[AdapterName] = False,
    installed_only: bool = False,
    runnable_only: bool = False,
) -> Plan | NoPlan:
    """The builds that `refs` mean.

    Args:
        base: the base to use; None tries those of this machine in order of preference.
        masked: whether masked builds are wanted, or the names of those of which they are.
        installed_only: look at the store alone.
        runnable_only: of several bases, try those alone whose weights are here and which this machine can run.

    Raises:
        NotFound: a name or a base nobody knows.
    """
    among: Among = "installed" if installed_only else "everything"
    wanted = [masked if isinstance(masked, bool) else ref.name in masked for ref in refs]
    requests = [
        request_for(ref, session, masked=is_masked, among=among) for ref, is_masked in zip(refs, wanted, strict=True)
    ]
    return plan_requests(requests, session, bases_to_try(session, base, runnable_only=runnable_only))


def plan_requests(requests: Sequence[Request], session: Session, bases: Sequence[BaseSpec]) -> Plan | NoPlan:
    """Resolve by index lines, then check the chosen manifests; a build they rule out is not chosen again.

    Args:
        bases: in order of preference.
    """
    refused: dict[tuple[str, Digest], Reject] = {}
    while True:
        terms = Terms(
            version=_own_version(requests), licences_deny=session.settings.licences_deny, refused=dict(refused)
        )
        plan = resolve(requests, bases, terms)
        if isinstance(plan, NoPlan):
            return plan
        fits = {choice.candidate: _whole_fit(choice, plan.base, session) for choice in plan.choices}
        misfits = {candidate: fit for candidate, fit in fits.items() if isinstance(fit, Reject)}
        if not misfits:
            return _with_fits(plan, fits)
        refused.update(
            {(str(plan.base.name), candidate.line.manifest.digest): fit for candidate, fit in misfits.items()}
        )


def require_plan(plan: Plan | NoPlan, refs: Sequence[AdapterRef]) -> Plan:
    """The plan, or an error that says what ruled out the nearest builds.

    Raises:
        Incompatible: there is no plan.
        Refused: there would be one without a policy.
    """
    if isinstance(plan, Plan):
        return plan
    names = ", ".join(f"`{replace(ref, weight=None)}`" for ref in refs)
    arguments = " ".join(str(replace(ref, weight=None)) for ref in refs)
    if not plan.trace:
        raise Incompatible(f"no base on this machine for {names}", hint="`mivactl base list` shows the bases")
    missed = nearest_miss(plan.trace)
    line, verdict = missed.candidate.line, missed.verdict
    if not isinstance(verdict, Reject):
        raise TypeError("an accepted build is no miss")
    message = f"no base has a build for each of {names}" if len(refs) > 1 else f"no build of {names} will do"
    problem = Refused if isinstance(verdict, Denied) else Incompatible
    raise problem(
        f"{message}: {line.version} for `{line.base.name}`: {verdict.reason}",
        hint=f"{verdict.hint}; `mivactl why {arguments}` lists every build",
    )


def manifest_of(candidate: Candidate, session: Session) -> Manifest:
    """The manifest of a build, from the store if it is there and whole, else from its registry."""
    if candidate.installed:
        with suppress(IntegrityProblem):
            return session.store.manifest(candidate.line.manifest.digest)
    return session.guarded(session.registry(candidate.registry)).manifest(candidate.line)


def bases_to_try(session: Session, wanted: str | None, *, runnable_only: bool = False) -> tuple[BaseSpec, ...]:
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


def _whole_fit(choice: Choice, base: BaseSpec, session: Session) -> Accept | Reject:
    """What the manifest adds to what the index line tells: more to refuse, more to note."""
    fit = check_fit(manifest_of(choice.candidate, session).adapter, base)
    if isinstance(fit, Rejected):
        return Reject(fit.reason, fit.hint)
    return Accept(fit.level, joined_notes(fit.note, status_note(choice.candidate.line)))


def _with_fits(plan: Plan, fits: Mapping[Candidate, Accept | Reject]) -> Plan:
    found = {candidate: fit for candidate, fit in fits.items() if isinstance(fit, Accept)}
    choices = tuple(replace(choice, fit=found[choice.candidate]) for choice in plan.choices)
    trace = tuple(
        replace(decision, verdict=found[decision.candidate]) if decision.taken else decision for decision in plan.trace
    )
    return replace(plan, choices=choices, trace=trace)


def _own_version(requests: Sequence[Request]) -> Version | None:
    """The version of mivactl, looked up only when a build asks for one: that takes a tenth of a second."""
    lines = (candidate.line for request in requests for candidate in request.candidates)
    if all(line.requires == VersionRange() for line in lines):
        return None
    text = version()
    return Version(text) if Version.complaint(text) is None else None


def nearest_miss(trace: Sequence[Decision]) -> Decision:
    """Why the first adapter without a build for the last base has none.

    What a policy ruled out comes first, then the newest build that was asked for, then the newest of all.
    """
    last = [decision for decision in trace if decision.base == trace[-1].base]
    answered = {decision.ref for decision in last if isinstance(decision.verdict, Accept)}
    ref = next(decision.ref for decision in last if decision.ref not in answered)
    missed = [decision for decision in last if decision.ref == ref]
    denied = [decision for decision in missed if isinstance(decision.verdict, Denied)]
    asked = [decision for decision in missed if not isinstance(decision.verdict, Unasked)]
    return (*denied, *asked, *missed)[0]
