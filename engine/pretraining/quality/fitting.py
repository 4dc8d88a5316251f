"""Fits the classifier to labelled clips."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch.nn import functional as F

from engine.pretraining.quality.classifier import MotionClassifier

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

    from engine.pretraining.quality.labelled_clips import LabelledMaps
    from engine.progress import Progress


@dataclass(frozen=True)
class FitPlan:
    """How the classifier is fitted: one cycle of the learning rate, up and down to zero."""

    rounds: int = 24
    batch: int = 32
    learning_rate: float = 3e-3
    weight_decay: float = 0.05
    label_smoothing: float = 0.05


def fit(examples: LabelledMaps, plan: FitPlan, progress: Progress) -> MotionClassifier:
    """A classifier of the examples, each moved about and made stronger or weaker at random in every round."""
    generator = torch.Generator().manual_seed(0)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        classifier = MotionClassifier().train()
        optimiser = torch.optim.AdamW(classifier.parameters(), weight_decay=plan.weight_decay)
        count = len(examples.labels)
        steps = plan.rounds * math.ceil(count / plan.batch)
        cycle = torch.optim.lr_scheduler.OneCycleLR(optimiser, plan.learning_rate, total_steps=steps)
        with progress.phase("fitting the classifier", plan.rounds) as phase:
            for _ in range(plan.rounds):
                losses = []
                for chosen in torch.randperm(count, generator=generator).split(plan.batch):
                    maps = augmented(examples.maps[chosen].float(), generator)
                    scores = classifier(maps)
                    loss = F.cross_entropy(scores, examples.labels[chosen], label_smoothing=plan.label_smoothing)
                    optimiser.zero_grad(set_to_none=True)
                    loss.backward()
                    optimiser.step()
                    cycle.step()
                    losses.append(float(loss.detach()))
                phase.advance(loss=sum(losses) / len(losses))
    return classifier.eval()


def augmented(maps: Float[Tensor, "b c m h w"], generator: torch.Generator) -> Float[Tensor, "b c m h w"]:
    """The maps moved by up to a fifth of the picture, zero coming in, and times 0.7 to 1.4; never mirrored."""
    moved = torch.zeros_like(maps)
    height, width = maps.shape[-2:]
    for place, clip in enumerate(maps):
        down, right = (_offset(size // 5, generator) for size in (height, width))
        source = clip[..., max(0, -down) : height - max(0, down), max(0, -right) : width - max(0, right)]
        moved[place, ..., max(0, down) :, max(0, right) :][..., : source.shape[-2], : source.shape[-1]] = source
    strength = torch.exp((torch.rand(len(maps), generator=generator) - 0.5) * math.log(2))
    return moved * strength[:, None, None, None, None]


def _offset(most: int, generator: torch.Generator) -> int:
    return int(torch.randint(-most, most + 1, (), generator=generator))
