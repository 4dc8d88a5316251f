"""What the resolver is asked and what it answers, with a reason for every build it looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from registry_schema.base_spec import BaseSpec
    from registry_schema.index import IndexLine
    from registry_schema.names import BaseName, RegistryName
    from registry_schema.ref import AdapterRef


@dataclass(frozen=True)
class Candidate:
    """A build that could be meant, the registry it comes from, and whether it is in the store already."""

    line: IndexLine
    registry: RegistryName
    installed: bool = False


@dataclass(frozen=True)
class Request:
    """One wanted adapter and every build of its name."""

    ref: AdapterRef
    candidates: tuple[Candidate, ...]


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
