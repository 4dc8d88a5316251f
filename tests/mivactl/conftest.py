from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.mivactl.world import World

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def world(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> World:
    return World(tmp_path, capsys, monkeypatch)
