"""A base with the starters on it, one at a time or together: from a test picture to frames, at the base's own size."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

from engine.adapters.attach import attached
from engine.adapters.composition import Composition
from engine.adapters.weights import load_adapter
from engine.animation.generation import encode_frame
from engine.bases.catalog import load_base
from engine.device import choose_device, choose_dtype
from engine.run_settings import RunChoices, settle
from engine.sampling.sampler import Sampler, SamplerSettings
from engine.shapes import latent_frames
from engine.video.clip_tensor import to_frames

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy as np
    from jaxtyping import UInt8

    from engine.pretraining.quality.starters import Starter
    from registry_schema.adapter_spec import AdapterSpec
    from registry_schema.base_spec import BaseSpec


class Animator:
    """A base and its starters, loaded.

    Args:
        base: folder of the base.
        starters: by motion.

    Raises:
        NotFound, SchemaError, IntegrityProblem, Incompatible: a file that is missing, broken, or made for another base.
    """

    def __init__(self, base: Path, starters: Mapping[str, Starter]) -> None:
        device = choose_device()
        self.base = load_base(base, device=device, dtype=choose_dtype(device))
        self.starters = starters
        self.lone_weight = self.base.spec.sampling.lone_weight or 1.0
        """Of a starter alone, as `mivactl animate` gives it."""
        sites = self.base.sites()
        self._adapters = {
            motion: load_adapter(starter.weights, starter.spec, sites, dtype=self.base.dtype)
            for motion, starter in starters.items()
        }

    def animate(
        self, picture: UInt8[np.ndarray, "h w 3"], weights: Mapping[str, float], *, seed: int
    ) -> UInt8[np.ndarray, "f h w 3"]:
        """The clip that begins with a picture.

        Args:
            picture: of the base's size.
            weights: of the starters, by motion; none is the base alone.
            seed: of the noise.
        """
        entries = tuple((self._adapters[motion], weight) for motion, weight in weights.items())
        specs = [self.starters[motion].spec for motion in weights]
        sampler = Sampler(self.base, sampler_settings(self.base.spec, specs))
        with attached(self.base, Composition.on(self.base, entries)) if entries else nullcontext():
            latents = sampler.sample(encode_frame(self.base, picture), seed=seed)
        return to_frames(self.base.decode(latents)[0])


def sampler_settings(base: BaseSpec, specs: Sequence[AdapterSpec]) -> SamplerSettings:
    """As `mivactl animate` settles them."""
    settled = settle(RunChoices(), base, specs)
    return SamplerSettings(
        frames=latent_frames(settled.clip.frames, base.latent),
        sampler=settled.sampler,
        steps=settled.steps,
        start_noise=settled.start_noise,
        match_first_frame=settled.match_first_frame,
    )
