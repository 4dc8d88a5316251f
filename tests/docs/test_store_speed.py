"""The store answers at once: a list of five hundred, and an installation of what is there already."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from docs.store_speed import INSTALL, LIST, fill_store, medians
from mivactl.store.store import Store

if TYPE_CHECKING:
    from pathlib import Path

COUNT = 500


@pytest.fixture
def full(tmp_path: Path) -> Path:
    home = tmp_path / "full"
    fill_store(home, count=COUNT)
    assert len(Store(home / "store").installed()) == COUNT
    return home


@pytest.fixture
def large(tmp_path: Path) -> Path:
    home = tmp_path / "large"
    fill_store(home, large_bytes=100_000_000)
    return home


def test_many_adapters_cost_little_beside_starting(tmp_path: Path, full: Path, large: Path):
    """Of the processor's time, so that what else the machine does counts little."""
    empty, many, again = medians([(LIST, tmp_path / "empty"), (LIST, full), (INSTALL, large)], rounds=3)
    assert many.processor < 2 * empty.processor
    assert again.processor < 2 * empty.processor


@pytest.mark.acceptance
def test_the_store_answers_within_half_a_second(full: Path, large: Path):
    many, again = medians([(LIST, full), (INSTALL, large)], rounds=11)
    assert many.wall < 0.5
    assert again.wall < 0.4
