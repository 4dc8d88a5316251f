"""A picture with things in it, and the clip of those of them that move."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional as F

if TYPE_CHECKING:
    from jaxtyping import Float

    from engine.pretraining.scenes.backgrounds import Background
    from engine.pretraining.scenes.canvas import Canvas
    from engine.pretraining.scenes.element import Element


@dataclass(frozen=True)
class GeneratedClip:
    """A clip with what is known about it.

    Args:
        frames: pixels in [-1, 1].
        mask: 1 where the named motion is.
        flow: displacement to the next frame in pixels, x then y; None where no single one is true.
        origin: displacement to where what is seen lay in the first frame, in pixels, x then y; 0 for what stands still
            and where no single one is true.
        motions: names of what moves.
        present: where in the first frame each thing that could move is, by the name of its motion.
    """

    frames: Float[Tensor, "f 3 h w"]
    mask: Float[Tensor, "f 1 h w"]
    flow: Float[Tensor, "f 2 h w"] | None
    origin: Float[Tensor, "f 2 h w"]
    motions: tuple[str, ...]
    present: dict[str, Float[Tensor, "h w"]]


@dataclass(frozen=True)
class Scene:
    """A background and the things in front of it, back to front."""

    canvas: Canvas
    background: Background
    elements: tuple[Element, ...]

    def clip(self, moving: tuple[str, ...], seconds: Float[Tensor, "f"]) -> GeneratedClip:
        """The scene over time: things named in `moving` move, the others stand still."""
        count, canvas = len(seconds), self.canvas
        picture = self.background.picture.expand(count, -1, -1, -1)
        mask = torch.zeros(count, 1, canvas.height, canvas.width)
        flow: Tensor | None = torch.zeros(count, 2, canvas.height, canvas.width)
        origin = torch.zeros(count, 2, canvas.height, canvas.width)
        present: dict[str, Tensor] = {}
        for element in self.elements:
            moves = element.motion in moving
            layer = element.paint(canvas, seconds if moves else seconds[:1].expand(count))
            picture = picture * (1 - layer.alpha) + layer.colour * layer.alpha
            seen = layer.alpha if not moves else torch.maximum(layer.alpha, layer.region)
            mask = mask * (1 - layer.alpha) if not moves else torch.maximum(mask, seen)
            held = layer.alpha > 0.5 if layer.held is None or not moves else layer.held
            origin = torch.where(held, layer.origin if moves else torch.zeros(()), origin)
            if flow is not None:
                flow = flow * (1 - seen) if not moves else _over(flow, layer.flow, seen)
            present = {name: place * (1 - layer.alpha[0, 0]) for name, place in present.items()}
            present[element.motion] = torch.maximum(layer.alpha, layer.region)[0, 0]
        interval = float(seconds[1] - seconds[0]) if count > 1 else 0.0
        pixels = None if flow is None else flow * canvas.height * interval
        shown = tuple(element.motion for element in self.elements if element.motion in moving)
        return GeneratedClip(picture * 2 - 1, mask, pixels, origin * canvas.height, shown, present)


def _over(flow: Tensor, added: Tensor | None, seen: Tensor) -> Tensor | None:
    return None if added is None else torch.where(seen > 0.5, added, flow)


def filmed(still: GeneratedClip, path: Float[Tensor, "f 4"], canvas: Canvas, motion: str) -> GeneratedClip:
    """A clip of a larger picture, filmed by a moving camera.

    Args:
        still: the picture is its first frame.
        path: per frame the window's centre (x, y in [-1, 1] of the picture), its size as a share of the picture, and
            its roll in radians.
        canvas: size of the clip.
        motion: its name.
    """
    count = len(path)
    cos, sin = torch.cos(path[:, 3]), torch.sin(path[:, 3])
    share, aspect = path[:, 2], canvas.aspect
    rows = torch.stack(
        [
            torch.stack([share * cos, -share * sin / aspect, path[:, 0]], -1),
            torch.stack([share * sin * aspect, share * cos, path[:, 1]], -1),
        ],
        1,
    )
    grid = F.affine_grid(rows, [count, 3, canvas.height, canvas.width], align_corners=False)
    frames = F.grid_sample(
        still.frames[:1].expand(count, -1, -1, -1), grid, mode="bicubic", padding_mode="reflection", align_corners=False
    )
    mask = torch.ones(count, 1, canvas.height, canvas.width)
    square = torch.cat([rows, torch.tensor([[[0.0, 0.0, 1.0]]]).expand(count, -1, -1)], 1)
    following = torch.cat([square[1:], square[-1:] @ torch.linalg.inv(square[-2:-1]) @ square[-1:]])
    flow, origin = _camera_shift(square, following, canvas), _camera_shift(square, square[:1], canvas)
    present = {
        name: F.grid_sample(place[None, None], grid[:1], align_corners=False)[0, 0]
        for name, place in still.present.items()
    }
    return GeneratedClip(frames.clamp(-1, 1), mask, flow, origin, (motion,), present)


def _camera_shift(seen: Float[Tensor, "f 3 3"], other: Float[Tensor, "f 3 3"], canvas: Canvas) -> Tensor:
    """Where each pixel of the windows `seen` lies in the windows `other`, minus where it is, in pixels, f 2 h w."""
    step = (torch.linalg.inv(other) @ seen)[:, :2] - torch.eye(2, 3)
    shift = F.affine_grid(step, [len(seen), 1, canvas.height, canvas.width], align_corners=False)
    return (shift * torch.tensor([canvas.width / 2, canvas.height / 2])).permute(0, 3, 1, 2)
