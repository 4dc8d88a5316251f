"""Bring the weights of published metrics to this machine: fetched, or from a folder of files a person has."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mivactl.disk import disk_errors
from mivactl.engine_bridge import (
    SilentProgress,
    WeightsFolder,
    convert_pickle,
    published_weights,
    write_weights_record,
)
from mivactl.hub import Hub
from mivactl.operations.weights import weights_shelf
from mivactl.transfer.client import Document, HttpClient
from registry_schema.digests import Digest
from registry_schema.errors import IntegrityProblem, MivaError, NetworkProblem, NotFound
from registry_schema.names import BaseName

if TYPE_CHECKING:
    from pathlib import Path

    from mivactl.engine_bridge import Progress, PublishedFile, PublishedWeights
    from mivactl.session import Session

BENCH: Final = "bench"
_PICKLES: Final = (".pth", ".pt", ".bin")
_TENSORS: Final = "model.safetensors"
_SMALL_BYTES: Final = 1 << 20
_BRANCH: Final = "main"


@dataclass(frozen=True)
class FetchedWeights:
    """What became of one entry: `new`, `here` already, or `missing` with the reason."""

    name: str
    title: str
    licence: str
    state: str
    reason: str = ""


def metric_weights_folder(session: Session) -> Path:
    """Where they lie on this machine."""
    return session.settings.home / "weights" / BENCH


def fetch_metric_weights(
    session: Session, *, source: Path | None = None, again: bool = False, progress: Progress | None = None
) -> tuple[FetchedWeights, ...]:
    """Bring every entry that is not here; one that can not be had does not stop the others.

    Args:
        source: a folder with the published files, by their names or in a folder of the entry's name; None fetches.
        again: bring also what is here.
        progress: told about each entry.

    Raises:
        NetworkProblem: the network is switched off, and no folder was given.
        NotFound: there is no such folder.
        Busy: another process brings or removes them.
    """
    if source is not None and not source.is_dir():
        raise NotFound(f"no folder `{source}`", hint="give the folder with the published files")
    if source is None and session.settings.offline:
        raise NetworkProblem("weights are fetched, and the network is switched off", hint="pass `--from DIR`")
    folder = metric_weights_folder(session)
    here = WeightsFolder(folder)
    results = []
    with (
        weights_shelf(session).locked(BaseName(BENCH)),
        (progress or SilentProgress()).phase("weights", len(published_weights())) as phase,
    ):
        for entry in published_weights():
            state, reason = "here", ""
            if again or not here.has(entry.name):
                try:
                    _bring(entry, folder, source)
                    state = "new"
                except MivaError as error:
                    state, reason = "missing", error.message
            results.append(FetchedWeights(entry.name, entry.title, entry.licence, state, reason))
            phase.advance()
    return tuple(results)


def _bring(entry: PublishedWeights, folder: Path, source: Path | None) -> None:
    """All files of an entry into its place, whole or not at all."""
    stage, place = folder / f".{entry.name}.part", folder / entry.name
    with disk_errors(folder):
        stage.mkdir(parents=True, exist_ok=True)
    published = {}
    for file in entry.files:
        path = stage / file.file
        if source is not None:
            _copy(entry, file, source, path)
        else:
            _fetch(entry, file, path)
        published[file.file] = _checked(file, path)
        if path.suffix in _PICKLES:
            convert_pickle(path, stage / _TENSORS)
            path.unlink()
    write_weights_record(stage, published)
    with disk_errors(place):
        shutil.rmtree(place, ignore_errors=True)
        stage.replace(place)


def _copy(entry: PublishedWeights, file: PublishedFile, source: Path, target: Path) -> None:
    choices = [source / entry.name / file.file, *([source / file.file] if len(entry.files) == 1 else [])]
    found = next((path for path in choices if path.is_file()), None)
    if found is None:
        raise NotFound(f"`{source}` has no `{entry.name}/{file.file}`")
    with disk_errors(target):
        shutil.copyfile(found, target)


def _fetch(entry: PublishedWeights, file: PublishedFile, target: Path) -> None:
    if entry.by_hand:
        raise NotFound(entry.by_hand)
    if file.url:
        answer = HttpClient().read(file.url, max_bytes=_SMALL_BYTES)
        if not isinstance(answer, Document):
            raise NotFound(f"`{file.url}` is not there any more")
        with disk_errors(target):
            target.write_bytes(answer.content)
        return
    hub = Hub()
    folder, _, name = file.path.rpartition("/")
    files = {found.name: found for found in hub.files(file.repository, _BRANCH, folder or None)}
    if name not in files:
        raise NotFound(f"`{file.repository}` has no `{file.path}`")
    hub.download(files[name], target, received=lambda _: None)


def _checked(file: PublishedFile, path: Path) -> Digest:
    with path.open("rb") as stream:
        digest = Digest.of_stream(stream)
    if not digest.hex.startswith(file.sha256_begins):
        path.unlink()
        raise IntegrityProblem(
            f"`{file.file}` has digest `{digest.hex[:12]}`, expected one that begins with `{file.sha256_begins}`"
        )
    return digest
