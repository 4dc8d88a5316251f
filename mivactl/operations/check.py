"""Prove that an adapter fits a base before it is downloaded: from its manifest and the header of its weights."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal

from mivactl.content import Content
from mivactl.engine_bridge import expected_tensors
from mivactl.operations.candidates import request_for
from mivactl.operations.planning import manifest_of, nearest_miss, plan_requests
from mivactl.operations.sealed_base import publications
from mivactl.resolve.plan import Accept, Denied, Plan
from registry_schema.compatibility import joined_notes
from registry_schema.digests import Digest
from registry_schema.errors import Incompatible, IntegrityProblem, NotFound, Refused
from registry_schema.safetensors_header import read_header

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from typing import BinaryIO

    from mivactl.resolve.plan import Candidate, Decision
    from mivactl.session import Session
    from registry_schema.base_spec import BaseSpec
    from registry_schema.manifest import Manifest
    from registry_schema.ref import AdapterRef

SHOWN_MISSES: Final = 5


@dataclass(frozen=True)
class FitReport:
    """Whether an adapter fits a base.

    Attributes:
        fit: `exact` on the weights it was trained on, `fits` on others of their architecture, or `no`.
        reason: why, in one line.
        misses: the first tensors that have no place or are not there, when it is tensors that do not fit.
        note: what a person should know all the same; empty when there is nothing.
        read_bytes: of the weights, for this answer.
    """

    name: str
    version: str
    base: str
    registry: str
    fit: Literal["exact", "fits", "no"]
    reason: str
    misses: tuple[str, ...]
    note: str
    hint: str
    read_bytes: int
    size_bytes: int


@dataclass(frozen=True)
class _Target:
    """A base to check against: its facts, the folder with its configuration or None, whether its weights are known."""

    spec: BaseSpec
    folder: Path | None
    has_weights: bool


def check(ref: AdapterRef, session: Session, *, base: str, masked: bool = False) -> FitReport:
    """Whether the build of `ref` for a base fits it; the base's own weights need not be here either.

    Raises:
        NotFound: an adapter or a base nobody knows.
        Refused: a policy rules the build out that would do.
        IntegrityProblem: the registry's manifest or header is broken or hostile.
    """
    target = _target(base, session)
    request = request_for(ref, session, masked=masked)
    plan = plan_requests([request], session, [target.spec])
    if not isinstance(plan, Plan):
        return _no(ref, target, nearest_miss(plan.trace))
    (choice,) = plan.choices
    manifest = manifest_of(choice.candidate, session)
    found, read_bytes = _header_shapes(choice.candidate, manifest, session)
    misses = _misses(manifest, found, target)
    notes = [choice.fit.note]
    if target.folder is None:
        notes.append(f"the configuration of base `{target.spec.name}` is not here: whether every tensor binds is open")
    elif not target.has_weights:
        notes.append(f"the weights of base `{target.spec.name}` are not here: whether it is exact is open")
    reason = (
        f"all {len(found)} tensors have their place" if target.folder else "architecture and schedule are the base's"
    )
    if misses:
        reason = f"{len(misses)} tensors do not bind"
    return FitReport(
        name=manifest.name,
        version=str(manifest.version),
        base=target.spec.name,
        registry=choice.candidate.registry,
        fit="no" if misses else "exact" if choice.fit.level == "exact" else "fits",
        reason=reason,
        misses=misses[:SHOWN_MISSES],
        note=joined_notes(*notes),
        hint="it was made for another base or by another version: tell its author" if misses else "",
        read_bytes=read_bytes,
        size_bytes=manifest.weights.size,
    )


def require_fit(report: FitReport) -> None:
    """Raise a report that says no.

    Raises:
        Incompatible: it does.
    """
    if report.fit == "no":
        named = f": {', '.join(report.misses)}" if report.misses else ""
        raise Incompatible(
            f"`{report.name}` {report.version} does not fit base `{report.base}`: {report.reason}{named}",
            hint=report.hint,
        )


def _no(ref: AdapterRef, target: _Target, miss: Decision) -> FitReport:
    line, verdict = miss.candidate.line, miss.verdict
    if isinstance(verdict, Accept):
        raise TypeError("an accepted build is no miss")
    if isinstance(verdict, Denied):
        raise Refused(f"`{line.name}` {line.version}: {verdict.reason}", hint=verdict.hint)
    return FitReport(
        name=line.name,
        version=str(line.version),
        base=target.spec.name,
        registry=miss.candidate.registry,
        fit="no",
        reason=verdict.reason,
        misses=(),
        note="",
        hint=f"{verdict.hint}; `mivactl why {replace(ref, weight=None)}` lists every build",
        read_bytes=0,
        size_bytes=line.weights.size,
    )


def _target(text: str, session: Session) -> _Target:
    """A base of this machine or, from its description alone, one that could be fetched."""
    try:
        known = session.base(text)
    except NotFound:
        published = next((one for one in publications(session) if one.base.facts.name == text), None)
        if published is None:
            raise
        facts = published.base.facts
        spec = published.base.with_weights(Digest.of(b""), name=facts.name, files=(), sources=())
        return _Target(spec, published.folder, has_weights=False)
    return _Target(known.spec, known.folder if known.has_weights else None, has_weights=known.has_weights)


def _header_shapes(
    candidate: Candidate, manifest: Manifest, session: Session
) -> tuple[Mapping[str, tuple[int, ...]], int]:
    """Names and shapes from the header of the weights, and how many bytes that took; nothing behind it is read.

    Raises:
        IntegrityProblem: a hostile or broken header, or not as many tensors as the manifest states.
    """
    entry = manifest.weights
    label = f"{manifest.name} {manifest.version}: {entry.path}"
    with _weights(candidate, manifest, session, label) as file:
        header = read_header(file, entry.size, source=label)
    if len(header.tensors) != manifest.tensors.count:
        raise IntegrityProblem(
            f"{label}: has `{len(header.tensors)}` tensors, its manifest states `{manifest.tensors.count}`",
            hint="the file is broken or hostile: do not use it, take another version",
        )
    return {name: info.shape for name, info in header.tensors.items()}, header.data_offset


@contextmanager
def _weights(candidate: Candidate, manifest: Manifest, session: Session, label: str) -> Iterator[BinaryIO]:
    entry = manifest.weights
    installed = {build.line.manifest.digest: build for build in session.store.installed()}
    build = installed.get(candidate.line.manifest.digest)
    if build is not None:
        with session.store.file(build, entry).open("rb") as file:
            yield file
        return
    with session.registry(candidate.registry).open_file(Content(entry.digest, entry.size, label)) as file:
        yield file


def _misses(manifest: Manifest, found: Mapping[str, tuple[int, ...]], target: _Target) -> tuple[str, ...]:
    """Every tensor that is missing, has no place or has another shape, in words."""
    if target.folder is None:
        return ()
    expected = expected_tensors(manifest.adapter, target.folder, target.spec.family)
    missing = [f"`{name}` is missing" for name in expected if name not in found]
    extra = [f"`{name}` has no place" for name in found if name not in expected]
    other = [
        f"`{name}` is {_size(found[name])}, expected {_size(shape)}"
        for name, shape in expected.items()
        if name in found and found[name] != shape
    ]
    return (*missing, *extra, *other)


def _size(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) or "a single number"
