"""Every faulty asset is refused in one exact line."""

import io
from collections.abc import Callable

import pytest

from registry_schema.advisories import read_advisories
from registry_schema.base_spec import BaseSpec
from registry_schema.errors import IntegrityProblem
from registry_schema.index import read_index
from registry_schema.lock import Lock
from registry_schema.manifest import Manifest
from registry_schema.preset import Preset
from registry_schema.receipt import Receipt
from registry_schema.safetensors_header import read_header
from registry_schema.signatures import Signatures
from registry_schema.signed_state import Checkpoint, Root, Snapshot
from tests.registry_schema.faults.fault import Fault
from tests.registry_schema.faults.table import ASSETS, FAULTS, VALID

READERS: dict[str, tuple[str, Callable[[bytes], object]]] = {
    "manifest": ("miva.json: ", Manifest.parse),
    "index": ("waterfall.jsonl", lambda data: read_index(data, source="waterfall.jsonl")),
    "receipt": ("receipt: ", Receipt.parse),
    "base": ("base.json: ", BaseSpec.parse),
    "preset": ("preset.toml: ", Preset.parse),
    "lock": ("miva.lock: ", Lock.parse),
    "root": ("root.json: ", Root.parse),
    "checkpoint": ("checkpoint.json: ", Checkpoint.parse),
    "snapshot": ("snapshot.json: ", Snapshot.parse),
    "signatures": ("signatures: ", Signatures.parse),
    "advisories": ("advisories.jsonl", read_advisories),
    "header": ("a.safetensors: ", lambda data: read_header(io.BytesIO(data), len(data), source="a.safetensors")),
}
CASES = [
    pytest.param(folder, fault, id=f"{folder}/{fault.file}") for folder, faults in FAULTS.items() for fault in faults
]


@pytest.mark.parametrize(("folder", "fault"), CASES)
def test_a_faulty_document_says_what_is_wrong(folder: str, fault: Fault):
    source, read = READERS[folder]
    with pytest.raises(IntegrityProblem) as caught:
        read((ASSETS / folder / fault.file).read_bytes())
    assert caught.value.message == source + fault.message
    if folder != "header":
        assert caught.value.hint == fault.hint


@pytest.mark.parametrize(("folder", "fault"), CASES)
def test_the_asset_is_what_the_table_describes(folder: str, fault: Fault):
    """`python -m tests.registry_schema.faults.table` writes them again."""
    assert (ASSETS / folder / fault.file).read_bytes() == fault.change(VALID[folder]())


@pytest.mark.parametrize("folder", FAULTS)
def test_without_its_fault_the_document_is_valid(folder: str):
    READERS[folder][1](VALID[folder]())


def test_no_asset_is_forgotten():
    listed = {f"{folder}/{fault.file}" for folder, faults in FAULTS.items() for fault in faults}
    found = {path.relative_to(ASSETS).as_posix() for path in ASSETS.rglob("*.*")}
    assert found == listed
    assert len(listed) > 100
