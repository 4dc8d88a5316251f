"""What the documentation says each kind of registry can do is what its code declares."""

from __future__ import annotations

from pathlib import Path

import pytest

from mivactl.registry.access import Access
from mivactl.registry.opening import open_registry
from mivactl.registry.registry import Capability
from registry_schema.names import RegistryName

PAGE = Path(__file__).parents[3] / "docs" / "registries.md"


def table() -> tuple[list[str], list[list[str]]]:
    rows = [line.strip("|").split("|") for line in PAGE.read_text().splitlines() if line.startswith("|")]
    heading, _, *kinds = [[cell.strip().strip("`") for cell in row] for row in rows]
    return heading, kinds


def test_the_table_has_a_column_for_each_capability():
    assert table()[0] == ["kind", "address", *Capability]


@pytest.mark.parametrize("row", table()[1], ids=lambda row: row[0])
def test_a_kind_declares_what_the_table_says(tmp_path: Path, row: list[str]):
    _, address, *cells = row
    registry = open_registry(RegistryName("studio"), address, Access(home=tmp_path, lock_timeout=1))
    declared = ["yes" if capability in registry.capabilities else "no" for capability in Capability]
    assert cells == declared
