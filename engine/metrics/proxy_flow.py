"""Average flow without a model: how much moves, by the optical flow that comes with mivactl."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.metrics.metric import MetricFacts, Score

if TYPE_CHECKING:
    from engine.metrics.sample import Sample


class ProxyFlow:
    """Mean length of the flow over all pixels and pairs of frames, as EvalCrafter has it with RAFT."""

    facts = MetricFacts(
        name="proxy:flow",
        title="average flow, without a model",
        unit="pixels per frame",
        direction="none",
        source="ours; the formula of EvalCrafter (arXiv 2310.11440) with DIS flow (arXiv 1603.03590)",
    )

    def score(self, sample: Sample) -> Score:
        """The mean over pairs of frames."""
        return Score.mean_of(tuple(float(pair.mean()) for pair in sample.speeds))


class ProxySpeed:
    """The same in shares of the diagonal a second, which does not depend on size and rate."""

    facts = MetricFacts(
        name="proxy:speed",
        title="average speed",
        unit="% of the diagonal per second",
        direction="none",
        source="ours; average flow in other units",
    )

    def score(self, sample: Sample) -> Score:
        """The mean over pairs of frames."""
        share = 100 * sample.fps / sample.diagonal
        return Score.mean_of(tuple(float(pair.mean()) * share for pair in sample.speeds))
