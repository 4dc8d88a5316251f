"""Figures of limbs: people, animals, machines; each limb a capsule or an oval that moves as one piece."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from engine.pretraining.scenes.element import STEP, Layer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from jaxtyping import Float

    from engine.pretraining.scenes.canvas import Canvas

SEEN = 0.05
"""Coverage from which on a pixel goes where the limb goes, so that a warp carries its soft edge."""
THINNEST = 0.4
"""Least radius, in pixels."""


def joined(limbs: Sequence[tuple[Tensor, Tensor]]) -> Float[Tensor, "f n 2 2"]:
    """One pose of limbs given as start and end, f 2 each, or f k 2 each for k figures of the same build.

    The limbs of k figures are ordered limb by limb: the first of all figures, the second of all figures, ...
    """
    pose = torch.stack([torch.stack(torch.broadcast_tensors(*limb), -2) for limb in limbs], 1)
    return pose if pose.ndim == 4 else pose.flatten(1, 2)


class Limb(NamedTuple):
    """One part of a figure.

    Args:
        start: in picture heights.
        end: in picture heights.
        radius: a capsule's at its start and its end, in picture heights; or one number: half the width of an oval as a
            share of its length.
        colour: in [0, 1].
    """

    start: Float[Tensor, "f 2"]
    end: Float[Tensor, "f 2"]
    radius: tuple[float, float] | float
    colour: Float[Tensor, "3"]


def figure_of(build: Callable[[Float[Tensor, "f"]], list[Limb]]) -> Figure:
    """The figure whose limbs at the given times, f, back to front, `build` gives; their looks never change."""
    looks = build(torch.zeros(1))
    radius = [(look.radius, look.radius) if isinstance(look.radius, float) else look.radius for look in looks]
    return Figure(
        lambda seconds: joined([(limb.start, limb.end) for limb in build(seconds)]),
        torch.tensor(radius),
        torch.stack([look.colour for look in looks]),
        frozenset(index for index, look in enumerate(looks) if isinstance(look.radius, float)),
    )


@dataclass(frozen=True)
class Figure:
    """Limbs and how they move, back to front: what comes later covers what comes before.

    A capsule has a radius at its start and one at its end, in picture heights, and only its length stretches. An oval
    has half its width as a share of its length and grows as a whole; its start and end are the tips of one axis.

    Args:
        pose: start and end of every limb (x, y, in picture heights) at the given times: f to f n 2 2.
        radius: of every limb at its start and its end, or of an oval.
        colour: of every limb, in [0, 1].
        ovals: numbers of the limbs that are ovals.
    """

    pose: Callable[[Tensor], Float[Tensor, "f n 2 2"]]
    radius: Float[Tensor, "n 2"]
    colour: Float[Tensor, "n 3"]
    ovals: frozenset[int] = frozenset()

    def paint(self, canvas: Canvas, seconds: Float[Tensor, "f"]) -> Layer:
        """The figure at each time; a pixel goes where the limb goes that most of its colour is of."""
        count = len(seconds)
        now, first, later = self.pose(seconds), self.pose(seconds[:1]), self.pose(seconds + STEP)
        colour = torch.zeros(count, 3, canvas.height, canvas.width)
        alpha = torch.zeros(count, 1, canvas.height, canvas.width)
        origin, flow = (torch.zeros(count, 2, canvas.height, canvas.width) for _ in range(2))
        for index, radius in enumerate(self.radius):
            oval = index in self.ovals
            limb = now[:, index]
            rows, columns = _box(canvas, limb, float(radius.max()), oval=oval)
            if rows.start >= rows.stop or columns.start >= columns.stop:
                continue
            here = torch.stack([canvas.x[rows, columns], canvas.y[rows, columns]])
            own = _own_of_oval(here, limb) if oval else _own(here, limb)
            distance = _to_oval(own, limb, radius, canvas) if oval else _to_capsule(own, radius, canvas)
            cover = canvas.coverage(distance)[:, None]
            below = alpha[:, :, rows, columns]
            won = (cover > SEEN) & (cover >= below * (1 - cover))
            for field, pose, scale in ((origin, first, 1.0), (flow, later, 1 / STEP)):
                moved = (_placed(own, pose[:, index], oval=oval) - here) * scale
                field[:, :, rows, columns] = torch.where(won, moved, field[:, :, rows, columns])
            painted = self.colour[index][:, None, None] * cover
            colour[:, :, rows, columns] = colour[:, :, rows, columns] * (1 - cover) + painted
            alpha[:, :, rows, columns] = below + cover * (1 - below)
        return Layer(colour / alpha.clamp(min=1e-3), alpha, alpha, flow, origin, alpha > SEEN)


def _box(canvas: Canvas, limb: Float[Tensor, "f 2 2"], radius: float, *, oval: bool) -> tuple[slice, slice]:
    """Rows and columns that hold the limb and its soft edge at all times."""
    length = float(torch.linalg.vector_norm(limb[:, 1] - limb[:, 0], dim=-1).max()) if oval else 1.0
    reach = radius * length + 1.5 * canvas.pixel
    low = ((limb.amin((0, 1)) - reach) / canvas.pixel).floor().int().clamp(min=0).tolist()
    high = ((limb.amax((0, 1)) + reach) / canvas.pixel).ceil().int().tolist()
    return slice(low[1], min(high[1], canvas.height)), slice(low[0], min(high[0], canvas.width))


def _axis(limb: Tensor) -> tuple[Tensor, Tensor]:
    """Vector from start to end and its direction, f 2 each; a limb without length points down."""
    along = limb[:, 1] - limb[:, 0]
    safe = along + torch.tensor([0.0, 1e-6])
    return along, safe / torch.linalg.vector_norm(safe, dim=-1, keepdim=True)


def _own(here: Float[Tensor, "2 h w"], limb: Float[Tensor, "f 2 2"]) -> Float[Tensor, "f 3 h w"]:
    """Share along the limb (0 to 1), and what is left to the point, along the limb and across it."""
    along, direction = (vector[..., None, None] for vector in _axis(limb))
    x, y = (here[axis] - limb[:, 0, axis, None, None] for axis in (0, 1))
    share = ((x * along[:, 0] + y * along[:, 1]) / (along**2).sum(1).clamp(min=1e-9)).clamp(0, 1)
    x, y = x - share * along[:, 0], y - share * along[:, 1]
    return torch.stack([share, x * direction[:, 0] + y * direction[:, 1], y * direction[:, 0] - x * direction[:, 1]], 1)


def _own_of_oval(here: Float[Tensor, "2 h w"], limb: Float[Tensor, "f 2 2"]) -> Float[Tensor, "f 3 h w"]:
    """Share along the axis (unlimited), 0, and the share of the axis's length across it."""
    along, direction = (vector[..., None, None] for vector in _axis(limb))
    x, y = (here[axis] - limb[:, 0, axis, None, None] for axis in (0, 1))
    length = (along**2).sum(1).sqrt().clamp(min=1e-6)
    share = (x * direction[:, 0] + y * direction[:, 1]) / length
    across = (y * direction[:, 0] - x * direction[:, 1]) / length
    return torch.stack([share, torch.zeros_like(share), across], 1)


def _to_capsule(own: Tensor, radius: Float[Tensor, "2"], canvas: Canvas) -> Float[Tensor, "f h w"]:
    """Signed distance to the edge of a capsule."""
    start, end = radius.clamp(min=THINNEST * canvas.pixel)
    return torch.hypot(own[:, 1], own[:, 2]) - start - (end - start) * own[:, 0]


def _to_oval(own: Tensor, limb: Tensor, radius: Float[Tensor, "2"], canvas: Canvas) -> Float[Tensor, "f h w"]:
    """Signed distance to the edge of an oval, exact at the edge.

    Source: Inigo Quilez, "Ellipsoid - distance to surface" (the gradient's bound).
    """
    length = torch.linalg.vector_norm(limb[:, 1] - limb[:, 0], dim=-1).clamp(min=1e-6)[:, None, None]
    half = (length / 2).clamp(min=THINNEST * canvas.pixel)
    wide = (radius[0] * length).clamp(min=THINNEST * canvas.pixel)
    u, v = (own[:, 0] - 0.5) * length / half, own[:, 2] * length / wide
    level, slope = torch.hypot(u, v), torch.hypot(u / half, v / wide)
    return level * (level - 1) / slope.clamp(min=1e-6)


def _placed(own: Tensor, limb: Tensor, *, oval: bool) -> Float[Tensor, "f 2 h w"]:
    """Where the points lie when the limb is at another place: the inverse of `_own` and `_own_of_oval`."""
    along, direction = (vector[..., None, None] for vector in _axis(limb))
    direction = along if oval else direction
    places = [
        limb[:, 0, axis, None, None]
        + own[:, 0] * along[:, axis]
        + own[:, 1] * direction[:, axis]
        + sign * own[:, 2] * direction[:, 1 - axis]
        for axis, sign in ((0, -1.0), (1, 1.0))
    ]
    return torch.stack(places, 1)
