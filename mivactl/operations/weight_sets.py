"""Weights besides bases and adapters: the segmenter, and the models of published metrics. Listed, and removed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mivactl.disk import folder_size
from mivactl.engine_bridge import SEGMENTER, WeightsFolder, published_weights
from mivactl.operations.fetch_metric_weights import BENCH, metric_weights_folder
from mivactl.operations.weights import SEGMENTER_NAME, segmenter_folder, weights_shelf
from registry_schema.errors import NotFound, UsageProblem
from registry_schema.names import BaseName

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mivactl.session import Session

__all__ = ["BENCH", "SETS", "ListedWeights", "list_weights", "remove_weights", "require_set"]

SETS: Final = (str(SEGMENTER_NAME), BENCH)


@dataclass(frozen=True)
class ListedWeights:
    """Weights that there are.

    `fetched_as` is the name to fetch and remove them by. `folder` is None for those that are not on this machine,
    `size_bytes` where nobody knows.
    """

    name: str
    fetched_as: str
    purpose: str
    size_bytes: int | None
    licence: str
    folder: Path | None


def require_set(name: str, *, source: Path | None = None, again: bool = False) -> None:
    """Make sure that there are weights of that name, and that the options are for them.

    Raises:
        NotFound: no such weights.
        UsageProblem: an option that those weights have not.
    """
    if name not in SETS:
        raise NotFound(f"no weights called `{name}`", hint=f"there are {' and '.join(f'`{one}`' for one in SETS)}")
    for option, given in (("--from", source is not None), ("--again", again)):
        if given and name != BENCH:
            raise UsageProblem(
                f"`{option}` is for the weights of `{BENCH}`, and `{name}` was asked for",
                hint=f"run `mivactl weights fetch {name}`",
            )


def list_weights(session: Session) -> tuple[ListedWeights, ...]:
    """All weights that can be had."""
    return (*_segmenter(session), *_of_metrics(session))


def _segmenter(session: Session) -> Iterator[ListedWeights]:
    folder = segmenter_folder(session)
    size = sum(model.size_bytes for model in SEGMENTER) if folder is None else folder_size(folder)
    licence = " AND ".join(dict.fromkeys(model.licence for model in SEGMENTER))
    yield ListedWeights(SEGMENTER_NAME, SEGMENTER_NAME, "finds subjects for masks", size, licence, folder)


def _of_metrics(session: Session) -> Iterator[ListedWeights]:
    here = WeightsFolder(metric_weights_folder(session))
    for entry in published_weights():
        folder = here.folder / entry.name if here.has(entry.name) else None
        size = None if folder is None else folder_size(folder)
        yield ListedWeights(entry.name, BENCH, entry.title, size, entry.licence, folder)


def remove_weights(name: str, session: Session) -> int:
    """Take weights away, and what an unfinished fetch of them left; says how many bytes that frees.

    Raises:
        NotFound: they are not here, or there are none of that name.
        Busy: another process works on them.
    """
    require_set(name)
    shelf, known = weights_shelf(session), BaseName(name)
    place, stage = shelf.place_of(known), shelf.stage_of(known)
    if not place.exists() and not stage.exists():
        raise NotFound(f"the weights of `{name}` are not on this machine", hint="`mivactl weights list` shows them")
    with shelf.locked(known):
        freed_bytes = folder_size(place) + folder_size(stage)
        shelf.discard(known)
        if place.exists():
            shelf.remove(known)
    return freed_bytes
