"""Switches of a comparison: each changes what it names and nothing else, and the receipts show it. Free of torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from registry_schema.errors import UsageProblem
from registry_schema.sampling import StartNoise

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from registry_schema.receipt import RunSettings


@dataclass(frozen=True)
class Ablation:
    """One switch: what it is in words, and the settings it makes of those of the run."""

    title: str
    change: Callable[[RunSettings], RunSettings]


def _with(**values: object) -> Callable[[RunSettings], RunSettings]:
    return lambda settings: settings.model_copy(update=values)


def _without_shared(settings: RunSettings) -> RunSettings:
    start = settings.start_noise
    return settings if start is None else _with(start_noise=start.model_copy(update={"shared": 0.0}))(settings)


def _masks_every_step(settings: RunSettings) -> RunSettings:
    masks = settings.masks
    if masks is None or masks.evaluations >= settings.steps:
        return settings
    return _with(masks=masks.model_copy(update={"evaluations": settings.steps}))(settings)


ABLATIONS: Final[Mapping[str, Ablation]] = {
    "no-start-noise": Ablation("plain start noise", _with(start_noise=None)),
    "start-noise": Ablation("start noise that knows the photo (Alg. 1)", _with(start_noise=StartNoise())),
    "no-shared-noise": Ablation("start noise without a share of frame 0's", _without_shared),
    "no-adain": Ablation("no colours of frame 0 at the end", _with(match_first_frame=False)),
    "adain": Ablation("colours of frame 0 at the end (AdaIN)", _with(match_first_frame=True)),
    "adain-every-step": Ablation("AdaIN at every step", _with(variant="adain-every-step")),
    "histogram-matching": Ablation("histograms of frame 0 at the end", _with(variant="histogram-matching")),
    "analytic-init": Ablation("Analytic-Init", _with(variant="analytic-init")),
    "masks-every-step": Ablation("masks predicted at every step", _masks_every_step),
    "joint-softmax": Ablation("one softmax over both references", _with(variant="joint-softmax")),
}


def find_ablation(name: str) -> Ablation:
    """The switch of that name.

    Raises:
        UsageProblem: there is none.
    """
    if name not in ABLATIONS:
        known = ", ".join(f"`{one}`" for one in ABLATIONS)
        raise UsageProblem(f"`--ablate {name}` is no ablation, expected one of {known}")
    return ABLATIONS[name]
