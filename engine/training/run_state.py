"""The state of a run on disk: one folder for each saved step, complete or ignored.

A folder is written under another name, its manifest last, flushed to the disk, then renamed. A folder without a
manifest, or whose files are not what the manifest says, does not count. Tensors are safetensors; there is no pickle.
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from engine.training.durable import file_digest, sync
from registry_schema.errors import IntegrityProblem

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor

SCHEMA = "miva.run-state/1"
MANIFEST = "manifest.json"
TENSOR_FILES = ("adapter", "average", "optimiser", "carried")
ALWAYS_THERE = TENSOR_FILES[:-1]
NUMBERS = ("step", "identity", "log_bytes", "skipped", "skipped_in_a_row", "seconds", "last_loss")
SAVE_PROBLEMS = (OSError, MemoryError, SafetensorError)

Tensors = dict[str, "Tensor"]


@dataclass(frozen=True)
class RunState:
    """Everything a run needs to go on.

    Attributes:
        step: steps done.
        identity: digests of what must stay the same (recipe, clips, base), by name.
        adapter: trained tensors by name, float32.
        average: their running average; empty without one.
        optimiser: `<moment>.<tensor name>`.
        log_bytes: size of the log when this was saved.
        skipped: steps left out because a number was not finite.
        skipped_in_a_row: those of them since the last one that counted.
        seconds: time trained.
        last_loss: of the last step that counted.
        carried: what one step leaves to the next besides; written only where there is something.
    """

    step: int
    identity: Mapping[str, str]
    adapter: Tensors
    average: Tensors
    optimiser: Tensors
    log_bytes: int = 0
    skipped: int = 0
    skipped_in_a_row: int = 0
    seconds: float = 0.0
    last_loss: float | None = None
    carried: Tensors = field(default_factory=dict)


class Checkpoints:
    """Saved states below `folder`; the newest `keep` stay."""

    def __init__(self, folder: Path, *, keep: int = 2) -> None:
        self._folder = folder
        self._keep = keep

    def save(self, state: RunState) -> Path:
        """The folder of a saved state.

        Raises:
            OSError, MemoryError, SafetensorError: it could not be written; what was saved before is untouched.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        target = self._folder / f"step-{state.step:08d}"
        draft = self._folder / f".{target.name}.{os.getpid()}.part"
        shutil.rmtree(draft, ignore_errors=True)
        try:
            _write(draft, state)
            shutil.rmtree(target, ignore_errors=True)
            draft.rename(target)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise
        sync(self._folder)
        self._prune()
        return target

    def latest(self) -> RunState | None:
        """The newest state that can be read, or none where nothing was saved yet.

        Raises:
            IntegrityProblem: states were saved and none of them can be read.
        """
        problem = None
        for folder in reversed(self._complete()):
            try:
                return _read(folder)
            except IntegrityProblem as unreadable:
                problem = problem or unreadable
        if problem is not None:
            raise problem
        return None

    def _complete(self) -> list[Path]:
        if not self._folder.is_dir():
            return []
        return sorted(path for path in self._folder.glob("step-*") if (path / MANIFEST).is_file())

    def _prune(self) -> None:
        kept = self._complete()[-self._keep :]
        # names are of fixed width, so a half-written folder older than the oldest kept one is a leftover
        for path in (*self._folder.glob("step-*"), *self._folder.glob(".step-*.part")):
            if path not in kept:
                shutil.rmtree(path, ignore_errors=True)


def _write(folder: Path, state: RunState) -> None:
    folder.mkdir(parents=True)
    files = {}
    for name in TENSOR_FILES:
        tensors = getattr(state, name)
        if not tensors and name not in ALWAYS_THERE:
            continue
        path = folder / f"{name}.safetensors"
        save_file({key: tensor.contiguous() for key, tensor in tensors.items()}, path)
        sync(path)
        files[path.name] = {"size": path.stat().st_size, "digest": file_digest(path)}
    numbers = {key: getattr(state, key) for key in NUMBERS}
    manifest = {"schema": SCHEMA, **numbers, "files": files}
    path = folder / MANIFEST
    path.write_text(json.dumps(manifest, indent=2, sort_keys=True, allow_nan=False) + "\n", encoding="utf-8")
    sync(path)
    sync(folder)


def _read(folder: Path) -> RunState:
    """Raises `IntegrityProblem` where a file is not what the manifest says."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        _check(folder, manifest)
        tensors = {name: load_file(folder / f"{name}.safetensors") for name in _names(manifest)}
        return RunState(**tensors, **{key: manifest[key] for key in NUMBERS})
    except (ValueError, KeyError, TypeError, OSError, SafetensorError) as problem:
        raise IntegrityProblem(f"saved state `{folder.name}` can not be read: {problem}") from problem


def _check(folder: Path, manifest: Any) -> None:  # noqa: ANN401 - JSON of unknown shape; KeyError is caught above
    if manifest["schema"] != SCHEMA:
        raise IntegrityProblem(f"saved state `{folder.name}` has schema `{manifest['schema']}`, expected `{SCHEMA}`")
    for name in _names(manifest):
        path = folder / f"{name}.safetensors"
        if file_digest(path) != manifest["files"][path.name]["digest"]:
            raise IntegrityProblem(f"saved state `{folder.name}`: `{path.name}` is not what was saved")


def _names(manifest: Any) -> list[str]:  # noqa: ANN401 - JSON of unknown shape
    """The tensor files that a state has."""
    there = manifest["files"]
    return [name for name in TENSOR_FILES if name in ALWAYS_THERE or f"{name}.safetensors" in there]
