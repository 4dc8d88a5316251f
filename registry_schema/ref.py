"""`AdapterRef`: what a person writes, `[registry::][namespace/]name[@SPEC][:weight]`; parses and prints to the same."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from registry_schema.digests import Digest
from registry_schema.errors import UsageProblem
from registry_schema.names import AdapterName, RegistryName
from registry_schema.text import shown
from registry_schema.versions import Version, VersionRange

MAX_WEIGHT = 4.0
_DECIMAL = re.compile(r"[+-]?([0-9]{1,4}(\.[0-9]{0,12})?|\.[0-9]{1,12})")
_EXAMPLE = "write for example `waterfall`, `waterfall:0.5`, `miva/waterfall@>=1,<2:0.5`"

Spec = VersionRange | Digest | Literal["latest", "beta"] | None


@dataclass(frozen=True)
class AdapterRef:
    """A wanted adapter.

    Args:
        name: with its namespace.
        registry: where to look; None looks everywhere in order.
        spec: which builds: a range, a manifest's digest, `latest` (newest release), `beta` (pre-releases too), or any.
        weight: share in a composition; None when none was written.
    """

    name: AdapterName
    registry: RegistryName | None = None
    spec: Spec = None
    weight: float | None = None

    @classmethod
    def parse(cls, text: str) -> AdapterRef:
        """The reference in `text`.

        Raises:
            UsageProblem: it is none; the message names the part that is off.
        """
        rest, weight = _split_weight(text)
        registry, found, rest = rest.rpartition("::")
        name, at, spec = rest.partition("@")
        if (found and not registry) or not name or (at and not spec):
            raise UsageProblem(
                f"adapter `{shown(text)}` is not complete, expected `[registry::]name[@SPEC][:weight]`", hint=_EXAMPLE
            )
        return cls(
            name=AdapterName(name),
            registry=RegistryName(registry) if found else None,
            spec=_spec(spec) if at else None,
            weight=weight,
        )

    def __str__(self) -> str:
        registry = f"{self.registry}::" if self.registry is not None else ""
        spec = f"@{self.spec}" if self.spec is not None else ""
        weight = f":{print_weight(self.weight)}" if self.weight is not None else ""
        return f"{registry}{self.name}{spec}{weight}"

    @property
    def digest(self) -> Digest | None:
        """The manifest's digest, when exactly one build is wanted."""
        return self.spec if isinstance(self.spec, Digest) else None

    @property
    def versions(self) -> VersionRange:
        """The versions that will do, pre-releases aside."""
        return self.spec if isinstance(self.spec, VersionRange) else VersionRange()

    def admits(self, version: Version, *, pre: bool = False) -> bool:
        """Whether `version` will do; pre-releases if `pre`, with `beta`, by digest, or when the range names one."""
        wanted = pre or self.spec == "beta" or self.digest is not None
        return self.versions.admits(version, pre=wanted)


def read_weight(text: str) -> float:
    """The weight that a plain decimal states.

    Raises:
        UsageProblem: not a plain decimal (`nan`, `1e3`), or further from 0 than `MAX_WEIGHT`.
    """
    if not _DECIMAL.fullmatch(text):
        raise UsageProblem(f"weight `{shown(text)}` is not a plain decimal, expected for example `0.5`", hint=_EXAMPLE)
    weight = float(text) + 0.0
    if abs(weight) > MAX_WEIGHT:
        raise UsageProblem(f"weight `{shown(text)}` is out of range, expected -{MAX_WEIGHT:g} to {MAX_WEIGHT:g}")
    return weight


def print_weight(weight: float) -> str:
    """The shortest plain decimal that reads back as `weight`."""
    text = format(Decimal(repr(weight)), "f")
    return text.removesuffix(".0")


def _split_weight(text: str) -> tuple[str, float | None]:
    head, colon, tail = text.rpartition(":")
    # 64 decimal digits after `sha256:` are a digest; after `registry::` stands a name.
    if not colon or head.endswith((":", "@sha256")):
        return text, None
    return head, read_weight(tail)


def _spec(text: str) -> Spec:
    if text == "latest":
        return "latest"
    if text == "beta":
        return "beta"
    if text.startswith("sha256:"):
        return Digest(text)
    if Version.complaint(text) is None:
        raise UsageProblem(
            f"version range `{text}` has no operator, expected for example `==1.0.3`", hint=f"write `@=={text}`"
        )
    return VersionRange(text)
