from __future__ import annotations

from pathlib import Path

import pytest

from tests.mivactl.world import World


@pytest.fixture
def world(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> World:
    return World(tmp_path, capsys, monkeypatch)
