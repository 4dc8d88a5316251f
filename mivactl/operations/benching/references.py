"""What installed adapters look at: the learned weights of their two references."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mivactl.engine_bridge import SilentProgress, reference_maps
from mivactl.operations.composition import Wanted, compose_wanted, install_composed

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mivactl.engine_bridge import Progress, ReferenceMap
    from mivactl.session import Session
    from registry_schema.ref import AdapterRef


def bench_references(
    refs: Sequence[AdapterRef],
    session: Session,
    *,
    base: str | None,
    page: Path | None,
    yes: bool = False,
    progress: Progress | None = None,
) -> tuple[ReferenceMap, ...]:
    """The map of each adapter, and a page with a heat map of each.

    Args:
        refs: the adapters.
        session: finds them.
        base: that they stand on; None chooses as `animate` does.
        page: the file to write; None writes none.
        yes: whether adapters from other registries than the starter may be installed.
        progress: told about each.

    Raises:
        UsageProblem: no adapter.
        NotFound, Incompatible, Refused: as `animate`.
    """
    progress = progress or SilentProgress()
    composed = compose_wanted(Wanted(refs=tuple(refs), base=base), session)
    uses = install_composed(composed, session, yes=yes, progress=progress)
    return reference_maps(composed.chosen.base.folder, uses, page, progress=progress)
