"""MUSIQ, the image quality that VBench prints, with the tensor names of `musiq_spaq_ckpt-358bb6af.pth`.

Source: Ke et al. 2021 (arXiv 2108.05997), multi-scale patches of 224, 384 and the picture's own size.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional as F

if TYPE_CHECKING:
    from torch import Tensor

PATCH = 32
GRID = 10
LONG_SIDES = (224, 384)
MASKED = -1e3


@dataclass(frozen=True)
class MusiqShape:
    """Sizes of the network; the defaults are the published ones."""

    width: int = 384
    inner: int = 1152
    heads: int = 6
    layers: int = 14


class Musiq(nn.Module):
    """A quality of pictures; about 0 to 100 with the published weights."""

    def __init__(self, shape: MusiqShape | None = None) -> None:
        super().__init__()
        shape = shape or MusiqShape()
        self.conv_root = StandardisedConvolution(3, 64, 7, stride=2)
        self.gn_root = nn.GroupNorm(32, 64, eps=1e-6)
        self.block1 = PatchBottleneck(64, 256)
        self.embedding = nn.Linear(256 * (PATCH // 4) ** 2, shape.width)
        self.transformer_encoder = Encoder(shape)
        self.head = nn.Linear(shape.width, 1)

    def forward(self, pictures: Tensor) -> Tensor:
        """One number (b) for each picture b 3 h w in [0, 1]."""
        tokens = [scale_tokens(pictures * 2 - 1, scale) for scale in range(len(LONG_SIDES) + 1)]
        patches = torch.cat([scale.patches for scale in tokens], dim=1)
        batch, count = patches.shape[:2]
        hidden = self.gn_root(self.conv_root(patches.flatten(0, 1))).relu()
        hidden = F.max_pool2d(F.pad(hidden, _same(hidden, 3, 2)), 3, 2)
        hidden = self.block1(hidden).permute(0, 2, 3, 1).reshape(batch, count, -1)
        seen = self.transformer_encoder(
            self.embedding(hidden),
            torch.cat([scale.places for scale in tokens]),
            torch.cat([torch.full_like(scale.places, number) for number, scale in enumerate(tokens)]),
            torch.cat([scale.filled for scale in tokens]),
        )
        quality: Tensor = self.head(seen[:, 0])
        return quality[:, 0]


@dataclass(frozen=True)
class ScaleTokens:
    """Patches b n 3 p p of pictures at one scale, the cell of each in the grid, and whether it is one or padding."""

    patches: Tensor
    places: Tensor
    filled: Tensor


def scale_tokens(pictures: Tensor, scale: int) -> ScaleTokens:
    """Pictures b 3 h w at scale 0 (long side 224), 1 (384) or 2 (as they are); the first two are padded to squares."""
    height, width = pictures.shape[-2:]
    if scale < len(LONG_SIDES):
        ratio = LONG_SIDES[scale] / max(height, width)
        height, width = round(height * ratio), round(width * ratio)
        pictures = F.interpolate(pictures, (height, width), mode="bicubic", align_corners=False)
    patches = F.unfold(F.pad(pictures, _same(pictures, PATCH, PATCH)), PATCH, stride=PATCH).transpose(1, 2)
    rows, columns = -(-height // PATCH), -(-width // PATCH)
    places = (_hashed(rows)[:, None] * GRID + _hashed(columns)[None, :]).flatten().to(pictures.device)
    filled = torch.ones_like(places)
    if scale < len(LONG_SIDES):
        missing = (-(-LONG_SIDES[scale] // PATCH)) ** 2 - len(places)
        patches = F.pad(patches, (0, 0, 0, missing))
        places, filled = F.pad(places, (0, missing)), F.pad(filled, (0, missing))
    return ScaleTokens(patches.unflatten(2, (3, PATCH, PATCH)), places, filled)


class StandardisedConvolution(nn.Conv2d):
    """A convolution whose filters have mean 0 and deviation 1, padded as TensorFlow does."""

    def __init__(self, inner: int, outer: int, kernel: int, *, stride: int = 1) -> None:
        super().__init__(inner, outer, kernel, stride=stride, bias=False)

    def forward(self, hidden: Tensor) -> Tensor:
        """As tall and wide as the stride leaves."""
        deviation, mean = torch.std_mean(self.weight, dim=(1, 2, 3), keepdim=True)
        padded = F.pad(hidden, _same(hidden, self.kernel_size[0], self.stride[0]))
        return F.conv2d(padded, (self.weight - mean) / (deviation + 1e-5), stride=self.stride)


class PatchBottleneck(nn.Module):
    """Three convolutions beside a projected short cut."""

    def __init__(self, inner: int, outer: int) -> None:
        super().__init__()
        self.conv1, self.gn1 = StandardisedConvolution(inner, inner, 1), nn.GroupNorm(32, inner, eps=1e-4)
        self.conv2, self.gn2 = StandardisedConvolution(inner, inner, 3), nn.GroupNorm(32, inner, eps=1e-4)
        self.conv3, self.gn3 = StandardisedConvolution(inner, outer, 1), nn.GroupNorm(32, outer, eps=1e-4)
        self.conv_proj, self.gn_proj = StandardisedConvolution(inner, outer, 1), nn.GroupNorm(32, outer, eps=1e-4)

    def forward(self, hidden: Tensor) -> Tensor:
        """As wide as `outer`."""
        kept = self.gn_proj(self.conv_proj(hidden))
        hidden = self.gn1(self.conv1(hidden)).relu()
        hidden = self.gn2(self.conv2(hidden)).relu()
        result: Tensor = (self.gn3(self.conv3(hidden)) + kept).relu()
        return result


class Encoder(nn.Module):
    """A transformer over the patches of all scales."""

    def __init__(self, shape: MusiqShape) -> None:
        super().__init__()
        self.cls = nn.Parameter(torch.zeros(1, 1, shape.width))
        self.posembed_input = nn.ParameterDict({"position_emb": torch.zeros(1, GRID * GRID, shape.width)})
        self.scaleembed_input = nn.ParameterDict({"scale_emb": torch.zeros(len(LONG_SIDES) + 1, shape.width)})
        self.transformer = nn.ModuleDict({f"encoderblock_{layer}": Layer(shape) for layer in range(shape.layers)})
        self.encoder_norm = nn.LayerNorm(shape.width, eps=1e-6)

    def forward(self, hidden: Tensor, places: Tensor, scales: Tensor, filled: Tensor) -> Tensor:
        """Tokens b n+1 width, the class token first."""
        place, scale = self.posembed_input["position_emb"], self.scaleembed_input["scale_emb"]
        hidden = hidden + place[0, places] + scale[scales]
        hidden = torch.cat([self.cls.expand(len(hidden), -1, -1), hidden], dim=1)
        there = F.pad(filled, (1, 0), value=1).bool()
        for layer in self.transformer.values():
            hidden = layer(hidden, there[:, None] & there[None, :])
        normed: Tensor = self.encoder_norm(hidden)
        return normed


class Layer(nn.Module):
    """Attention and a small network, each beside a short cut."""

    def __init__(self, shape: MusiqShape) -> None:
        super().__init__()
        self.heads = shape.heads
        self.norm1, self.norm2 = (nn.LayerNorm(shape.width, eps=1e-6) for _ in range(2))
        self.attention = nn.ModuleDict(
            {name: nn.Linear(shape.width, shape.width) for name in ("query", "key", "value", "out")}
        )
        self.mlp = nn.ModuleDict(
            {"fc1": nn.Linear(shape.width, shape.inner), "fc2": nn.Linear(shape.inner, shape.width)}
        )

    def forward(self, hidden: Tensor, sees: Tensor) -> Tensor:
        """As wide as before; `sees` n n says which token sees which."""
        normed = self.norm1(hidden)
        query, key, value = (
            self.attention[name](normed).unflatten(2, (self.heads, -1)).transpose(1, 2)
            for name in ("query", "key", "value")
        )
        scores = query @ key.transpose(-1, -2) / query.shape[-1] ** 0.5
        # padding sees padding, as in the published code: not -inf, so that its rows stay numbers
        mixed = scores.masked_fill(~sees, MASKED).softmax(dim=-1) @ value
        hidden = hidden + self.attention["out"](mixed.transpose(1, 2).flatten(2))
        result: Tensor = hidden + self.mlp["fc2"](F.gelu(self.mlp["fc1"](self.norm2(hidden))))
        return result


def _hashed(count: int) -> Tensor:
    """The grid line of each of `count` rows or columns."""
    lines = torch.arange(GRID, dtype=torch.float32)
    return F.interpolate(lines[None, None], count, mode="nearest")[0, 0].long()


def _same(picture: Tensor, kernel: int, stride: int) -> tuple[int, int, int, int]:
    """Padding (left, right, top, bottom) after which a window lands in each step, as TensorFlow's `SAME`."""
    down, across = (
        max((-(-side // stride) - 1) * stride + kernel - side, 0) for side in (picture.shape[-2], picture.shape[-1])
    )
    return across // 2, across - across // 2, down // 2, down - down // 2
