"""Pictures that a run is tried on again and again: always the same, always with the same noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from engine.run_settings import RunChoices, settle
from engine.sampling.sampler import Sampler, SamplerSettings
from engine.shapes import latent_frames
from engine.training.examined_clip import decode
from engine.video.clip_tensor import to_frames, to_tensor
from engine.video.framed_picture import resized
from engine.video.framing import Box
from engine.video.photo import open_photo

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    from jaxtyping import UInt8

    from engine.bases.base import Base
    from engine.training.clip_dataset import ClipDataset, TrainingClip
    from registry_schema.adapter_spec import AdapterSpec
    from registry_schema.clip_shape import ClipShape


@dataclass(frozen=True, eq=False)
class PreviewPicture:
    """A picture to animate.

    Attributes:
        name: of its file.
        picture: h w 3, as large as it is.
        frame: h w 3, its middle at the base's size.
        clip: its true clip f h w 3, where it is the first frame of one.
        trained: whether that clip is trained on.
    """

    name: str
    picture: UInt8[np.ndarray, "h w 3"]
    frame: UInt8[np.ndarray, "h w 3"]
    clip: UInt8[np.ndarray, "f h w 3"] | None = None
    trained: bool = False


def preview_pictures(
    count: int, *, photos: Sequence[Path], training: ClipDataset, held_out: ClipDataset | None
) -> tuple[PreviewPicture, ...]:
    """A person's photos, then first frames of held-out clips, then of training clips, up to `count`.

    Raises:
        NotFound, UsageProblem, IntegrityProblem, ResourceProblem: a photo that can not be read.
    """
    pictures = [_of_photo(path, training.shape) for path in photos]
    for dataset in (held_out, training):
        for clip in dataset.clips if dataset else ():
            if len(pictures) < count:
                pictures.append(_of_clip(dataset or training, clip, trained=dataset is training))
    return tuple(pictures[:count])


class PreviewRenderer:
    """Animates the pictures as `animate` would; their latents are made at once, so that no look needs the encoder.

    Args:
        base: with the adapter on it when a preview is asked for.
        spec: of the adapter.
        pictures: to animate.
        seed: of the noise.
    """

    def __init__(self, base: Base, spec: AdapterSpec, pictures: Sequence[PreviewPicture], *, seed: int) -> None:
        self._base = base
        self._seed = seed
        settled = settle(RunChoices(), base.spec, [spec])
        self._settings = SamplerSettings(
            frames=latent_frames(settled.clip.frames, base.spec.latent),
            sampler=settled.sampler,
            steps=settled.steps,
            start_noise=settled.start_noise,
            match_first_frame=settled.match_first_frame,
        )
        self._first = [_encoded(base, picture.frame) for picture in pictures]

    @torch.no_grad()
    def render(self, place: int) -> UInt8[np.ndarray, "f h w 3"]:
        """The clip of one picture at the base's size.

        Raises:
            MivaError: the base gave values that are not finite.
        """
        latents = Sampler(self._base, self._settings).sample(self._first[place], seed=self._seed)
        return to_frames(self._base.decode(latents)[0])


@torch.no_grad()
def _encoded(base: Base, frame: UInt8[np.ndarray, "h w 3"]) -> torch.Tensor:
    return base.encode(to_tensor(frame[None])[None])


def _of_clip(dataset: ClipDataset, clip: TrainingClip, *, trained: bool) -> PreviewPicture:
    frames = to_frames(next(iter(dataset.pixels(clip))))
    picture = decode(clip.path, dataset.shape).frames[clip.windows[0].frames[0]]
    return PreviewPicture(clip.path.name, picture, frames[0], frames, trained)


def _of_photo(path: Path, shape: ClipShape) -> PreviewPicture:
    """A photo, and its middle at the size of `shape`."""
    pixels = open_photo(path).pixels
    height, width = pixels.shape[:2]
    scale = min(width / shape.width, height / shape.height)
    inside = (shape.width * scale, shape.height * scale)
    box = Box((width - inside[0]) / 2, (height - inside[1]) / 2, *inside)
    return PreviewPicture(path.name, pixels, resized(pixels, (shape.width, shape.height), box=box))
