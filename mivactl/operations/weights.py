"""The weights of the segmenter, a detector and a cutter: fetched once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mivactl.base_shelf import BaseShelf
from mivactl.disk import folder_size, require_space
from mivactl.engine_bridge import SEGMENTER, SilentProgress
from mivactl.hub import Hub
from mivactl.operations.part_download import download_parts
from mivactl.operations.sealed_base import staged
from registry_schema.errors import IntegrityProblem, NetworkProblem, NotFound
from registry_schema.names import BaseName

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mivactl.engine_bridge import Progress, PublishedModel
    from mivactl.hub import HubFile
    from mivactl.session import Session

SEGMENTER_NAME: Final = BaseName("segmenter")
OTHERWISE: Final = "show the subject with `--box left,top,width,height`, which needs no weights"
_WEIGHTS: Final = "model.safetensors"
_CONFIG: Final = "config.json"
_SMALL_BYTES: Final = 4_000_000
"""What comes beside the weights: configurations and a vocabulary."""


@dataclass(frozen=True)
class InstalledWeights:
    """Weights on this machine: their folder, their size, where they are from, and whether they came now."""

    name: str
    folder: Path
    size_bytes: int
    sources: tuple[str, ...]
    is_new: bool


def weights_shelf(session: Session, *, lock_timeout: float | None = None) -> BaseShelf:
    """Where weights are kept; `lock_timeout` is other than the one of the settings."""
    timeout = session.settings.lock_timeout if lock_timeout is None else lock_timeout
    return BaseShelf(session.settings.home, lock_timeout=timeout, kind="weights")


def segmenter_folder(session: Session) -> Path | None:
    """The folder of the segmenter, if it is on this machine."""
    place = weights_shelf(session).place_of(SEGMENTER_NAME)
    return place if place.is_dir() else None


def fetch_weights(
    name: str,
    session: Session,
    *,
    models: Sequence[PublishedModel] | None = None,
    progress: Progress | None = None,
) -> InstalledWeights:
    """The weights of that name, from the Hub unless they are here already.

    Args:
        name: `segmenter`.
        session: decides where they are kept.
        models: what they consist of, if it is not what mivactl names.
        progress: told what has come.

    Raises:
        NotFound: no such weights, or not in their repository any more.
        AuthProblem: a repository is gated or private.
        NetworkProblem: offline, or the Hub can not be reached.
        ResourceProblem: not enough space.
        Incomplete: the connection broke; the same command goes on.
        IntegrityProblem: what the Hub has is not what mivactl names.
    """
    _require_known(name)
    wanted = tuple(models or SEGMENTER)
    here = segmenter_folder(session)
    if here is not None:
        return InstalledWeights(name, here, folder_size(here), _sources(wanted), is_new=False)
    if session.settings.offline:
        raise NetworkProblem(
            f"the weights of `{name}` are fetched from the Hugging Face Hub, and the network is switched off",
            hint=f"leave out `--offline`, or {OTHERWISE}",
        )
    hub, shelf = Hub(what="weights", otherwise=OTHERWISE), weights_shelf(session)
    with shelf.locked(SEGMENTER_NAME), staged(shelf, SEGMENTER_NAME, resumes=True) as stage:
        listing = {model.part: _files(hub, model) for model in wanted}
        needed = sum(file.size_bytes for files in listing.values() for file in files.values())
        require_space(stage, max(needed - folder_size(stage), 0) + _SMALL_BYTES)
        download_parts(hub, listing, stage, progress or SilentProgress())
        folder = shelf.install(SEGMENTER_NAME)
    return InstalledWeights(name, folder, folder_size(folder), _sources(wanted), is_new=True)


def _require_known(name: str) -> None:
    if name != SEGMENTER_NAME:
        raise NotFound(f"no weights called `{name}`", hint=f"there is `{SEGMENTER_NAME}`")


def _files(hub: Hub, model: PublishedModel) -> dict[str, HubFile]:
    """What is taken of a repository, after a look whether it is what was named and may be taken."""
    present = {file.name: file for file in hub.files(model.repository, model.revision, None)}
    missing = next((name for name in (_CONFIG, _WEIGHTS) if name not in present), None)
    if missing is not None:
        raise NotFound(f"`{model.repository}` has no `{missing}` at `{model.revision[:12]}`", hint=OTHERWISE)
    weights = present[_WEIGHTS]
    if weights.digest != model.digest:
        found = "no digest" if weights.digest is None else f"`{weights.digest[:19]}...`"
        raise IntegrityProblem(
            f"the Hub announces {found} for `{_WEIGHTS}` of `{model.repository}`, expected `{model.digest[:19]}...`",
            hint="do not use what this Hub has; look at `HF_ENDPOINT`",
        )
    hub.check_access(weights)
    return {name: present[name] for name in (*model.files, _WEIGHTS) if name in present}


def _sources(models: Sequence[PublishedModel]) -> tuple[str, ...]:
    return tuple(f"{model.part} from {model.repository} at {model.revision[:12]}" for model in models)
