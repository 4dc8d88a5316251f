"""Pickled checkpoints are read as numbers, in a process that can do nothing else."""

from __future__ import annotations

import os
import pickle
import runpy
import subprocess
import sys
import zipfile

import pytest
import safetensors.torch
import torch

from engine.interop import sandbox
from engine.interop.checkpoint_import import read_checkpoint
from registry_schema.errors import IntegrityProblem, NotFound, ResourceProblem


class Command:
    """A pickle that runs a command where it is loaded."""

    def __init__(self, command: str) -> None:
        self._command = command

    def __reduce__(self):
        return os.system, (self._command,)


def saved(content, folder):
    path = folder / "adapter.pt"
    torch.save(content, path)
    return path


TENSORS = {"a": torch.arange(6.0).reshape(2, 3), "b": torch.ones(2, dtype=torch.bfloat16)}


def test_tensors_come_back_with_the_step(tmp_path):
    path = saved({"state_dict": TENSORS, "global_step": 700}, tmp_path)
    tensors, step = read_checkpoint(path)
    assert step == 700
    assert all(torch.equal(tensors[name], tensor) for name, tensor in TENSORS.items())
    assert list(tmp_path.iterdir()) == [path]


def test_a_command_in_a_pickle_is_named_and_not_run(tmp_path):
    marker = tmp_path / "marker"
    path = saved({**TENSORS, "c": Command(f"touch {marker}")}, tmp_path)
    with pytest.raises(IntegrityProblem, match=r"adapter.pt: it wants to run '\w+\.system', which is not data"):
        read_checkpoint(path)
    assert not marker.exists()
    torch.load(path, weights_only=False)  # it would have
    assert marker.exists()


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ([TENSORS["a"]], "it holds a `list`"),
        ({**TENSORS, "note": "text"}, "`note` is a `str`, expected a tensor"),
        ({3: TENSORS["a"]}, "name is no short text"),
        ({"a": torch.ones(2, dtype=torch.float64)}, "number format `torch.float64`"),
        ({"a": torch.eye(2).to_sparse()}, "is not a plain dense tensor"),
        ({"a": torch.ones(1).expand(1_000_000)}, "repeats numbers that are not there"),
        ({"state_dict": TENSORS, "optimiser": {}}, "beside `state_dict` it holds `optimiser`"),
    ],
    ids=["list", "text", "number", "float64", "sparse", "unfolds", "sibling"],
)
def test_what_is_no_flat_dictionary_of_floats_is_refused(content, complaint):
    reader = runpy.run_path(str(sandbox.READER))  # its own functions, here: each process would load torch again
    with pytest.raises(reader["Problem"]) as error:
        reader["plain_tensors"](content)
    assert complaint in str(error.value)


def test_the_reader_closes_its_doors_and_keeps_to_its_limits():
    """The real program's own functions, in a process that then tries everything."""
    story = f"""
import runpy
reader = runpy.run_path({str(sandbox.READER)!r})
reader["limit_resources"](1000)
reader["close_doors"]()
def refused(action):
    try:
        action()
    except Exception as error:
        return type(error).__name__
    return "done"
import os, socket, subprocess
print(refused(lambda: socket.create_connection(("127.0.0.1", 9))))
print(refused(lambda: socket.getaddrinfo("localhost", 80)))
print(refused(lambda: os.system("true")))
print(refused(lambda: subprocess.run(["true"])))
print(refused(lambda: os.fork()))
print(refused(lambda: open("stray.txt", "w")))
print(refused(lambda: os.open("stray.txt", os.O_CREAT | os.O_WRONLY)))
print(refused(lambda: os.remove("stray.txt")))
try:
    bytearray(64 << 30)
    print("done")
except MemoryError:
    print("MemoryError")
"""
    done = subprocess.run([sys.executable, "-c", story], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["Problem"] * 8 + ["MemoryError"]


def test_a_reader_that_takes_too_long_is_stopped(tmp_path, monkeypatch):
    monkeypatch.setattr(sandbox, "SECONDS", 0.01)
    with pytest.raises(ResourceProblem, match=r"more than 0\.01 s"):
        read_checkpoint(saved(TENSORS, tmp_path))


def test_secrets_of_the_environment_stay_outside(monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "secret")
    assert "HF_TOKEN" not in sandbox._environment()
    assert "PATH" in sandbox._environment()


def test_a_container_torch_does_not_write_is_not_opened(tmp_path):
    path = saved(TENSORS, tmp_path)
    packed = tmp_path / "packed.pt"
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as target:
        for entry in source.namelist():
            target.writestr(entry, source.read(entry))
    with pytest.raises(IntegrityProblem, match="is compressed, which torch never does"):
        read_checkpoint(packed)
    bare = tmp_path / "bare.pt"
    bare.write_bytes(pickle.dumps({"a": Command("true")}))
    with pytest.raises(IntegrityProblem, match="is neither safetensors nor a checkpoint of torch"):
        read_checkpoint(bare)
    cut = tmp_path / "cut.pt"
    cut.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(IntegrityProblem):
        read_checkpoint(cut)
    with pytest.raises(IntegrityProblem, match="is a folder"):
        read_checkpoint(tmp_path)
    with pytest.raises(NotFound):
        read_checkpoint(tmp_path / "nothing.pt")


def test_safetensors_needs_no_sandbox(tmp_path, monkeypatch):
    monkeypatch.setattr(sandbox, "READER", tmp_path / "not-there.py")
    path = tmp_path / "model.safetensors"
    safetensors.torch.save_file(TENSORS, path)
    tensors, step = read_checkpoint(path)
    assert step is None
    assert torch.equal(tensors["a"], TENSORS["a"])
