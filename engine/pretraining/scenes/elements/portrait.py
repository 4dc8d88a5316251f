"""A face that turns a little and begins to smile."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional as F

from engine.pretraining.scenes.complexion import cloth_colour
from engine.pretraining.scenes.element import STEP, Layer
from engine.pretraining.scenes.face import EYES, EYES_APART, MOUTH, MOUTH_WIDTH, WIDEST, Face
from engine.pretraining.scenes.figure import Limb, figure_of
from engine.pretraining.scenes.stance import Stance

if TYPE_CHECKING:
    from jaxtyping import Float

    from engine.pretraining.scenes.backgrounds import Background
    from engine.pretraining.scenes.canvas import Canvas
    from engine.pretraining.scenes.draws import Draws

WIDTH = 0.76
"""Of a head, as a share of its height."""
JAW = 0.2
"""How much narrower than an oval it is at the chin."""


class Portrait:
    """Head, neck and shoulders: neutral at first, smiling from about 1.2 seconds on, the head turned to the right."""

    motion = "turning-to-smile"

    def __init__(self, draws: Draws, canvas: Canvas, background: Background) -> None:
        del background
        self.half = draws.uniform(0.3, 0.9) / 2
        low, high = 0.95 * self.half, max(1.0 * self.half, 0.9 - self.half)
        self.centre = torch.tensor(
            [draws.uniform(0.8 * self.half, canvas.aspect - 0.8 * self.half), draws.uniform(low, high)]
        )
        self.face = Face.drawn(draws)
        self.begin = draws.uniform(-0.35, 0.0)
        # Less for a large face, whose features would go too fast.
        self.turn = draws.uniform(0.35, 0.6) * min(1.0, 0.3 / self.half)
        self.duration, self.smile = draws.uniform(1.1, 1.4), draws.uniform(0.8, 1.15)
        self.light = draws.sign() * draws.uniform(0.05, 0.25)
        teeth = draws.chance(0.6)
        self.cloth = cloth_colour(draws)
        closed, opened = self.face.flat(draws, max(24, round(3 * self.half / canvas.pixel)))
        self.closed, self.opened = closed, opened if teeth else closed
        self.body = figure_of(self._limbs)

    def paint(self, canvas: Canvas, seconds: Float[Tensor, "f"]) -> Layer:
        """The portrait at each time; hair behind the head, neck and shoulders stand still."""
        body = self.body.paint(canvas, seconds[:1])
        rows, columns = self._window(canvas)
        u = (canvas.x[rows, columns] - self.centre[0]) / (self.half * WIDTH)
        v = (canvas.y[rows, columns] - self.centre[1]) / self.half
        part = (u / _profile(v)).clamp(-1, 1)
        turn, down = torch.asin(part), v.clamp(-1, 1)
        flat = self._flat(turn, down, seconds)
        shade = 1 + self.light * u - 0.12 * part**4
        cover = canvas.coverage((torch.hypot(u / _taper(v), v) - 1) * self.half * WIDTH)
        here = self._seen(turn, down)
        first = self._seen(*self._placed(flat, seconds[:1], rounds=4))
        later = self._seen(*self._placed(flat, seconds + STEP, rounds=2))
        count = len(seconds)
        alpha = body.alpha.repeat(count, 1, 1, 1)
        colour = (body.colour * body.alpha).repeat(count, 1, 1, 1)
        origin, flow = (torch.zeros(count, 2, canvas.height, canvas.width) for _ in range(2))
        held = cover > 0.05
        head = (self._look(flat, seconds) * shade).clamp(0, 1)
        colour[:, :, rows, columns] = colour[:, :, rows, columns] * (1 - cover) + head * cover
        alpha[:, :, rows, columns] += cover * (1 - alpha[:, :, rows, columns])
        origin[:, :, rows, columns] = (first - here) * held
        flow[:, :, rows, columns] = (later - here) / STEP * held
        return Layer(colour / alpha.clamp(min=1e-3), alpha, alpha, flow, origin, alpha > 0.05)

    def _window(self, canvas: Canvas) -> tuple[slice, slice]:
        """Rows and columns that hold the head."""
        reach = self.half * torch.tensor([WIDTH, 1.0]) + canvas.pixel
        low = ((self.centre - reach) / canvas.pixel).floor().int().clamp(min=0).tolist()
        high = ((self.centre + reach) / canvas.pixel).ceil().int().tolist()
        return slice(low[1], high[1]), slice(low[0], high[0])

    def _look(self, flat: Float[Tensor, "f 2 h w"], seconds: Float[Tensor, "f"]) -> Float[Tensor, "f 3 h w"]:
        """Colour at points of the layout; the teeth appear with the smile."""
        grid = torch.stack([flat[:, 0] / WIDEST, flat[:, 1]], -1)
        layouts = torch.cat([self.closed, self.opened])[None].expand(len(seconds), -1, -1, -1)
        closed, opened = F.grid_sample(layouts, grid, padding_mode="border", align_corners=False).chunk(2, 1)
        part = self._gone(seconds)[:, None, None, None] ** 2
        return closed * (1 - part) + opened * part

    def _gone(self, seconds: Float[Tensor, "f"]) -> Float[Tensor, "f"]:
        """0 at the beginning, 1 from `duration` on."""
        part = (seconds / self.duration).clamp(0, 1)
        return part * part * (3 - 2 * part)

    def _flat(self, turn: Tensor, down: Tensor, seconds: Tensor) -> Float[Tensor, "f 2 h w"]:
        """Points of the layout that are seen at angles `turn` and heights `down`."""
        gone = self._gone(seconds)[:, None, None]
        side = turn - self.begin - self.turn * gone
        across, up = self._drawn(side, down + 0 * gone)
        return torch.stack([side + gone * across, down + gone * up], 1)

    def _placed(self, flat: Float[Tensor, "f 2 h w"], seconds: Tensor, *, rounds: int) -> tuple[Tensor, Tensor]:
        """Where points of the layout are seen at other times: the inverse of `_flat`, a fixed point."""
        gone = self._gone(seconds)[:, None, None]
        side, down = flat[:, 0], flat[:, 1]
        for _ in range(rounds if bool((gone > 0).any()) else 0):
            across, up = self._drawn(side, down)
            side, down = flat[:, 0] - gone * across, flat[:, 1] - gone * up
        return (side + self.begin + self.turn * gone).clamp(-math.pi / 2, math.pi / 2), down

    def _drawn(self, side: Tensor, down: Tensor) -> tuple[Tensor, Tensor]:
        """From a point of a full smile to the neutral face: corners in and down, cheeks down, eyes open."""
        mirrored, sign = side.abs(), side.sign()
        corner = torch.exp(-(((mirrored - MOUTH_WIDTH - 0.1) / 0.2) ** 2) - ((down - MOUTH + 0.1) / 0.2) ** 2)
        cheek = torch.exp(-(((mirrored - 0.45) / 0.25) ** 2) - ((down - 0.27) / 0.2) ** 2)
        eye = torch.exp(-(((mirrored - EYES_APART) / 0.25) ** 2) - ((down - EYES - 0.04) / 0.11) ** 2)
        lips = torch.exp(-((mirrored / 0.3) ** 2) - ((down - MOUTH) / 0.14) ** 2)
        across = -0.1 * corner * sign * (mirrored / 0.1).clamp(max=1)
        up = 0.13 * corner + 0.06 * cheek + 0.45 * (down - EYES + 0.03) * eye - 0.4 * (down - MOUTH) * lips
        return self.smile * across, self.smile * (up - 0.03 * lips)

    def _seen(self, turn: Tensor, down: Tensor) -> Float[Tensor, "f 2 h w"]:
        """Places in the picture, relative to the head's centre, in picture heights."""
        x = self.half * WIDTH * _profile(down) * torch.sin(turn)
        return torch.stack([x, self.half * down.expand_as(x)], -3)

    def _limbs(self, seconds: Float[Tensor, "f"]) -> list[Limb]:
        """Hair behind the head, shoulders, neck and collar; all stand still."""
        still = 0 * seconds
        head, size, face = Stance(self.centre + still[:, None], still, self.half), self.half, self.face
        limbs = [Limb(head.at(0, -1.08), head.at(0, 0.85), 0.42, face.hair * 0.85)]
        if face.long_hair:
            limbs += [
                Limb(
                    head.at(0.62 * side, -0.3), head.at(0.72 * side, 1.25), (0.25 * size, 0.16 * size), face.hair * 0.8
                )
                for side in (-1, 1)
            ]
        return [
            *limbs,
            *(
                Limb(head.at(1.15 * side, 2.1), head.at(1.4 * side, 4.5), (0.4 * size, 0.34 * size), self.cloth * 0.85)
                for side in (-1, 1)
            ),
            Limb(head.at(0, 2.9), head.at(0, 8.0), (1.15 * size, 1.1 * size), self.cloth),
            Limb(head.at(-0.95, 1.95), head.at(0.95, 1.95), (0.38 * size, 0.38 * size), self.cloth),
            Limb(head.at(-0.4, 1.65), head.at(0.4, 1.65), (0.38 * size, 0.38 * size), self.cloth),
            Limb(head.at(0, 0.75), head.at(0, 1.3), (0.33 * size, 0.4 * size), face.skin * 0.7),
            *(
                Limb(head.at(0.38 * side, 1.36), head.at(0, 1.74), (0.06 * size, 0.06 * size), self.cloth * 0.75)
                for side in (-1, 1)
            ),
        ]


def _profile(down: Tensor) -> Tensor:
    """Half the width of a head at a height, as a share of its greatest; never 0."""
    down = down.clamp(-1, 1)
    return (1 - down**2).clamp(min=0.02).sqrt() * _taper(down)


def _taper(down: Tensor) -> Tensor:
    """How much of an oval's width a head has at a height."""
    return 1 - JAW * down.clamp(0, 1)
