"""Masked builds beside plain ones: `python -m engine.pretraining.quality.masked_builds MASKED --plain PLAIN`.

On `masked_scenes`: how well predicted masks fit the true ones, from the exact first mask and from the one that is found
unasked; how much moves outside the true region; and what is lost by predicting masks in 8 steps only.
"""

from __future__ import annotations

import argparse
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image

from engine.adapters.attach import attached
from engine.adapters.composition import Composition
from engine.adapters.weights import load_adapter
from engine.animation.generation import encode_frame
from engine.bases.base_folder import base_folder, read_base_spec
from engine.bases.catalog import load_base
from engine.bases.image_encoder import ImageEncoder
from engine.device import choose_device, choose_dtype
from engine.masks.cutting import soft_iou
from engine.masks.known_things import ENCODER, KnownThing
from engine.pretraining.quality.animator import sampler_settings
from engine.pretraining.quality.background import background_psnr
from engine.pretraining.quality.clip_motion import motion_of
from engine.pretraining.quality.masked_scenes import MOTIONS, masked_scenes
from engine.pretraining.quality.sheets import sheet
from engine.pretraining.quality.starters import find_starters
from engine.pretraining.quality.stderr_progress import StderrProgress
from engine.pretraining.quality.strength import SMALLEST
from engine.sampling.mask_decoder import mask_decoder, stretched, to_cells
from engine.sampling.mask_walk import FirstMasks, MaskGuidance
from engine.sampling.sampler import Sampler
from engine.shapes import latent_shape
from engine.video.clip_tensor import to_frames
from registry_schema.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from jaxtyping import Bool, Float, UInt8
    from torch import Tensor

    from engine.pretraining.quality.masked_scenes import MaskedScene
    from engine.pretraining.quality.starters import Starter
    from engine.progress import Phase
    from engine.sampling.mask_decoder import MaskDecoder
    from engine.sampling.sampler import SamplerSettings

    Frames = UInt8[np.ndarray, "f h w 3"]

CLIPS: Final = 4
"""Of a scene: plain, with the exact first mask, with a found one, and with masks at every step."""
HEAD: Final = (
    "scenes",
    "first mask kept",
    "mask, from the exact",
    "mask, from a found",
    "moves inside",
    "moves outside",
    "plain inside",
    "plain outside",
    "outside / plain",
    "background dB",
    "at every step dB",
)


@dataclass(frozen=True)
class MaskedTrial:
    """One scene.

    Attributes:
        kept: soft IoU of the first mask, held still, with the true ones; what a mask that learned nothing has.
        exact: soft IoU of predicted masks, from the exact first one; on latent cells, without frame 0.
        found: the same from the mask that is found; None where nothing is found.
        moved: mean flow inside and outside the true region.
        plain: the same of the plain build; None without one.
        background: PSNR in dB outside the true region, with 8 evaluations.
        every: the same with an evaluation at every step.
        clips: plain, masked, and the predicted masks, as far as they are there.
    """

    kept: float
    exact: float
    found: float | None
    moved: tuple[float, float]
    plain: tuple[float, float] | None
    background: float
    every: float
    clips: tuple[Frames, ...]


class MaskedAnimator:
    """A base, and the builds of one motion.

    Args:
        base: folder of the base.
        masked: build with a mask stream.
        plain: build without; it may be missing.
        steps: of sampling; None is the base's own number.
    """

    def __init__(self, base: Path, masked: Starter, plain: Starter | None, *, steps: int | None) -> None:
        device = choose_device()
        self.base = load_base(base, device=device, dtype=choose_dtype(device))
        self._weight = self.base.spec.sampling.lone_weight or 1.0
        self._shape = latent_shape(self.base.spec.clip, self.base.spec.latent)
        self.decoder: MaskDecoder = mask_decoder("auto", self.base, self._shape)
        sites = self.base.sites()
        self._builds = {
            kind: (load_adapter(build.weights, build.spec, sites, dtype=self.base.dtype), build.spec)
            for kind, build in {"masked": masked, "plain": plain}.items()
            if build is not None
        }
        self._steps = steps
        self.has_plain = plain is not None

    def cells(self, masks: Float[Tensor, "f h w"]) -> Float[Tensor, "f h w"]:
        """Masks at the size of latents."""
        return to_cells(masks[None], (self._shape.frames, self._shape.height, self._shape.width))[0]

    def plain(self, picture: UInt8[np.ndarray, "h w 3"], *, seed: int) -> Frames:
        """The clip of the plain build."""
        return self._animate("plain", picture, None, seed=seed)

    def masked(
        self, picture: UInt8[np.ndarray, "h w 3"], mask: Float[Tensor, "h w"], *, seed: int, every_step: bool = False
    ) -> tuple[Frames, Float[Tensor, "f h w"]]:
        """The clip of the masked build, and the masks of its last evaluation on latent cells."""
        guidance = MaskGuidance(FirstMasks.of(self.base, [mask]), self.decoder)
        if every_step:
            guidance = replace(guidance, evaluations=self._settings("masked").steps)
        frames = self._animate("masked", picture, guidance, seed=seed)
        if guidance.clean is None:
            raise NotFound("no step predicted a mask", hint="use more steps")
        return frames, stretched(self.decoder.confidence(guidance.clean))[0]

    def _animate(
        self, kind: str, picture: UInt8[np.ndarray, "h w 3"], masks: MaskGuidance | None, *, seed: int
    ) -> Frames:
        sampler = Sampler(self.base, self._settings(kind))
        composition = Composition.on(self.base, ((self._builds[kind][0], self._weight),))
        with attached(self.base, composition, timesteps=sampler.timesteps):
            latents = sampler.sample(encode_frame(self.base, picture), seed=seed, masks=masks)
        return to_frames(self.base.decode(latents)[0])

    def _settings(self, kind: str) -> SamplerSettings:
        settings = sampler_settings(self.base.spec, [self._builds[kind][1]])
        return settings if self._steps is None else replace(settings, steps=self._steps)


def try_scene(scene: MaskedScene, animator: MaskedAnimator, thing: KnownThing, phase: Phase) -> MaskedTrial:
    """Animate and measure one scene."""
    picture, seed, region = scene.frames[0], scene.seed, scene.region
    true = animator.cells(scene.masks)
    plain = animator.plain(picture, seed=seed) if animator.has_plain else None
    phase.advance()
    frames, masks = animator.masked(picture, scene.masks[0], seed=seed)
    phase.advance()
    likely = thing.find(picture)
    found = None if likely is None else soft_iou(animator.masked(picture, likely.mask, seed=seed)[1][1:], true[1:])
    phase.advance()
    every, _ = animator.masked(picture, scene.masks[0], seed=seed, every_step=True)
    phase.advance()
    return MaskedTrial(
        kept=soft_iou(true[:1].expand_as(true)[1:], true[1:]),
        exact=soft_iou(masks[1:], true[1:]),
        found=found,
        moved=_moved(frames, region),
        plain=None if plain is None else _moved(plain, region),
        background=background_psnr(frames, picture, region) or 0.0,
        every=background_psnr(every, picture, region) or 0.0,
        clips=tuple(clip for clip in (plain, frames, _shown(masks, frames)) if clip is not None),
    )


def _moved(frames: Frames, region: Bool[np.ndarray, "h w"]) -> tuple[float, float]:
    sizes = np.linalg.norm(motion_of(frames).flow, axis=-1)
    return float(sizes[:, region].mean()), float(sizes[:, ~region].mean())


def _shown(masks: Float[Tensor, "f h w"], frames: Frames) -> Frames:
    """Masks as grey pictures of the clip's size."""
    scale = frames.shape[1] // masks.shape[1]
    grey = (masks.numpy() * 255).astype(np.uint8).repeat(scale, axis=1).repeat(scale, axis=2)
    return np.repeat(grey[..., None], 3, axis=-1)


def row(motion: str, trials: Sequence[MaskedTrial]) -> str:
    """One row of the table: means over the scenes; where no mask is found, what is predicted from it counts as 0."""
    inside, outside = (fmean(trial.moved[side] for trial in trials) for side in (0, 1))
    found = [trial.found or 0.0 for trial in trials]
    cells = [motion, str(len(trials))]
    cells += [f"{mean:.2f}" for mean in (fmean(t.kept for t in trials), fmean(t.exact for t in trials), fmean(found))]
    cells += [f"{inside:.3f}", f"{outside:.3f}"]
    plain = [trial.plain for trial in trials if trial.plain is not None]
    if plain:
        beside = fmean(one[1] for one in plain)
        cells += [f"{fmean(one[0] for one in plain):.3f}", f"{beside:.3f}", f"{outside / max(beside, SMALLEST):.2f}"]
    else:
        cells += ["-"] * 3
    cells += [f"{fmean(t.background for t in trials):.1f}", f"{fmean(t.every for t in trials):.1f}"]
    return f"| {' | '.join(cells)} |"


def try_motion(motion: str, animator: MaskedAnimator, *, scenes: int, phase: Phase) -> list[MaskedTrial]:
    """All scenes of a motion."""
    thing = KnownThing(ImageEncoder.load(ENCODER), motion)
    frames = animator.base.spec.clip.frames
    return [try_scene(scene, animator, thing, phase) for scene in masked_scenes(motion, scenes, frames=frames)]


def main() -> None:
    """Command line of the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("masked", type=Path, help="folder with a draft of a masked build for each motion")
    parser.add_argument("--plain", type=Path, default=Path("mivactl/starter"), help="a registry, or a drafts folder")
    parser.add_argument("--base", type=Path, default=base_folder("nano"), help="folder of the base")
    parser.add_argument("--scenes", type=int, default=8, help="of each motion")
    parser.add_argument("--steps", type=int, help="of sampling; the base's own number if left out")
    parser.add_argument("--sheets", type=Path, metavar="FOLDER", help="draw contact sheets into this folder")
    options = parser.parse_args()
    identity = read_base_spec(options.base).base_identity
    masked = find_starters(options.masked, MOTIONS, identity)
    plain: Mapping[str, Starter] = {}
    with suppress(NotFound):  # a table without plain builds is a table
        plain = find_starters(options.plain, MOTIONS, identity)
    print("| motion | " + " | ".join(HEAD) + " |", "|---" * (len(HEAD) + 1) + "|", sep="\n")  # noqa: T201
    with StderrProgress().phase("clips", CLIPS * options.scenes * len(masked)) as phase:
        for motion, build in masked.items():
            animator = MaskedAnimator(options.base, build, plain.get(motion), steps=options.steps)
            trials = try_motion(motion, animator, scenes=options.scenes, phase=phase)
            print(row(motion, trials), flush=True)  # noqa: T201
            if options.sheets:
                options.sheets.mkdir(parents=True, exist_ok=True)
                clips = [clip for trial in trials for clip in trial.clips]
                Image.fromarray(sheet(clips)).save(options.sheets / f"{motion}.jpg", quality=85)


if __name__ == "__main__":
    main()
