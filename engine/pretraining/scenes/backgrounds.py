"""Pictures to put things into: landscapes, collages, interiors, soft fields; 3 h w in [0, 1]."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional as F

from engine.pretraining.scenes.textures import fractal, textured

if TYPE_CHECKING:
    from jaxtyping import Float

    from engine.pretraining.scenes.canvas import Canvas
    from engine.pretraining.scenes.draws import Draws


CLUTTERED = 0.5


@dataclass(frozen=True)
class Background:
    """A picture and where its sky is (1 inside, 0 outside); every picture has an upper part that may serve as one.

    `clear` says that the sky is one smooth gradient, without things in it.
    """

    picture: Float[Tensor, "3 h w"]
    sky: Float[Tensor, "1 h w"]
    clear: bool = False


def ridge(draws: Draws, canvas: Canvas, level: float, *, roughness: float) -> Float[Tensor, "h w"]:
    """Signed distance below a wandering line at height `level`: positive above it."""
    line = fractal(draws, (64, canvas.width), persistence=0.5, coarsest=draws.uniform(1, 3))[0, 0]
    return level + roughness * line[None, :] - canvas.y


def sky_picture(draws: Draws, canvas: Canvas) -> Float[Tensor, "3 h w"]:
    """A vertical gradient of one of many daylight, dusk and night colours with faint haze."""
    kinds = [
        ((0.25, 0.45, 0.8), (0.7, 0.82, 0.95)),
        ((0.45, 0.6, 0.8), (0.85, 0.88, 0.9)),
        ((0.55, 0.58, 0.62), (0.8, 0.8, 0.8)),
        ((0.25, 0.22, 0.4), (0.95, 0.6, 0.4)),
        ((0.02, 0.03, 0.08), (0.12, 0.13, 0.25)),
        ((0.6, 0.45, 0.5), (0.98, 0.85, 0.65)),
    ]
    top, bottom = draws.choice(kinds)
    jitter = 0.07
    upper = torch.tensor(top) + jitter * draws.normal(3)
    lower = torch.tensor(bottom) + jitter * draws.normal(3)
    part = canvas.y[None] / draws.uniform(0.5, 1.0)
    haze = fractal(draws, (canvas.height, canvas.width), persistence=0.4, coarsest=1.5) * draws.uniform(0, 0.04)
    return (upper[:, None, None] * (1 - part) + lower[:, None, None] * part + haze).clamp(0, 1)


def upper_part(draws: Draws, canvas: Canvas) -> Float[Tensor, "1 h w"]:
    """The part of the picture above a wandering line."""
    line = ridge(draws, canvas, draws.uniform(0.3, 0.7), roughness=draws.uniform(0.0, 0.15))
    return 1 - canvas.coverage(line)[None]


def landscape(draws: Draws, canvas: Canvas) -> Background:
    """Sky above one to four ridges of hills, woods or fields, the nearest one often water-flat."""
    picture = sky_picture(draws, canvas)
    sky = torch.ones(1, canvas.height, canvas.width)
    level = draws.uniform(0.25, 0.65)
    for _ in range(draws.integer(1, 4)):
        inside = canvas.coverage(ridge(draws, canvas, level, roughness=draws.uniform(0.0, 0.1)))[None]
        picture = picture * (1 - inside) + textured(draws, canvas, low=0.05, high=0.7) * inside
        sky = sky * (1 - inside)
        level += draws.uniform(0.08, 0.3)
    return Background(picture, sky, clear=True)


def shape_distance(draws: Draws, canvas: Canvas, size: float) -> Float[Tensor, "h w"]:
    """Signed distance to a random ellipse, box, or wobbly blob somewhere in the picture."""
    cx, cy = draws.uniform(-0.1, canvas.aspect + 0.1), draws.uniform(-0.1, 1.1)
    angle, stretch = draws.uniform(0, math.pi), draws.uniform(0.35, 1.0)
    x, y = canvas.x - cx, canvas.y - cy
    u = x * math.cos(angle) + y * math.sin(angle)
    v = (-x * math.sin(angle) + y * math.cos(angle)) / stretch
    kind = draws.integer(0, 2)
    if kind == 0:
        return torch.maximum(u.abs(), v.abs()) - size
    radius = torch.hypot(u, v)
    if kind == 1:
        return radius - size
    lobes, depth = draws.integer(2, 6), draws.uniform(0.05, 0.3)
    return radius - size * (1 + depth * torch.sin(lobes * torch.atan2(v, u) + draws.uniform(0, 6)))


def collage(draws: Draws, canvas: Canvas) -> Background:
    """Overlapping textured shapes of every size: the edge statistics of photographs without their subjects.

    Source: Lee, Mumford and Huang 2001, "Occlusion models for natural images" (sizes follow a power law).
    """
    picture = textured(draws, canvas)
    for index in range(draws.integer(6, 40)):
        size = 0.5 / (1 + index * draws.uniform(0.1, 0.7))
        inside = canvas.coverage(shape_distance(draws, canvas, size))[None]
        shade = 1 + draws.uniform(-0.5, 0.5) * (canvas.y - 0.5)[None]
        fill = textured(draws, canvas) if draws.chance(0.5) else draws.colour()[:, None, None]
        picture = picture * (1 - inside) + (fill * shade).clamp(0, 1) * inside
    return Background(picture, upper_part(draws, canvas))


def interior(draws: Draws, canvas: Canvas) -> Background:
    """A wall and a floor in soft light with a few boxes and round things."""
    wall, floor = textured(draws, canvas, low=0.3), textured(draws, canvas, low=0.1, high=0.6)
    below = canvas.coverage(ridge(draws, canvas, draws.uniform(0.55, 0.85), roughness=0.0))[None]
    light = 1 + draws.uniform(-0.5, 0.5) * (canvas.x[None] / canvas.aspect - 0.5)
    picture = (wall * (1 - below) + floor * below) * light
    for _ in range(draws.integer(1, 6)):
        inside = canvas.coverage(shape_distance(draws, canvas, draws.uniform(0.05, 0.3)))[None]
        picture = picture * (1 - inside) + textured(draws, canvas) * inside
    return Background(picture.clamp(0, 1), upper_part(draws, canvas))


def soft_field(draws: Draws, canvas: Canvas) -> Background:
    """Blurred colours, as behind a portrait."""
    field = fractal(draws, (canvas.height, canvas.width), channels=3, persistence=draws.uniform(0.2, 0.6), coarsest=1.5)
    mixing = 0.4 * torch.eye(3) + 0.6 * torch.ones(3, 3)
    colours = 0.5 + draws.uniform(0.08, 0.25) * torch.einsum("dc,chw->dhw", mixing, field)
    return Background(colours.clamp(0, 1), upper_part(draws, canvas))


def _nested(draws: Draws, canvas: Canvas) -> list[Float[Tensor, "h w"]]:
    """Signed distances to shapes within a shape, as a cup in its saucer or a flower: round, angular or with petals."""
    cx, cy = draws.uniform(0, canvas.aspect), draws.uniform(0.1, 1.0)
    x, y = canvas.x - cx, (canvas.y - cy) / draws.uniform(0.4, 1.2)
    petals, depth, turn = draws.integer(5, 24), draws.uniform(0.05, 0.35), draws.uniform(0, math.pi)
    radius, angle = torch.hypot(x, y), torch.atan2(y, x)
    kind = draws.integer(0, 2)
    if kind == 1:
        radius = torch.maximum(x.abs(), y.abs())
    size, shapes = draws.uniform(0.08, 0.5), []
    for ring in range(draws.integer(2, 7)):
        wave = 1 + depth * torch.cos(petals * (angle + turn + ring)) if kind == 2 else 1.0
        shapes.append(radius - size * wave)
        size *= draws.uniform(0.55, 0.92)
    return shapes


def _tower(draws: Draws, canvas: Canvas) -> list[Float[Tensor, "h w"]]:
    """Signed distances to boxes on each other, ever narrower or not: a building, a mast, a rocket, a vase."""
    cx, bottom, half = draws.uniform(0, canvas.aspect), draws.uniform(0.5, 1.1), draws.uniform(0.01, 0.3)
    shapes = []
    for _ in range(draws.integer(1, 8)):
        height = draws.uniform(0.04, 0.35)
        middle = bottom - height / 2
        lean = 1 + draws.uniform(-0.5, 0.5) * (canvas.y - middle) / height
        shapes.append(torch.maximum((canvas.x - cx).abs() - half * lean, (canvas.y - middle).abs() - height / 2))
        bottom, half = bottom - height, half * draws.uniform(0.6, 1.15)
    return shapes


def cluttered(draws: Draws, canvas: Canvas, background: Background) -> Background:
    """With one to four things made of parts standing in it, which are none of those that move."""
    picture, sky = background.picture, background.sky
    for _ in range(draws.integer(1, 4)):
        for distance in draws.choice([_nested, _tower])(draws, canvas):
            inside = canvas.coverage(distance)[None]
            fill = textured(draws, canvas) if draws.chance(0.4) else draws.colour()[:, None, None]
            shade = 1 + draws.uniform(-0.6, 0.6) * (canvas.x / canvas.aspect - 0.5)[None]
            picture = picture * (1 - inside) + (fill * shade).clamp(0, 1) * inside
            sky = sky * (1 - inside)
    return Background(picture, sky, background.clear)


def draw_background(draws: Draws, canvas: Canvas) -> Background:
    """One of the kinds above, with random contrast, sharpness, warmth and darkening towards the corners.

    Half of them are cluttered: photographs are full of things with edges, rings and corners that do not move.

    The ranges reach as far as photographs do: hard light, and detail down to the pixel.
    """
    kind = draws.choice([landscape, landscape, landscape, collage, collage, interior, soft_field])
    background = kind(draws, canvas)
    if draws.chance(CLUTTERED):
        background = cluttered(draws, canvas, background)
    contrast, warmth = draws.uniform(0.75, 1.9), draws.uniform(-0.06, 0.06)
    middle = torch.hypot(canvas.x - canvas.aspect / 2, canvas.y - 0.5)[None]
    smooth = F.avg_pool2d(F.pad(background.picture, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    sharp = background.picture + draws.uniform(0.0, 1.5) * (background.picture - smooth)
    picture = (sharp - 0.5) * contrast + 0.5
    picture = picture + warmth * torch.tensor([1.0, 0.0, -1.0])[:, None, None] - draws.uniform(0, 0.25) * middle**2
    return Background(picture.clamp(0, 1), background.sky, background.clear)
