"""Folders that another process takes away while they are looked through."""

from __future__ import annotations

import shutil
import threading
import time
from typing import TYPE_CHECKING

from mivactl.disk import everything_below, last_written

if TYPE_CHECKING:
    from pathlib import Path


def test_what_goes_meanwhile_is_passed_over(tmp_path: Path):
    root = tmp_path / "staging"
    root.mkdir()
    (root / "stays").touch()
    over = threading.Event()

    def come_and_go() -> None:
        while not over.is_set():
            for name in "abc":
                (root / name / "deep" / "deeper").mkdir(parents=True)
            for name in "abc":
                shutil.rmtree(root / name)

    other = threading.Thread(target=come_and_go)
    other.start()
    try:
        end = time.monotonic() + 0.7
        while time.monotonic() < end:
            assert root / "stays" in set(everything_below(root))
            assert last_written(root) > 0
    finally:
        over.set()
        other.join()


def test_links_are_named_and_not_followed(tmp_path: Path):
    (tmp_path / "folder" / "inner").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "secret").touch()
    (tmp_path / "folder" / "link").symlink_to(tmp_path / "elsewhere")
    names = {path.name for path in everything_below(tmp_path / "folder")}
    assert names == {"folder", "inner", "link"}
