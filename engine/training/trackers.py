"""What a run tells, passed on to TensorBoard, Trackio or Weights & Biases through Accelerate's trackers."""

from __future__ import annotations

from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final, get_args

import numpy as np
from PIL import Image

from engine.requests import Tracker
from engine.training.events import Evaluated, StepDone
from registry_schema.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from engine.training.events import TrainEvent

TRACKERS: Final[tuple[Tracker, ...]] = get_args(Tracker)


class Trackers:
    """Those that are told of a run."""

    def __init__(self, opened: Sequence[Any]) -> None:
        self._opened = tuple(opened)

    def tell(self, event: TrainEvent) -> None:
        """Pass on steps and looks; nothing else is of interest there."""
        if isinstance(event, StepDone):
            values = {"loss": event.loss, "gradient_norm": event.gradient_norm, "learning_rate": event.learning_rate}
            self._log(values, event.step)
        elif isinstance(event, Evaluated):
            record = event.evaluation.record()
            values = {f"look/{key}": float(value) for key, value in record.items() if isinstance(value, int | float)}
            self._log(values, event.evaluation.step)
            if event.sheet is not None:
                self._show(event.sheet, event.evaluation.step)

    def _log(self, values: dict[str, float], step: int) -> None:
        for tracker in self._opened:
            tracker.log(values, step=step)

    def _show(self, sheet: Path, step: int) -> None:
        picture = np.asarray(Image.open(sheet).convert("RGB"))[None]
        for tracker in self._opened:
            layout = {"dataformats": "NHWC"} if tracker.name == "tensorboard" else {}
            if hasattr(tracker, "log_images"):
                tracker.log_images({"previews": picture}, step=step, **layout)


def require_trackers(names: Sequence[Tracker]) -> None:
    """Raise `NotFound` where the package of a tracker is missing: to be asked before a run starts."""
    for name in names:
        if find_spec(name) is None:
            hint = f'run `pip install "mivactl[{name}]"`; the log in `run/log.jsonl` is written without it'
            raise NotFound(f"`--log {name}` needs the package `{name}`, which is not here", hint=hint)


@contextmanager
def open_trackers(names: Sequence[Tracker], run_dir: Path) -> Iterator[Trackers]:
    """The trackers of a run, closed when the block ends; none for no names.

    Args:
        names: of `TRACKERS`; see `require_trackers`.
        run_dir: TensorBoard's files go into `tensorboard/` in it; the others name the run after the folder above it.
    """
    opened = [_opened(name, run_dir) for name in names]
    try:
        yield Trackers(opened)
    finally:
        for tracker in opened:
            tracker.finish()


def _opened(name: Tracker, run_dir: Path) -> Any:  # noqa: ANN401 - a tracker of Accelerate, which has no types
    from accelerate.tracking import TensorBoardTracker, TrackioTracker, WandBTracker

    run_name = run_dir.resolve().parent.name or "mivactl"
    if name == "tensorboard":
        tracker = TensorBoardTracker("tensorboard", run_dir)
    elif name == "trackio":
        tracker = TrackioTracker(run_name)
    else:
        tracker = WandBTracker(run_name)
    tracker.start()
    return tracker
