"""What the resolver is asked and what it answers, with a reason for every build it looked at."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from registry_schema.base_spec import BaseSpec
    from registry_schema.digests import Digest
    from registry_schema.index import IndexLine
    from registry_schema.names import BaseName, RegistryName
    from registry_schema.ref import AdapterRef
    from registry_schema.versions import Version


@dataclass(frozen=True)
class Candidate:
    """A build that could be meant, the registry it comes from, and whether it is in the store already."""

    line: IndexLine
    registry: RegistryName
    installed: bool = False


@dataclass(frozen=True)
class Request:
    """One wanted adapter, every build of its name, and whether a masked one is wanted."""

    ref: AdapterRef
    candidates: tuple[Candidate, ...]
    masked: bool = False


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What a build has to meet whoever asks for it.

    Attributes:
        version: of mivactl itself, for builds that need a newer one; None admits all.
        licences_deny: licences and patterns that a policy rules out.
        refused: builds (base's name, manifest's digest) that a closer look has ruled out.
    """

    version: Version | None = None
    licences_deny: tuple[str, ...] = ()
    refused: Mapping[tuple[str, Digest], Reject] = field(default_factory=dict)


@dataclass(frozen=True)
class Accept:
    """A build that would do: how well (`exact` or `fits`), and a line to print or nothing."""

    level: str
    note: str = ""


@dataclass(frozen=True)
class Reject:
    """A build that will not do: why, and the way out."""

    reason: str
    hint: str = ""


@dataclass(frozen=True)
class Unasked(Reject):
    """A build of another version, or with another digest, than was asked for."""


@dataclass(frozen=True)
class Denied(Reject):
    """A build that would do if a policy did not rule it out."""


@dataclass(frozen=True)
class Decision:
    """What was decided about one build for one base."""

    ref: AdapterRef
    base: BaseName
    candidate: Candidate
    verdict: Accept | Reject
    taken: bool = False


@dataclass(frozen=True)
class Choice:
    """The build that answers one request."""

    ref: AdapterRef
    candidate: Candidate
    fit: Accept


@dataclass(frozen=True)
class Plan:
    """A base, one build per request in their order, and how it came to that."""

    base: BaseSpec
    choices: tuple[Choice, ...]
    trace: tuple[Decision, ...]


@dataclass(frozen=True)
class NoPlan:
    """No base has a build for every request; `trace` says why."""

    trace: tuple[Decision, ...]
