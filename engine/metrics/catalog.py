"""Every metric there is: those that always run, and those that run where their weights are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.metrics.aesthetic import AestheticLoss
from engine.metrics.average_flow import AverageFlow
from engine.metrics.background import BackgroundConsistency
from engine.metrics.first_frame import FirstFrameFidelity
from engine.metrics.flicker import Flicker
from engine.metrics.imaging import ImagingLoss
from engine.metrics.leakage import Leakage
from engine.metrics.motion_match import MotionMatch
from engine.metrics.proxy_background import ProxyBackground
from engine.metrics.proxy_flow import ProxyFlow, ProxySpeed
from engine.metrics.proxy_freezing import ProxyFreezing
from engine.metrics.proxy_imaging import ProxyImaging
from engine.metrics.proxy_smoothness import ProxySmoothness
from engine.metrics.proxy_subject import ProxySubject
from engine.metrics.smoothness import MotionSmoothness
from engine.metrics.subject import SubjectConsistency

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from engine.metrics.metric import Metric, MetricFacts
    from engine.metrics.weights_folder import WeightsFolder

LEARNED = (SubjectConsistency, BackgroundConsistency, MotionSmoothness, AverageFlow, AestheticLoss, ImagingLoss)
"""The paper's metrics that need a model; its seventh, flickering, needs none."""


@dataclass(frozen=True)
class MissingMetric:
    """A metric that can not run here, and why."""

    facts: MetricFacts
    reason: str


@dataclass(frozen=True)
class Metrics:
    """What can be measured here, and what can not."""

    present: tuple[Metric, ...]
    missing: tuple[MissingMetric, ...]

    def digests(self, weights: WeightsFolder | None) -> Mapping[str, Mapping[str, str]]:
        """The digests of the weights in use, by name."""
        names = {name for metric in self.present for name in metric.facts.weights}
        return {} if weights is None else {name: weights.digests(name) for name in sorted(names)}


def model_free() -> tuple[Metric, ...]:
    """The metrics that always run."""
    return (
        Flicker(),
        ProxySubject(),
        ProxyBackground(),
        ProxySmoothness(),
        ProxyImaging(),
        ProxyFreezing(),
        ProxyFlow(),
        ProxySpeed(),
        MotionMatch(),
        Leakage(),
        FirstFrameFidelity(),
    )


def all_metrics(weights: WeightsFolder | None) -> Metrics:
    """Every metric that runs here.

    Raises:
        IntegrityProblem: weights that were changed, or are not those of the network.
    """
    present: list[Metric] = []
    missing: list[MissingMetric] = []
    for kind in LEARNED:
        lacking = [name for name in kind.facts.weights if weights is None or not weights.has(name)]
        if lacking or weights is None:
            missing.append(MissingMetric(kind.facts, f"no weights: {', '.join(lacking)}"))
        else:
            present.append(_loaders()[kind.facts.name](weights))
    return Metrics((*model_free(), *present), tuple(missing))


def _loaders() -> Mapping[str, Callable[[WeightsFolder], Metric]]:
    from engine.metrics import loading

    return {
        SubjectConsistency.facts.name: lambda weights: SubjectConsistency(loading.dino(weights)),
        BackgroundConsistency.facts.name: lambda weights: BackgroundConsistency(loading.clip(weights, "clip-vit-b32")),
        MotionSmoothness.facts.name: lambda weights: MotionSmoothness(loading.amt(weights)),
        AverageFlow.facts.name: lambda weights: AverageFlow(loading.raft(weights)),
        AestheticLoss.facts.name: lambda weights: AestheticLoss(
            loading.clip(weights, "clip-vit-l14"), loading.aesthetic_head(weights)
        ),
        ImagingLoss.facts.name: lambda weights: ImagingLoss(loading.musiq(weights)),
    }
