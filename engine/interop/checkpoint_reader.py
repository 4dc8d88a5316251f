"""A program that reads one torch checkpoint under limits and writes its tensors as safetensors.

`engine.interop.sandbox` runs it in a process of its own, with this file's path; nothing imports it. It answers with one
line of JSON: `{"step": N}` or `{"step": null}`, or `{"problem": "..."}` and exit code 1.
"""

from __future__ import annotations

import json
import os
import re
import sys
import time
from pathlib import Path

import safetensors.torch
import torch

COUNTERS = ("global_step", "epoch")
DTYPES = (torch.float32, torch.float16, torch.bfloat16)
CPU_SECONDS = 120
BYTES_PER_SECOND = 20_000_000
ROOM_BYTES = 512 << 20
# what a reader of numbers never does; see the table of audit events in Python's documentation
FORBIDDEN = (
    "socket.", "subprocess.", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "pty.", "ctypes.",
    "urllib.", "http.", "ftplib.", "smtplib.", "os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.link",
    "os.symlink", "os.truncate", "os.chmod", "os.chown", "shutil.", "webbrowser.", "code.__new__",
)  # fmt: skip
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class Problem(ValueError):
    """Why a checkpoint is not read."""


def main(source: str, target: str) -> int:
    """Read `source`, write `target`; the exit code."""
    try:
        limit_resources(Path(source).stat().st_size)
        close_doors()
        content = read(source)
        tensors, step = plain_tensors(content)
        safetensors.torch.save_file(tensors, target)
    except MemoryError:
        return answer({"problem": "it needs more memory than its size allows"}, 1)
    except Problem as problem:
        return answer({"problem": str(problem)}, 1)
    except Exception as error:  # whatever a hostile file makes torch say is told as text
        return answer({"problem": said(error)}, 1)
    return answer({"step": step}, 0)


def limit_resources(file_bytes: int) -> None:
    """Memory, processor time and file size in proportion to the file, where the system knows limits."""
    try:
        import resource
    except ImportError:  # Windows
        return
    address_space = used_bytes() + 4 * file_bytes + ROOM_BYTES
    seconds = int(time.process_time()) + CPU_SECONDS + file_bytes // BYTES_PER_SECOND
    for kind, limit in (
        (resource.RLIMIT_AS, address_space),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, 2 * file_bytes + (1 << 20)),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (limit, limit))


def used_bytes() -> int:
    """Address space this process has, libraries included."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
    except (OSError, ValueError):
        return 64 << 30  # unknown: the limit is then only against the absurd
    return pages * os.sysconf("SC_PAGE_SIZE")


def close_doors() -> None:
    """From here on no network, no other program, and no file opened for writing by Python; it can not be undone."""
    sys.addaudithook(refuse)


def refuse(event: str, arguments: tuple[object, ...]) -> None:
    """Stop what a reader of numbers never does."""
    if event.startswith(FORBIDDEN):
        raise Problem(f"reading it tried `{event}`")
    if event == "open":
        _, mode, flags = arguments
        if (isinstance(mode, str) and set(mode) & set("wax+")) or (isinstance(flags, int) and flags & WRITING):
            raise Problem("reading it tried to write a file")


def read(source: str) -> object:
    """What the file holds: tensors, numbers and containers; anything else stops the reader."""
    return torch.load(source, map_location="cpu", weights_only=True, mmap=True)


def plain_tensors(content: object) -> tuple[dict[str, torch.Tensor], int | None]:
    """The flat dictionary of tensors, unwrapped, and the step it was saved at if it says so."""
    if not isinstance(content, dict):
        raise Problem(f"it holds a `{type(content).__name__}`, expected a dictionary of tensors")
    counters = {name: content[name] for name in COUNTERS if type(content.get(name)) is int}
    rest = {name: value for name, value in content.items() if name not in counters}
    if isinstance(rest.get("state_dict"), dict):
        others = [str(name) for name in rest if name != "state_dict"]
        if others:
            raise Problem(f"beside `state_dict` it holds `{others[0][:80]}`, expected nothing but a step")
        rest = rest["state_dict"]
    return {require_name(name): require_tensor(name, value) for name, value in rest.items()}, counters.get(
        "global_step"
    )


def require_name(name: object) -> str:
    """A tensor's name."""
    if not isinstance(name, str) or not name.isprintable() or len(name) > 256:
        raise Problem("a tensor's name is no short text")
    return name


def require_tensor(name: object, value: object) -> torch.Tensor:
    """A dense tensor of a float format, with memory of its own."""
    if not isinstance(value, torch.Tensor):
        raise Problem(f"`{name}` is a `{type(value).__name__}`, expected a tensor")
    if value.layout is not torch.strided or value.is_quantized or value.device.type != "cpu":
        raise Problem(f"`{name}` is not a plain dense tensor")
    if value.dtype not in DTYPES:
        raise Problem(f"`{name}` has the number format `{value.dtype}`, expected float32, float16 or bfloat16")
    if value.numel() > 1 and 0 in value.stride():
        raise Problem(f"`{name}` repeats numbers that are not there")  # a few bytes that unfold to gigabytes
    return value.detach().clone(memory_format=torch.contiguous_format)


def said(error: Exception) -> str:
    """What a library complains of, in one line."""
    text = str(error)
    if called := re.search(r"nsupported (?:global: )?GLOBAL (\S+)", text):
        return f"it wants to run `{called[1]}`, which is not data"
    return f"{type(error).__name__}: {' '.join(text.split())[:200]}"


def answer(document: dict[str, object], code: int) -> int:
    """Say it on one line."""
    sys.stdout.write(json.dumps(document) + "\n")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
