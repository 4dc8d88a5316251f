"""What a training run tells while it goes on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from pathlib import Path

    from engine.training.evaluation import Evaluation


@dataclass(frozen=True)
class Resumed:
    """The run goes on after `step` steps."""

    step: int


@dataclass(frozen=True)
class StepDone:
    """A step counted; `step` is the number of steps done.

    Attributes:
        loss: mean over the samples of the step, weighted as the recipe says.
        gradient_norm: before clipping.
        learning_rate: of this step.
        seconds: this step took.
    """

    step: int
    loss: float
    gradient_norm: float
    learning_rate: float
    seconds: float


@dataclass(frozen=True)
class StepSkipped:
    """Loss or gradient was not finite: the weights stay as they were. `skipped` counts the run's skipped steps."""

    step: int
    skipped: int
    seconds: float


@dataclass(frozen=True)
class CheckpointSaved:
    """The state after `step` steps is on the disk."""

    step: int
    path: Path


@dataclass(frozen=True)
class CheckpointFailed:
    """The state after `step` steps could not be saved; the run goes on, earlier states are untouched."""

    step: int
    reason: str


@dataclass(frozen=True)
class Evaluated:
    """The run was looked at after a step; `sheet` is its contact sheet, if previews were rendered."""

    evaluation: Evaluation
    sheet: Path | None


@dataclass(frozen=True)
class EvaluationFailed:
    """What was seen after `step` steps could not be written; the run goes on, its weights are no candidate."""

    step: int
    reason: str


TrainEvent: TypeAlias = (
    Resumed | StepDone | StepSkipped | Evaluated | EvaluationFailed | CheckpointSaved | CheckpointFailed
)
