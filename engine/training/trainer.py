"""`Trainer`: the training loop of one adapter, as a stream of events; no file formats, no printing."""

from __future__ import annotations

import math
import time
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, cast

import torch

from engine.adapters.attach import attached
from engine.adapters.composition import Composition
from engine.bases.memory_saving import lasting_widened_weights
from engine.training.attention_kernel import trainable_attention
from engine.training.draws import adapter_weight
from engine.training.events import (
    CheckpointFailed,
    CheckpointSaved,
    Evaluated,
    EvaluationFailed,
    Resumed,
    StepDone,
    StepSkipped,
    TrainEvent,
)
from engine.training.lesson import MaskedLesson, PlainLesson, restored
from engine.training.objective import Objective
from engine.training.optimiser import (
    WeightAverage,
    adamw,
    learning_rate,
    optimiser_tensors,
    restore_optimiser,
    set_learning_rate,
)
from engine.training.processes import ALONE, Processes
from engine.training.run_log import RunLog
from engine.training.run_state import SAVE_PROBLEMS, Checkpoints, RunState
from engine.training.stop_signals import stop_requests
from registry_schema.errors import Incompatible, Interrupted, MivaError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from engine.adapters.miva import MivaAdapter
    from engine.bases.base import Base
    from engine.recipe import TrainRecipe
    from engine.sampling.mask_decoder import MaskDecoder
    from engine.training.lesson import Lesson, MaskedExamples
    from engine.training.sample_loss import Examples


class Watcher(Protocol):
    """Looks at a run in progress; see `engine.training.watching`."""

    def is_due(self, step: int) -> bool:
        """Whether to look after so many steps."""

    def look(self, step: int) -> Evaluated:
        """What there is to see, with the weights to be used on the base.

        Raises:
            OSError: what was seen could not be written.
        """


LOG_NAME = "log.jsonl"
CHECKPOINTS_NAME = "checkpoints"


class Diverged(MivaError):
    """Too many steps in a row had no finite loss or gradient."""


@dataclass
class Counters:
    """What a run counts while it goes on.

    Attributes:
        step: steps done.
        skipped: steps left out because a number was not finite.
        skipped_in_a_row: those of them since the last one that counted.
        seconds: time trained, earlier stretches included.
        last_loss: of the last step that counted.
        saved_at: on the monotonic clock.
    """

    step: int = 0
    skipped: int = 0
    skipped_in_a_row: int = 0
    seconds: float = 0.0
    last_loss: float | None = None
    saved_at: float = field(default_factory=time.monotonic)


class Trainer:
    """Trains `adapter` on `examples`; the base stays as it is.

    Args:
        base: frozen.
        adapter: its tensors, float32, are all that gets gradients.
        examples: latents of the clips; of their masks, too, where `decoder` reads them.
        recipe: every choice; its accumulated batches are a multiple of the number of processes.
        run_dir: where log and saved states go.
        decoder: for masked adapters.
        processes: that train together.
        watcher: looks at the run where this process is the first.
    """

    def __init__(  # noqa: PLR0913 - two more than six, and both have a plain default
        self,
        base: Base,
        adapter: MivaAdapter,
        examples: Examples | MaskedExamples,
        recipe: TrainRecipe,
        run_dir: Path,
        decoder: MaskDecoder | None = None,
        *,
        processes: Processes = ALONE,
        watcher: Watcher | None = None,
    ) -> None:
        self._processes = processes
        self._watcher = watcher if processes.is_first else None
        self._base = base
        self._adapter = adapter
        self._recipe = recipe
        self._parameters = dict(adapter.named_parameters())
        self._optimiser = adamw(self._parameters, recipe.optimiser)
        self._average = WeightAverage(self._parameters, recipe.optimiser.ema_decay)
        self._lesson = _lesson(base, examples, recipe, decoder)
        self._log_path = run_dir / LOG_NAME
        self._checkpoints = Checkpoints(run_dir / CHECKPOINTS_NAME, keep=recipe.run.keep_checkpoints)
        self._counters = Counters()

    @property
    def adapter(self) -> MivaAdapter:
        """What is trained."""
        return self._adapter

    @property
    def counters(self) -> Counters:
        """How far the run is."""
        return self._counters

    @torch.no_grad()
    def use_average(self) -> None:
        """Puts the running average into the adapter: the weights to be used. The run can not go on from them."""
        for name, parameter in self._parameters.items():
            parameter.copy_(self._average.tensors[name])

    def fit(self, *, resume: bool = False) -> Iterator[TrainEvent]:
        """Trains to the last step of the recipe; with `resume` goes on from the newest saved state, if there is one.

        Raises:
            Interrupted: somebody asked to stop; the step was finished and the state saved.
            Diverged: too many steps in a row were not finite.
            Incompatible: the saved state belongs to another recipe, other clips or another base.
        """
        state = self._checkpoints.latest() if resume else None
        if state is not None:
            self._restore(state)
            yield Resumed(state.step)
        keep_bytes = state.log_bytes if state is not None else 0
        recompute = self._recipe.run.gradient_checkpointing or self._base.memory.recompute
        self._base.set_checkpointing(enabled=recompute)
        try:
            with self._log(keep_bytes) as log:
                yield from self._loop(log)
        finally:
            self._base.set_checkpointing(enabled=False)

    def _log(self, keep_bytes: int) -> AbstractContextManager[RunLog | None]:
        """The log of the run; the first process alone has it."""
        return RunLog(self._log_path, keep_bytes=keep_bytes) if self._processes.is_first else nullcontext()

    def _attached(self, weight: float) -> AbstractContextManager[object]:
        return attached(self._base, Composition(((self._adapter, weight),), rest=1 - weight))

    def _loop(self, log: RunLog | None) -> Iterator[TrainEvent]:
        counters = self._counters
        counters.saved_at = time.monotonic()
        with stop_requests() as stop:
            while counters.step < self._recipe.optimiser.steps:
                event = self._step()
                if log is not None:
                    log.write(_record(event))
                yield event
                stopped = self._processes.sum_of(stop.requested) > 0
                if log is not None and self._watcher is not None and self._watcher.is_due(counters.step):
                    yield self._look(self._watcher, log)
                if log is not None and self._save_is_due(stopped=stopped):
                    yield self._save(log)
                if stopped and counters.step < self._recipe.optimiser.steps:
                    raise Interrupted(
                        f"training stopped after step {counters.step} of {self._recipe.optimiser.steps}",
                        hint="run the same command with `--resume` to go on",
                    )

    def _look(self, watcher: Watcher, log: RunLog) -> Evaluated | EvaluationFailed:
        """Look at the run with the weights that would be used."""
        try:
            with (
                self._average.instead_of(self._parameters),
                self._attached(self._base.spec.sampling.lone_weight or 1.0),
            ):
                seen = watcher.look(self._counters.step)
        except Interrupted:
            raise
        except (*SAVE_PROBLEMS, MivaError) as problem:
            return EvaluationFailed(self._counters.step, str(problem))
        log.write(seen.evaluation.record())
        return seen

    def _step(self) -> StepDone | StepSkipped:
        """One step of the optimiser, or none where a number is not finite."""
        started = time.perf_counter()
        choice, counters = self._recipe.optimiser, self._counters
        rate = learning_rate(counters.step, choice)
        set_learning_rate(self._optimiser, rate)
        self._optimiser.zero_grad(set_to_none=True)
        base = self._base
        weight = adapter_weight(self._recipe.run.seed, counters.step, least=self._recipe.loss.least_weight)
        with (
            self._attached(weight),
            trainable_attention(base.device, base.dtype),
            lasting_widened_weights(base.memory),
        ):
            loss = self._backward(counters.step)
        self._processes.add_up(tensor.grad for tensor in self._parameters.values() if tensor.grad is not None)
        loss = self._processes.sum_of(loss)
        norm = float(torch.nn.utils.clip_grad_norm_(self._parameters.values(), choice.gradient_clip))
        finite = math.isfinite(loss) and math.isfinite(norm)
        if finite:
            self._optimiser.step()
            self._average.update(self._parameters, counters.step)
        counters.step += 1
        seconds = time.perf_counter() - started
        counters.seconds += seconds
        if not finite:
            return self._skipped(seconds)
        counters.last_loss = loss
        counters.skipped_in_a_row = 0
        return StepDone(counters.step, loss, norm, rate, seconds)

    def _backward(self, step: int) -> float:
        """Adds up the gradients of this process's batches of a step; gives their share of its mean loss."""
        choice = self._recipe.optimiser
        first = step * choice.batch * choice.accumulate
        total = 0.0
        for turn in range(self._processes.rank, choice.accumulate, self._processes.count):
            start = first + turn * choice.batch
            loss = self._lesson.loss(step, range(start, start + choice.batch)) / choice.accumulate
            loss.backward()
            total += float(loss.detach())
        return total

    def _skipped(self, seconds: float) -> StepSkipped:
        counters = self._counters
        counters.skipped += 1
        counters.skipped_in_a_row += 1
        if counters.skipped_in_a_row >= self._recipe.run.stop_after_skips:
            raise Diverged(
                f"{counters.skipped_in_a_row} steps in a row had no finite loss or gradient, "
                f"stopped at step {counters.step}",
                hint="use a smaller `optimiser.learning_rate`; `run.precision=fp32` if it was bf16",
            )
        return StepSkipped(counters.step, counters.skipped, seconds)

    def _save_is_due(self, *, stopped: bool) -> bool:
        run, counters = self._recipe.run, self._counters
        if stopped or counters.step == self._recipe.optimiser.steps:
            return True
        if run.checkpoint_steps and counters.step % run.checkpoint_steps == 0:
            return True
        return bool(run.checkpoint_seconds) and time.monotonic() - counters.saved_at >= run.checkpoint_seconds

    def _save(self, log: RunLog) -> CheckpointSaved | CheckpointFailed:
        counters = self._counters
        counters.saved_at = time.monotonic()
        try:
            state = RunState(
                step=counters.step,
                identity=self._identity(),
                adapter={name: tensor.detach().cpu() for name, tensor in self._parameters.items()},
                average={name: tensor.cpu() for name, tensor in self._average.tensors.items()},
                optimiser=optimiser_tensors(self._optimiser, self._parameters),
                log_bytes=log.sync(),
                skipped=counters.skipped,
                skipped_in_a_row=counters.skipped_in_a_row,
                seconds=counters.seconds,
                last_loss=counters.last_loss,
                carried={place: tensor.cpu() for place, tensor in self._lesson.carried.items()},
            )
            return CheckpointSaved(counters.step, self._checkpoints.save(state))
        except SAVE_PROBLEMS as problem:
            return CheckpointFailed(counters.step, str(problem))

    def _identity(self) -> dict[str, str]:
        return {
            "recipe": self._recipe.resume_digest,
            "clips": self._lesson.digest,
            "base": str(self._base.spec.weights),
            "precision": f"{self._base.dtype}{' from 8 bits' if self._base.memory.eight_bit else ''}",
        }

    @torch.no_grad()
    def _restore(self, state: RunState) -> None:
        for what, digest in self._identity().items():
            if state.identity.get(what) != digest:
                raise Incompatible(
                    f"the saved run had another {what} (`{state.identity.get(what)}`, now `{digest}`)",
                    hint="start a new run in another folder",
                )
        for name, parameter in self._parameters.items():
            parameter.copy_(state.adapter[name])
        self._average.restore(state.average)
        restore_optimiser(self._optimiser, self._parameters, state.optimiser)
        self._lesson.carried = restored(state.carried, self._base.device)
        self._counters = Counters(
            step=state.step,
            skipped=state.skipped,
            skipped_in_a_row=state.skipped_in_a_row,
            seconds=state.seconds,
            last_loss=state.last_loss,
        )


def _lesson(
    base: Base, examples: Examples | MaskedExamples, recipe: TrainRecipe, decoder: MaskDecoder | None
) -> Lesson:
    objective = Objective(base.spec.noise_schedule, recipe.loss)
    if decoder is None:
        return PlainLesson(base, cast("Examples", examples), objective, seed=recipe.run.seed)
    return MaskedLesson(base, cast("MaskedExamples", examples), objective, decoder, recipe)


def _record(event: StepDone | StepSkipped) -> dict[str, int | float | bool]:
    if isinstance(event, StepSkipped):
        return {"step": event.step, "skipped": True, "seconds": round(event.seconds, 4)}
    return {
        "step": event.step,
        "loss": event.loss,
        "gradient_norm": event.gradient_norm,
        "learning_rate": event.learning_rate,
        "seconds": round(event.seconds, 4),
    }
