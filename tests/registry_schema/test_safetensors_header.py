"""The header gate: good files pass, hostile ones are refused before they cost anything."""

from __future__ import annotations

import io
import json
import math
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry_schema.digests import Digest
from registry_schema.errors import IntegrityProblem
from registry_schema.safetensors_header import header_and_tensors_digest, read_header, tensor_digest
from tests.registry_schema.faults.header import safetensors

SIZES = {"F32": 4, "F16": 2, "BF16": 2}


def tensor_file(
    shapes: dict[str, tuple[str, list[int]]], *, metadata: dict[str, str] | None = None, padding: int = 0
) -> tuple[bytes, bytes]:
    """A good file and its data section."""
    header: dict[str, object] = {"__metadata__": metadata} if metadata is not None else {}
    end = 0
    for name, (dtype, shape) in shapes.items():
        begin, end = end, end + SIZES[dtype] * math.prod(shape)
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}
    data = bytes(number % 251 for number in range(end))
    return safetensors(json.dumps(header).encode() + padding * b" ", data), data


SHAPES = st.dictionaries(
    st.from_regex(r"[a-z.0-9]{1,20}", fullmatch=True),
    st.tuples(st.sampled_from(sorted(SIZES)), st.lists(st.integers(1, 4), max_size=4)),
    min_size=1,
    max_size=6,
)


@given(SHAPES, st.none() | st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3), st.integers(0, 9))
def test_a_good_file_passes_and_says_what_it_holds(shapes, metadata, padding):
    file, data = tensor_file(shapes, metadata=metadata, padding=padding)
    header, digest = header_and_tensors_digest(io.BytesIO(file), len(file))
    assert {name: (info.dtype, list(info.shape)) for name, info in header.tensors.items()} == shapes
    assert header.metadata == (metadata or {})
    assert file[header.data_offset :] == data
    assert digest == Digest.of(data) == tensor_digest(io.BytesIO(file), header)


def test_metadata_and_names_do_not_change_the_tensors_digest():
    first, _ = tensor_file({"a": ("F16", [3, 4])})
    second, _ = tensor_file({"other": ("F16", [4, 3])}, metadata={"modelspec.title": "Waterfall"})
    digests = {header_and_tensors_digest(io.BytesIO(file), len(file))[1] for file in (first, second)}
    assert len(digests) == 1


def test_what_the_library_writes_passes(tmp_path: Path):
    """Parity with safetensors, which pads its header with blanks."""
    import numpy as np
    from safetensors.numpy import save_file

    path = tmp_path / "a.safetensors"
    save_file({"miva.x.cfa.q.weight": np.ones((2, 3), np.float32)}, path, metadata={"k": "v"})
    with path.open("rb") as stream:
        header = read_header(stream, path.stat().st_size)
    assert header.tensors["miva.x.cfa.q.weight"].shape == (2, 3)
    assert header.metadata == {"k": "v"}


@given(st.binary(max_size=200), st.integers(-5, 5))
def test_any_bytes_are_a_file_or_an_integrity_problem(data: bytes, more: int):
    with pytest.raises(IntegrityProblem) as caught:
        read_header(io.BytesIO(data), max(0, len(data) + more))
    assert caught.value.message.startswith("weights: ")
    assert caught.value.message.isprintable()


COST = """
import io, resource, sys, time
from registry_schema.errors import IntegrityProblem
from registry_schema.safetensors_header import read_header
from tests.registry_schema.hostile_files import HOSTILE

build, size, expected = HOSTILE[sys.argv[1]]
stream = io.BytesIO(build())
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
started = time.process_time()
try:
    read_header(stream, size or len(stream.getvalue()))
except IntegrityProblem as problem:
    seconds = time.process_time() - started
    assert expected in problem.message, problem.message
    print(seconds, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""


def hostile_names() -> list[str]:
    from tests.registry_schema.hostile_files import HOSTILE

    return list(HOSTILE)


@pytest.mark.parametrize("name", hostile_names())
def test_a_hostile_file_costs_under_a_fifth_of_a_second_and_50_megabytes(name: str):
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", COST, name], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    seconds, megabytes = map(float, done.stdout.split())
    assert seconds < 0.2
    assert megabytes < 50
