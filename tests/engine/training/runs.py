"""Small training runs on the tiny base."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.adapters.miva import MivaAdapter
from engine.recipe import TrainRecipe, apply_overrides, recipe_for, recipe_from_dict
from engine.training.adapter_plan import plan_adapter
from engine.training.trainer import Trainer
from tests.engine.tiny_bases import tiny_unet_base
from tests.engine.training.drawn_examples import DrawnExamples

if TYPE_CHECKING:
    from pathlib import Path

    from engine.bases.base import Base
    from engine.training.sample_loss import Examples

STEPS = 40
CHOICES = (
    "adapter.motion=square",
    "optimiser.learning_rate=0.01",
    "optimiser.ema_decay=0.9",
    "run.checkpoint_steps=8",
    "run.precision=fp32",
)


def recipe(base: Base, *overrides: str) -> TrainRecipe:
    return recipe_from_dict(apply_overrides(recipe_for(base.spec).to_dict(), (*CHOICES, *overrides)))


def trainer(
    folder: Path, *overrides: str, steps: int, base: Base | None = None, examples: Examples | None = None
) -> Trainer:
    base = base or tiny_unet_base()
    chosen = recipe(base, f"optimiser.steps={steps}", *overrides)
    adapter = MivaAdapter.create(plan_adapter(chosen, base.spec), base.sites(), seed=chosen.run.seed)
    return Trainer(base, adapter, examples or DrawnExamples(), chosen, folder)
