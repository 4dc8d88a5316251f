"""The only module of mivactl that imports the engine; what needs torch is imported inside functions."""

from __future__ import annotations

from pathlib import Path

import engine
from engine.progress import Phase, Progress, SilentProgress

__all__ = ["Phase", "Progress", "SilentProgress", "packaged_base_folders"]


def packaged_base_folders() -> tuple[Path, ...]:
    """The folders of the bases that come with the engine, each with a `base.json`; no torch is loaded."""
    folder = Path(str(engine.__file__)).parent / "bases"
    return tuple(path.parent for path in sorted(folder.glob("*/base.json")))
