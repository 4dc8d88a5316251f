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
    from engine.pretraining.scenes.elements.element import Element


@dataclass(frozen=True)
class GeneratedClip:
    """A clip with what is known about it.

    Args:
        frames: pixels in [-1, 1].
        mask: 1 where the named motion is.
        flow: displacement to the next frame in pixels, x then y; None where no single one is true.
        motions: names of what moves.
    """

    frames: Float[Tensor, "f 3 h w"]
    mask: Float[Tensor, "f 1 h w"]
    flow: Float[Tensor, "f 2 h w"] | None
    motions: tuple[str, ...]


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
        for element in self.elements:
            moves = element.motion in moving
            layer = element.paint(canvas, seconds if moves else seconds[:1].expand(count))
            picture = picture * (1 - layer.alpha) + layer.colour * layer.alpha
            seen = layer.alpha if not moves else torch.maximum(layer.alpha, layer.region)
            mask = mask * (1 - layer.alpha) if not moves else torch.maximum(mask, seen)
            if flow is not None:
                flow = flow * (1 - seen) if not moves else _over(flow, layer.flow, seen)
        interval = float(seconds[1] - seconds[0]) if count > 1 else 0.0
        pixels = None if flow is None else flow * canvas.height * interval
        return GeneratedClip(
            picture * 2 - 1, mask, pixels, tuple(e.motion for e in self.elements if e.motion in moving)
        )


def _over(flow: Tensor, added: Tensor | None, seen: Tensor) -> Tensor | None:
    return None if added is None else torch.where(seen > 0.5, added, flow)


def filmed(picture: Float[Tensor, "3 h w"], path: Float[Tensor, "f 4"], canvas: Canvas, motion: str) -> GeneratedClip:
    """A clip of a still, larger picture, filmed by a moving camera.

    Args:
        picture: in [0, 1].
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
        picture[None].expand(count, -1, -1, -1), grid, mode="bicubic", padding_mode="reflection", align_corners=False
    )
    mask = torch.ones(count, 1, canvas.height, canvas.width)
    return GeneratedClip(frames.clamp(0, 1) * 2 - 1, mask, _camera_flow(rows, canvas), (motion,))


def _camera_flow(rows: Tensor, canvas: Canvas) -> Tensor:
    """Where each pixel of a frame lies in the next one, minus where it is, in pixels."""
    count = len(rows)
    square = torch.cat([rows, torch.tensor([[[0.0, 0.0, 1.0]]]).expand(count, -1, -1)], 1)
    following = torch.cat([square[1:], square[-1:] @ torch.linalg.inv(square[-2:-1]) @ square[-1:]])
    step = (torch.linalg.inv(following) @ square)[:, :2]
    identity = torch.eye(2, 3).expand(count, -1, -1)
    size = [count, 1, canvas.height, canvas.width]
    moved = F.affine_grid(step, size, align_corners=False) - F.affine_grid(identity, size, align_corners=False)
    scale = torch.tensor([canvas.width / 2, canvas.height / 2])
    return (moved * scale).permute(0, 3, 1, 2)
