"""Look at everything that can be wrong with mivactl on this machine, and mend what can be mended."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mivactl import version
from mivactl.operations.diagnosis.engine_parts import engine_findings, versions
from mivactl.operations.diagnosis.repair import repair
from mivactl.operations.diagnosis.store_content import content_findings
from mivactl.operations.diagnosis.store_disk import disk_findings
from mivactl.operations.diagnosis.surroundings import surrounding_findings
from registry_schema.errors import MivaError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mivactl.operations.diagnosis.finding import Finding
    from mivactl.operations.diagnosis.repair import Repair
    from mivactl.session import Session


@dataclass(frozen=True)
class Diagnosis:
    """What was found after the repairs, what was repaired, and the versions of what was looked at."""

    findings: tuple[Finding, ...]
    repairs: tuple[Repair, ...]
    versions: Mapping[str, str]

    @property
    def problems(self) -> tuple[Finding, ...]:
        """The findings that make commands fail or lie."""
        return tuple(finding for finding in self.findings if finding.level == "problem")


def doctor(session: Session, environment: Mapping[str, str], *, mends: bool = False) -> Diagnosis:
    """Look, after mending what can be mended if `mends`.

    Args:
        session: of this home.
        environment: of the process, for proxies and certificates.
        mends: repair first.

    Raises:
        Busy: another process holds the store.
        UsageProblem: it is to be repaired and can not be written.
    """
    repairs = tuple(repair(session)) if mends else ()
    findings = (
        *disk_findings(session),
        *content_findings(session),
        *surrounding_findings(session, environment, now=datetime.now(UTC)),
        *engine_findings(session),
    )
    return Diagnosis(findings, repairs, {"mivactl": version(), **versions()})


def require_health(diagnosis: Diagnosis) -> None:
    """Raise what `doctor` found.

    Raises:
        MivaError: there is a problem.
    """
    problems = diagnosis.problems
    if problems:
        more = f", and {len(problems) - 1} more" if len(problems) > 1 else ""
        raise MivaError(f"{problems[0].check}: {problems[0].message}{more}", hint=f"run `{problems[0].fix}`")
