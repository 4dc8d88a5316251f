"""What a finished training hands over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from engine.adapters.miva import MivaAdapter
    from engine.recipe import TrainRecipe
    from engine.training.clip_dataset import ClipDataset
    from engine.training.evaluation import Choice


@dataclass(frozen=True)
class TrainOutcome:
    """A finished training.

    Attributes:
        adapter: with the weights to be used: of the best look, or of the last step (their running average, where its
            decay is above 0).
        recipe: every choice, effective.
        dataset: the clips that were trained on.
        held_out: those that were not; None where all were.
        choice: whose weights, and why; None in a process that does not write.
        run_dir: log and looks.
        picture: to show the adapter on; None where no previews were asked for.
        steps: done in the whole run.
        skipped: steps without a finite loss or gradient among them.
        seconds: trained, earlier stretches included.
        final_loss: of the last step that counted.
        precision: what the base computed in.
        memory: the set that saved memory; None where nothing had to.
    """

    adapter: MivaAdapter
    recipe: TrainRecipe
    dataset: ClipDataset
    held_out: ClipDataset | None
    choice: Choice | None
    run_dir: Path
    picture: Path | None
    steps: int
    skipped: int
    seconds: float
    final_loss: float | None
    precision: str
    memory: str | None = None

    @property
    def chosen_step(self) -> int:
        """After how many steps the weights were as the adapter has them."""
        chosen = self.choice.chosen if self.choice else None
        return self.steps if chosen is None else chosen.step
