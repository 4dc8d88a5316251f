"""From requests and bases to a plan. Adapters do not need each other: given a base, each choice stands alone."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mivactl.resolve.plan import Accept, Choice, Decision, Denied, NoPlan, Plan, Reject, Terms, Unasked
from registry_schema.compatibility import Rejected, check_identity, joined_notes
from registry_schema.licence_policy import denied_part
from registry_schema.versions import VersionRange

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mivactl.resolve.plan import Request
    from registry_schema.base_spec import BaseSpec
    from registry_schema.index import IndexLine
    from registry_schema.ref import AdapterRef
    from registry_schema.versions import Version


def resolve(requests: Sequence[Request], bases: Sequence[BaseSpec], terms: Terms) -> Plan | NoPlan:
    """The first base on which every request has a build, with the best build for each.

    Args:
        bases: in order of preference.

    The best build is the newest version; among equals the one that fits exactly.
    """
    trace: list[Decision] = []
    for base in bases:
        decisions = [_judge_all(request, base, terms) for request in requests]
        best = [_best(group) for group in decisions]
        chosen = [decision for decision in best if decision is not None]
        if len(chosen) == len(requests):
            taken = [replace(entry, taken=entry in chosen) for group in decisions for entry in group]
            return Plan(base, tuple(_choice(decision) for decision in chosen), (*trace, *taken))
        trace.extend(entry for group in decisions for entry in group)
    return NoPlan(tuple(trace))


def status_note(line: IndexLine) -> str:
    """What a person should know about the status of a build that is taken; empty when it is active."""
    said = f": {line.note}" if line.note else ""
    if line.status == "yanked":
        return f"it was withdrawn{said}"
    if line.status == "deprecated":
        # Named, never followed: another adapter is another person's to trust.
        successor = f"; `{line.successor}` takes its place" if line.successor is not None else ""
        return f"it is deprecated{said}{successor}"
    return ""


def _judge_all(request: Request, base: BaseSpec, terms: Terms) -> list[Decision]:
    decisions = []
    for candidate in request.candidates:
        line = candidate.line
        verdict = (
            terms.refused.get((base.name, line.manifest.digest))
            or _check_wanted(line, request.ref)
            or _check_mask(line, request)
            or _check_needs(line, terms.version)
            or _check_base(line, base)
        )
        if isinstance(verdict, Accept):
            verdict = _check_licence(line, terms.licences_deny) or verdict
        decisions.append(Decision(request.ref, base.name, candidate, verdict))
    return decisions


def _check_wanted(line: IndexLine, ref: AdapterRef) -> Reject | None:
    name = line.name
    if ref.digest is not None:
        if line.manifest.digest == ref.digest:
            return None
        return Unasked(f"its digest is `{line.manifest.digest}`", f"ask for `{name}@{line.manifest.digest}`")
    if line.status == "yanked" and not ref.versions.pins_one:
        note = f": {line.note}" if line.note else ""
        return Reject(f"it was withdrawn{note}", f"ask for `{name}@=={line.version}` to take it all the same")
    if ref.admits(line.version):
        return None
    if ref.admits(line.version, pre=True):
        return Unasked("it is a pre-release", f"ask for `{name}@beta`")
    return Unasked(f"version {line.version} is not in `{ref.versions}`", f"ask for `{name}@=={line.version}`")


def _check_mask(line: IndexLine, request: Request) -> Reject | None:
    if line.masked == request.masked or request.ref.digest is not None:  # a digest says which build
        return None
    if line.masked:
        return Reject("it is masked, and no mask is wanted", "add `--masked`")
    return Reject("it is not masked", "leave out `--masked`")


def _check_needs(line: IndexLine, version: Version | None) -> Reject | None:
    if version is None or line.requires == VersionRange() or line.requires.admits(version, pre=True):
        return None
    return Reject(f"it needs mivactl `{line.requires}`, this is {version}", "run `pip install --upgrade mivactl`")


def _check_base(line: IndexLine, base: BaseSpec) -> Accept | Reject:
    fit = check_identity(line.base, base)
    if isinstance(fit, Rejected):
        return Reject(fit.reason, fit.hint)
    return Accept(fit.level, joined_notes(fit.note, status_note(line)))


def _check_licence(line: IndexLine, deny: Sequence[str]) -> Denied | None:
    """Asked last, so that a policy is blamed only for what would do without it."""
    denied = denied_part(line.licence, deny) if deny else None
    if denied is None:
        return None
    words = "" if denied == line.licence else f" with `{denied}` in it"
    return Denied(
        f"its licence is `{line.licence}`{words}, which your policy rules out",
        "look at `licences_deny` in the section `[policy]` of config.toml",
    )


def _best(decisions: Sequence[Decision]) -> Decision | None:
    accepted = [decision for decision in decisions if isinstance(decision.verdict, Accept)]
    return max(accepted, key=_rank, default=None)


def _rank(decision: Decision) -> tuple[Version, bool, bool]:
    exact = isinstance(decision.verdict, Accept) and decision.verdict.level == "exact"
    return (decision.candidate.line.version, exact, decision.candidate.installed)


def _choice(decision: Decision) -> Choice:
    if isinstance(decision.verdict, Reject):
        raise TypeError("a rejected build can not be chosen")
    return Choice(decision.ref, decision.candidate, decision.verdict)
