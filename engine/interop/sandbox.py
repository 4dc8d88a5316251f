"""Reading a pickled checkpoint without trusting it: in a process of its own, with limits, and back as safetensors."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from registry_schema.errors import IntegrityProblem, NotFound, ResourceProblem
from registry_schema.text import shown

if TYPE_CHECKING:
    from collections.abc import Mapping

READER = Path(__file__).with_name("checkpoint_reader.py")
MAX_ENTRIES = 20_000
MAX_PICKLE_BYTES = 32 << 20
SECONDS = 300
BYTES_PER_SECOND = 10_000_000
# what Python and torch need to be found and to start; tokens and everything else stay here
_ENVIRONMENT = ("PATH", "PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH", "SYSTEMROOT", "TMPDIR", "TEMP", "TMP", "LANG")


def convert_pickle(source: Path, target: Path) -> int | None:
    """Write the tensors of a torch checkpoint to a safetensors file; the training step if the checkpoint says one.

    The pickle is read by `checkpoint_reader.py` in another process: torch's reader of weights only, no network, no
    other program, limited memory and time. What comes back is read through the header gate like any other file.

    Args:
        source: a zip file as `torch.save` writes it.
        target: is written.

    Raises:
        NotFound: there is no such file.
        IntegrityProblem: it is no such file, or holds something that is not numbers.
        ResourceProblem: it ran out of its time or memory.
    """
    _require_honest_zip(source)
    seconds = SECONDS + source.stat().st_size // BYTES_PER_SECOND
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-s", "-W", "ignore", str(READER), str(source.resolve()), str(target.resolve())],
            env=_environment(),
            cwd=target.parent,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        msg = f"{source.name}: reading it took more than {seconds} s"
        raise ResourceProblem(msg, hint="the file is not what it seems; do not use it") from error
    answer = _answer(done.stdout)
    if done.returncode == 0 and "step" in answer:
        step = answer["step"]
        return step if isinstance(step, int) else None
    if done.returncode < 0:
        msg = f"{source.name}: reading it was stopped by signal {-done.returncode}, a limit of time or memory"
        raise ResourceProblem(msg, hint="the file is not what it seems; do not use it")
    problem = answer.get("problem")
    msg = f"{source.name}: {shown(problem) if isinstance(problem, str) else 'can not be read as a checkpoint'}"
    raise IntegrityProblem(msg, hint="only files of plain tensors are imported")


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    return kept | {"OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}


def _answer(output: bytes) -> Mapping[str, object]:
    try:
        answer = json.loads(output[: 1 << 16].decode("utf-8", "replace").strip().rpartition("\n")[2])
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}


def _require_honest_zip(source: Path) -> None:
    """Make sure the container is what torch writes: nothing in it is compressed, hence nothing unfolds."""
    if source.is_dir():
        msg = f"`{source}` is a folder, expected one file"
        raise IntegrityProblem(msg, hint="a DeepSpeed checkpoint has to be gathered into one file first")
    if not source.is_file():
        msg = f"no file `{source}`"
        raise NotFound(msg)
    try:
        with zipfile.ZipFile(source) as container:
            entries = container.infolist()
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        msg = f"{source.name}: is neither safetensors nor a checkpoint of torch"
        raise IntegrityProblem(msg, hint="files from before torch 1.6 have to be saved again") from error
    if len(entries) > MAX_ENTRIES:
        msg = f"{source.name}: has {len(entries)} entries, expected at most {MAX_ENTRIES}"
        raise IntegrityProblem(msg)
    if sum(entry.file_size for entry in entries) > source.stat().st_size:
        msg = f"{source.name}: its entries overlap, which torch never does"
        raise IntegrityProblem(msg, hint="do not use this file")
    for entry in entries:
        if entry.compress_type != zipfile.ZIP_STORED:
            msg = f"{source.name}: `{shown(entry.filename)}` is compressed, which torch never does"
            raise IntegrityProblem(msg, hint="do not use this file")
        if entry.filename.endswith(".pkl") and entry.file_size > MAX_PICKLE_BYTES:
            msg = f"{source.name}: its pickle has {entry.file_size} bytes, expected at most {MAX_PICKLE_BYTES}"
            raise IntegrityProblem(msg)
