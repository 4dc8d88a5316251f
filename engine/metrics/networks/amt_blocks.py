"""The pieces of AMT: encoders, decoders and refinements.

Source: Li et al. 2023 (arXiv 2304.09790), 3; the decoders are those of IFRNet (arXiv 2205.14620).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional as F

if TYPE_CHECKING:
    from torch import Tensor


def resized(picture: Tensor, factor: float) -> Tensor:
    """The picture b c h w at `factor` times its size, bilinear."""
    return F.interpolate(picture, scale_factor=factor, mode="bilinear", align_corners=False)


def fetched(picture: Tensor, flow: Tensor) -> Tensor:
    """The picture b c h w fetched along a flow b 2 h w; beyond its edge, the edge."""
    height, width = flow.shape[-2:]
    across = torch.linspace(-1, 1, width, device=flow.device).view(1, 1, width).expand(1, height, width)
    down = torch.linspace(-1, 1, height, device=flow.device).view(1, height, 1).expand(1, height, width)
    places = torch.stack([across + flow[:, 0] / ((width - 1) / 2), down + flow[:, 1] / ((height - 1) / 2)], dim=-1)
    return F.grid_sample(picture, places, padding_mode="border", align_corners=True)


def _convolution(inner: int, outer: int, *, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inner, outer, 3, stride=stride, padding=1), nn.PReLU(outer))


class Pyramid(nn.Module):
    """Features at halves, quarters, eighths and sixteenths of the size."""

    def __init__(self, channels: tuple[int, ...]) -> None:
        super().__init__()
        for number, (inner, outer) in enumerate(zip((3, *channels), channels, strict=False), start=1):
            block = nn.Sequential(_convolution(inner, outer, stride=2), _convolution(outer, outer))
            self.add_module(f"pyramid{number}", block)

    def forward(self, picture: Tensor) -> list[Tensor]:
        """The finest first."""
        levels = [picture]
        for block in self.children():
            levels.append(block(levels[-1]))
        return levels[1:]


class SideResidual(nn.Module):
    """Five convolutions beside a short cut; the second and fourth see the last `side` channels only."""

    def __init__(self, width: int, side: int) -> None:
        super().__init__()
        self.side = side
        self.conv1, self.conv2 = _convolution(width, width), _convolution(side, side)
        self.conv3, self.conv4 = _convolution(width, width), _convolution(side, side)
        self.conv5 = nn.Conv2d(width, width, 3, padding=1)
        self.prelu = nn.PReLU(width)

    def forward(self, hidden: Tensor) -> Tensor:
        """As wide as before."""
        changed = self._aside(self.conv1(hidden), self.conv2)
        changed = self._aside(self.conv3(changed), self.conv4)
        result: Tensor = self.prelu(hidden + self.conv5(changed))
        return result

    def _aside(self, hidden: Tensor, convolution: nn.Module) -> Tensor:
        main, side = hidden[:, : -self.side], hidden[:, -self.side :]
        return torch.cat([main, convolution(side)], dim=1)


def _decoder(inner: int, width: int, outer: int, side: int) -> nn.Sequential:
    return nn.Sequential(
        _convolution(inner, width), SideResidual(width, side), nn.ConvTranspose2d(width, outer, 4, stride=2, padding=1)
    )


class CoarseDecoder(nn.Module):
    """First flows and features, from both pictures' coarsest features and the moment between them."""

    def __init__(self, inner: int, outer: int, side: int) -> None:
        super().__init__()
        self.convblock = _decoder(2 * inner + 1, 2 * inner, outer + 4, side)

    def forward(self, one: Tensor, other: Tensor, moment: float) -> tuple[Tensor, Tensor]:
        """Both flows b 4 h w, and features."""
        when = torch.full_like(one[:, :1], moment)
        out = self.convblock(torch.cat([one, other, when], dim=1))
        return out[:, :4], out[:, 4:]


class Decoder(nn.Module):
    """What the next finer level says of both pictures, fetched along the flows so far."""

    def __init__(self, inner: int, outer: int, side: int) -> None:
        super().__init__()
        self.convblock = _decoder(3 * inner + 4, 3 * inner, outer, side)

    def forward(self, features: Tensor, one: Tensor, other: Tensor, flows: Tensor) -> Tensor:
        """Features b outer 2h 2w."""
        there = [features, fetched(one, flows[:, :2]), fetched(other, flows[:, 2:]), flows]
        out: Tensor = self.convblock(torch.cat(there, dim=1))
        return out


class FeatureEncoder(nn.Module):
    """Features for the correlation, at an eighth of the size."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 32, 7, stride=2, padding=3)
        self.layer1 = nn.Sequential(Bottleneck(32, 32, stride=1), Bottleneck(32, 32, stride=1))
        self.layer2 = nn.Sequential(Bottleneck(32, 64, stride=2), Bottleneck(64, 64, stride=1))
        self.layer3 = nn.Sequential(Bottleneck(64, 96, stride=2), Bottleneck(96, 96, stride=1))
        self.conv2 = nn.Conv2d(96, width, 1)

    def forward(self, pictures: Tensor) -> Tensor:
        """Pictures b 3 h w to b width h/8 w/8."""
        hidden = F.instance_norm(self.conv1(pictures)).relu()
        features: Tensor = self.conv2(self.layer3(self.layer2(self.layer1(hidden))))
        return features


class Bottleneck(nn.Module):
    """Three convolutions at a quarter of the width beside a short cut; norms have nothing to learn."""

    def __init__(self, inner: int, outer: int, *, stride: int) -> None:
        super().__init__()
        narrow = outer // 4
        self.conv1 = nn.Conv2d(inner, narrow, 1)
        self.conv2 = nn.Conv2d(narrow, narrow, 3, stride=stride, padding=1)
        self.conv3 = nn.Conv2d(narrow, outer, 1)
        self.downsample = None if stride == 1 else nn.Sequential(nn.Conv2d(inner, outer, 1, stride=stride))

    def forward(self, hidden: Tensor) -> Tensor:
        """As wide as `outer`, smaller by the stride."""
        changed = hidden
        for convolution in (self.conv1, self.conv2, self.conv3):
            changed = F.instance_norm(convolution(changed)).relu()
        kept = hidden if self.downsample is None else F.instance_norm(self.downsample(hidden))
        return (kept + changed).relu()


class Refinement(nn.Module):
    """Changes of features and flows, from the correlation around where the flows point.

    Args:
        width: of the features.
        shrink: the correlation is that much coarser than the features.
        levels: of the correlation.
        radius: of the correlation.
    """

    def __init__(self, width: int, *, shrink: int, levels: int, radius: int) -> None:
        super().__init__()
        self.shrink = shrink
        self.convc1 = nn.Conv2d(2 * levels * (2 * radius + 1) ** 2, 64, 1)
        self.convf1 = nn.Conv2d(4, 40, 7, padding=3)
        self.convf2 = nn.Conv2d(40, 20, 3, padding=1)
        self.conv = nn.Conv2d(84, 68, 3, padding=1)
        self.gru = self._pair(68 + 4 + width, 76)
        self.feat_head = self._pair(76, width)
        self.flow_head = self._pair(76, 4)

    @staticmethod
    def _pair(inner: int, outer: int) -> nn.Sequential:
        return nn.Sequential(nn.Conv2d(inner, 76, 3, padding=1), nn.LeakyReLU(0.1), nn.Conv2d(76, outer, 3, padding=1))

    def forward(self, features: Tensor, flows: Tensor, correlation: Tensor) -> tuple[Tensor, Tensor]:
        """Changes of features and of flows, at the features' size; `flows` are at the correlation's."""
        small = resized(features, 1 / self.shrink) if self.shrink > 1 else features
        near = F.leaky_relu(self.convc1(correlation), 0.1)
        moved = F.leaky_relu(self.convf2(F.leaky_relu(self.convf1(flows), 0.1)), 0.1)
        seen = F.leaky_relu(self.conv(torch.cat([near, moved], dim=1)), 0.1)
        hidden = self.gru(torch.cat([seen, flows, small], dim=1))
        features, flows = self.feat_head(hidden), self.flow_head(hidden)
        if self.shrink > 1:
            features, flows = resized(features, self.shrink), self.shrink * resized(flows, self.shrink)
        return features, flows
