"""How long runs took on this machine, remembered so that `--plan` can say how long the next one takes."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

from mivactl.disk import write_durably

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from registry_schema.base_spec import BaseSpec
    from registry_schema.receipt import RunSettings

_ADAPTER_SHARE: Final = 0.3
"""What one adapter adds to a step, as a share of the base's own time; enough for an estimate."""
_FIRST_GUESS_STEP_SECONDS: Final = 0.35
"""One step of the smallest base on two cores; larger bases take longer, which a first run finds out."""
_FIRST_GUESS_FIXED_SECONDS: Final = 8.0


@dataclass(frozen=True)
class Timing:
    """What was measured: seconds of one step of the base alone, for one frame, and of everything else."""

    step_seconds: float
    fixed_seconds: float


@dataclass(frozen=True)
class Estimate:
    """Seconds of a run, and whether they rest on a run on this machine."""

    seconds: float
    measured: bool


def estimate(home: Path, base: BaseSpec, settings: RunSettings, *, adapters: int) -> Estimate:
    """How long one photo will take."""
    timing = _read(_place(home, base))
    known = timing or Timing(_FIRST_GUESS_STEP_SECONDS / base.clip.frames, _FIRST_GUESS_FIXED_SECONDS)
    seconds = known.fixed_seconds + known.step_seconds * _step_count(settings, adapters)
    return Estimate(round(seconds, 1), timing is not None)


def remember(home: Path, base: BaseSpec, settings: RunSettings, *, adapters: int, seconds: Mapping[str, float]) -> None:
    """Note what a run took; a home that can not be written goes without.

    Args:
        home: mivactl's folder.
        base: of the run.
        settings: of the run.
        adapters: how many.
        seconds: per phase; `sampling` is what the steps took.
    """
    fixed = sum(time for phase, time in seconds.items() if phase != "sampling")
    timing = Timing(seconds["sampling"] / _step_count(settings, adapters), fixed)
    with suppress(OSError):
        write_durably(_place(home, base), json.dumps(asdict(timing)).encode())


def _step_count(settings: RunSettings, adapters: int) -> float:
    """Steps of the base alone, for one frame, that a run with its adapters comes to."""
    return settings.steps * settings.clip.frames * (1 + _ADAPTER_SHARE * adapters)


def _place(home: Path, base: BaseSpec) -> Path:
    return home / "timings" / f"{base.name}.json"


def _read(path: Path) -> Timing | None:
    with suppress(OSError, ValueError, TypeError):
        values = json.loads(path.read_text())
        timing = Timing(float(values["step_seconds"]), float(values["fixed_seconds"]))
        return timing if timing.step_seconds > 0 and timing.fixed_seconds >= 0 else None
    return None
