"""Hash the weights of bases again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mivactl.engine_bridge import SilentProgress, verify_base
from registry_schema.errors import IntegrityProblem, NotFound

if TYPE_CHECKING:
    from mivactl.engine_bridge import Progress
    from mivactl.session import Session


@dataclass(frozen=True)
class VerifiedBase:
    """A base whose files are what its `base.json` says."""

    name: str
    weights: str


def verify_bases(names: tuple[str, ...], session: Session, *, progress: Progress | None = None) -> list[VerifiedBase]:
    """Hash the bases named, or all that have weights here.

    Raises:
        NotFound: no such base, or it has no weights here.
        IntegrityProblem: a file is missing or was changed.
    """
    progress = progress or SilentProgress()
    bases = [session.base(name) for name in names] or [base for base in session.bases if base.has_weights]
    for base in bases:
        if not base.has_weights:
            raise NotFound(f"base `{base.spec.name}` has no weights here", hint=_way_back(base.spec.name))
    sound = []
    with progress.phase("hashing", len(bases)) as phase:
        for base in bases:
            try:
                verify_base(base.folder)
            except IntegrityProblem as problem:
                hint = "install mivactl again" if base.packaged else _way_back(base.spec.name)
                raise IntegrityProblem(problem.message, hint=hint) from problem
            sound.append(VerifiedBase(base.spec.name, str(base.spec.weights)))
            phase.advance()
    return sound


def _way_back(name: str) -> str:
    return f"`mivactl base remove {name}`, then fetch or add it again"
