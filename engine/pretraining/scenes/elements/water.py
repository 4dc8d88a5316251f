"""Falling water, and water that ripples."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from engine.pretraining.scenes.backgrounds import shape_distance
from engine.pretraining.scenes.canvas import Canvas, sample
from engine.pretraining.scenes.element import STEP, Layer
from engine.pretraining.scenes.elements.current import Current
from engine.pretraining.scenes.textures import fractal, ramp, textured

if TYPE_CHECKING:
    from jaxtyping import Float

    from engine.pretraining.scenes.backgrounds import Background
    from engine.pretraining.scenes.draws import Draws

PERIOD = 2.0
FRESH = 0.25


class Waterfall:
    """A band of water that gathers speed from its lip on, with foam where it lands.

    One in four is any surface in a region of any shape: its motion alone makes it a waterfall.
    """

    motion = "waterfall"

    def __init__(self, draws: Draws, canvas: Canvas, background: Background) -> None:
        del background
        side = round(canvas.height * PERIOD)
        self.streaks = fractal(
            draws,
            (side, side),
            persistence=draws.uniform(0.6, 0.85),
            coarsest=draws.uniform(12, 22),
            stretch=draws.uniform(1.2, 2.5),
        )
        self.current = Current(draws.uniform(0.14, 0.26), draws.uniform(0.1, 0.25))
        self.centre, self.width = draws.uniform(0.15, canvas.aspect - 0.15), draws.uniform(0.1, 0.5)
        self.top = draws.uniform(-0.1, 0.45)
        self.bottom = draws.uniform(self.top + 0.35, 1.15)
        self.widening, self.lean = draws.uniform(0.0, 0.25), draws.uniform(-0.15, 0.15)
        self.bulge, self.bulges = draws.uniform(0.0, 0.06) * self.width, draws.uniform(0.8, 3.0)
        self.phase = draws.uniform(0, 2 * math.pi)
        dark, light = draws.colour(0.2, 0.5), draws.colour(0.75, 1.0)
        self.surface = ramp(self.streaks, torch.stack([dark, (dark + light) / 2, light, light]))
        self.opacity = draws.uniform(0.85, 1.0)
        self.shape: Tensor | None = None
        if draws.chance(0.25):
            self.surface = _contrasted(textured(draws, Canvas(side, side)))
            self.shape = _blob(draws, canvas)
            self.centre, self.width, self.widening, self.lean, self.bulge = 0.0, 2.0, 0.0, 0.0, 0.0

    def paint(self, canvas: Canvas, seconds: Float[Tensor, "f"]) -> Layer:
        """The falling water at each time: what was there at time 0, carried down, and a little that is new."""
        time = seconds[:, None, None]
        lip = self.top if self.shape is None else _upper_edge(self.shape)
        down = (canvas.y - lip).clamp(min=0)
        half = self._half(down)
        across = (canvas.x - self.centre - self.lean * down) / half
        x = (across * self.width / 2 + 1).expand(len(seconds), -1, -1)
        old = sample(self.surface, x, self.current.carried(down, -time), period=PERIOD)
        new = sample(self.surface, x + 0.37, down - self.current.speed * time + 0.61, period=PERIOD)
        colour = old * (1 - FRESH) + new * FRESH
        if self.shape is None:
            colour = colour + 0.25 * ((canvas.y - self.bottom + 0.12) / 0.12).clamp(0, 1) * float(self.bottom < 1)
        region = self._region(canvas, across, half).expand(len(seconds), 1, -1, -1)
        here = self._place(across, down)
        steady = (self._place(across, self.current.carried(down, torch.tensor(STEP))) - here) / STEP
        origin = self._place(across, self.current.carried(down, seconds[0] - time)) - here
        return Layer(colour.clamp(0, 1), region * self.opacity, region, steady * region, origin)

    def _place(self, across: Tensor, down: Tensor) -> Tensor:
        """Where material lies, x and y (from the lip on), ... 2 h w."""
        x = self.centre + self.lean * down + across * self._half(down)
        return torch.stack([x, down], -3)

    def _half(self, down: Tensor) -> Tensor:
        """Half the width: the sides are paths of the water, so that nothing crosses them."""
        return (
            self.width / 2
            + self.widening * down
            + self.bulge * torch.sin(2 * math.pi * self.bulges * down + self.phase)
        )

    def _region(self, canvas: Canvas, across: Tensor, half: Tensor) -> Tensor:
        if self.shape is not None:
            return self.shape[None, None]
        sides = (across.abs() - 1) * half
        ends = torch.maximum(self.top - canvas.y, canvas.y - self.bottom)
        return canvas.coverage(torch.maximum(sides, ends))[None, None]


def _contrasted(surface: Tensor) -> Tensor:
    """The surface with contrast enough to see it move."""
    mean = surface.mean()
    return ((surface - mean) * max(1.0, 0.12 / max(float(surface.std()), 0.01)) + mean).clamp(0, 1)


def _blob(draws: Draws, canvas: Canvas) -> Float[Tensor, "h w"]:
    """Coverage of a random shape that takes up at least a twentieth of the picture, else of half the picture."""
    for _ in range(8):
        shape = canvas.coverage(shape_distance(draws, canvas, draws.uniform(0.15, 0.45)))
        if float(shape.mean()) > 0.05:
            return shape
    return canvas.coverage(0.5 * canvas.aspect - canvas.x)


def _upper_edge(shape: Float[Tensor, "h w"]) -> Float[Tensor, "h w"]:
    """Height of the edge above each pixel of the shape, or of the picture's."""
    height = len(shape)
    rows = (torch.arange(height) + 1.0)[:, None].expand_as(shape) / height
    return torch.where(shape < 0.5, rows, 0.0).cummax(0).values


class Ripples:
    """A stretch of water whose surface moves in small waves, the picture in it wobbling."""

    motion = "ripples"

    def __init__(self, draws: Draws, canvas: Canvas, background: Background) -> None:
        del background
        side = round(canvas.height * PERIOD)
        colours = torch.stack([draws.colour(0.1, 0.5), draws.colour(0.3, 0.7), draws.colour(0.6, 0.95)])
        field = fractal(draws, (side, side), persistence=0.6, coarsest=draws.uniform(4, 10), stretch=0.3)
        self.surface = ramp(field, colours)
        self.level = draws.uniform(0.45, 0.8)
        self.waves = draws.uniform(4, 9)
        # Steeper waves would fold the surface, and a place would come from several.
        self.depth = draws.uniform(0.06, 0.12) / self.waves
        self.pace = draws.uniform(0.4, 0.9)
        self.drift = draws.uniform(-0.08, 0.08)
        self.direction = draws.uniform(-0.6, 0.6)
        self.opacity = draws.uniform(0.8, 1.0)

    def paint(self, canvas: Canvas, seconds: Float[Tensor, "f"]) -> Layer:
        """The surface at each time."""
        time = seconds[:, None, None]
        here = torch.stack([canvas.x, canvas.y])[:, None].expand(-1, len(seconds), -1, -1)
        wobble = self._wobble(here, time)
        x, y = here + wobble
        colour = sample(self.surface, x, y, period=PERIOD)
        colour = (colour * (1 + 0.08 * torch.sin(self._phase(here, time))[:, None])).clamp(0, 1)
        region = canvas.coverage(self.level - canvas.y)[None, None].expand(len(seconds), -1, -1, -1)
        flow = self._followed(here, wobble, time + STEP) / STEP
        origin = self._followed(here, wobble, seconds[0]).transpose(0, 1)
        return Layer(colour, region * self.opacity, region, flow.transpose(0, 1) * region, origin)

    def _followed(self, here: Tensor, wobble: Tensor, time: Tensor) -> Tensor:
        """Displacement to where the same point of the surface is seen at another time: a fixed point."""
        there = here
        for _ in range(3):
            there = here + wobble - self._wobble(there, time)
        return there - here

    def _phase(self, place: Tensor, time: Tensor) -> Tensor:
        x, y = place
        return 2 * math.pi * (self.waves * (y + self.direction * x) / (0.5 + y) - self.pace * time)

    def _wobble(self, place: Tensor, time: Tensor) -> Tensor:
        """From a place to the point of the still surface that is seen there, 2 f h w."""
        phase = self._phase(place, time)
        return self.depth * torch.stack([torch.sin(phase), 0.5 * torch.cos(phase)]) - torch.stack(
            [self.drift * time + 0 * phase, 0 * phase]
        )
