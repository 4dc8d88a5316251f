"""RAFT, the optical flow of EvalCrafter's average flow, with the tensor names of `raft-things.pth`.

Source: Teed and Deng 2020 (arXiv 2003.12039), the large model.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional as F

from engine.metrics.networks.correlation import CorrelationPyramid, pixel_grid

if TYPE_CHECKING:
    from torch import Tensor

STRIDE = 8
LEVELS, RADIUS = 4, 4


class Raft(nn.Module):
    """Flow from one batch of pictures to another.

    Args:
        width: of features and context each is `2 * width`; 128 in the published model.
    """

    def __init__(self, width: int = 128) -> None:
        super().__init__()
        self.width = width
        self.fnet = PictureEncoder(2 * width, norm=nn.InstanceNorm2d)
        self.cnet = PictureEncoder(2 * width, norm=nn.BatchNorm2d)
        self.update_block = UpdateBlock(width)

    def forward(self, first: Tensor, second: Tensor, *, iterations: int = 20) -> Tensor:
        """Flow b 2 h w in pixels (right, down) of pictures b 3 h w in [0, 255]; sides are multiples of 8."""
        first, second = first / 127.5 - 1, second / 127.5 - 1
        one, other = self.fnet(torch.cat([first, second])).chunk(2)
        pyramid = CorrelationPyramid(one.float(), other.float(), levels=LEVELS, radius=RADIUS)
        hidden, context = self.cnet(first).split(self.width, dim=1)
        hidden, context = hidden.tanh(), context.relu()
        grid = pixel_grid(one)
        flow = torch.zeros_like(grid)
        for _ in range(iterations):
            hidden, change = self.update_block(hidden, context, pyramid.at(grid + flow), flow)
            flow = flow + change
        return _finer(flow, 0.25 * self.update_block.mask(hidden))


class PictureEncoder(nn.Module):
    """Features at an eighth of the size."""

    def __init__(self, width: int, *, norm: type[nn.Module]) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3)
        self.norm1 = norm(64)
        self.layer1 = nn.Sequential(Residual(64, 64, norm, stride=1), Residual(64, 64, norm, stride=1))
        self.layer2 = nn.Sequential(Residual(64, 96, norm, stride=2), Residual(96, 96, norm, stride=1))
        self.layer3 = nn.Sequential(Residual(96, 128, norm, stride=2), Residual(128, 128, norm, stride=1))
        self.conv2 = nn.Conv2d(128, width, 1)

    def forward(self, pictures: Tensor) -> Tensor:
        """Pictures b 3 h w to b width h/8 w/8."""
        hidden = self.norm1(self.conv1(pictures)).relu()
        features: Tensor = self.conv2(self.layer3(self.layer2(self.layer1(hidden))))
        return features


class Residual(nn.Module):
    """Two convolutions beside a short cut."""

    def __init__(self, inner: int, outer: int, norm: type[nn.Module], *, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inner, outer, 3, stride=stride, padding=1)
        self.conv2 = nn.Conv2d(outer, outer, 3, padding=1)
        self.norm1, self.norm2 = norm(outer), norm(outer)
        self.downsample: nn.Module | None = None
        if stride != 1:
            # the published file has this norm under both names
            self.norm3 = norm(outer)
            self.downsample = nn.Sequential(nn.Conv2d(inner, outer, 1, stride=stride), self.norm3)

    def forward(self, hidden: Tensor) -> Tensor:
        """As wide as `outer`, smaller by the stride."""
        changed = self.norm1(self.conv1(hidden)).relu()
        changed = self.norm2(self.conv2(changed)).relu()
        kept = hidden if self.downsample is None else self.downsample(hidden)
        result: Tensor = (kept + changed).relu()
        return result


class MotionEncoder(nn.Module):
    """What the correlation and the flow so far say."""

    def __init__(self) -> None:
        super().__init__()
        self.convc1 = nn.Conv2d(LEVELS * (2 * RADIUS + 1) ** 2, 256, 1)
        self.convc2 = nn.Conv2d(256, 192, 3, padding=1)
        self.convf1 = nn.Conv2d(2, 128, 7, padding=3)
        self.convf2 = nn.Conv2d(128, 64, 3, padding=1)
        self.conv = nn.Conv2d(256, 126, 3, padding=1)

    def forward(self, flow: Tensor, correlation: Tensor) -> Tensor:
        """128 channels, the last two of them the flow."""
        near = self.convc2(self.convc1(correlation).relu()).relu()
        moved = self.convf2(self.convf1(flow).relu()).relu()
        return torch.cat([self.conv(torch.cat([near, moved], dim=1)).relu(), flow], dim=1)


class SeparableGru(nn.Module):
    """A gated unit that looks along rows, then along columns."""

    def __init__(self, hidden: int, inputs: int) -> None:
        super().__init__()
        for number, (kernel, padding) in enumerate((((1, 5), (0, 2)), ((5, 1), (2, 0))), start=1):
            for gate in "zrq":
                self.add_module(f"conv{gate}{number}", nn.Conv2d(hidden + inputs, hidden, kernel, padding=padding))

    def forward(self, hidden: Tensor, inputs: Tensor) -> Tensor:
        """The new hidden state."""
        for number in (1, 2):
            update, reset, new = (self.get_submodule(f"conv{gate}{number}") for gate in "zrq")
            both = torch.cat([hidden, inputs], dim=1)
            share = update(both).sigmoid()
            fresh = new(torch.cat([reset(both).sigmoid() * hidden, inputs], dim=1)).tanh()
            hidden = (1 - share) * hidden + share * fresh
        return hidden


class FlowHead(nn.Module):
    """A change of the flow from a hidden state."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(hidden, 256, 3, padding=1)
        self.conv2 = nn.Conv2d(256, 2, 3, padding=1)

    def forward(self, hidden: Tensor) -> Tensor:
        """A flow b 2 h w."""
        change: Tensor = self.conv2(self.conv1(hidden).relu())
        return change


class UpdateBlock(nn.Module):
    """One refinement of the flow."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.encoder = MotionEncoder()
        self.gru = SeparableGru(hidden, 128 + hidden)
        self.flow_head = FlowHead(hidden)
        self.mask = nn.Sequential(nn.Conv2d(hidden, 256, 3, padding=1), nn.ReLU(), nn.Conv2d(256, 9 * STRIDE**2, 1))

    def forward(self, hidden: Tensor, context: Tensor, correlation: Tensor, flow: Tensor) -> tuple[Tensor, Tensor]:
        """The new hidden state, and what the flow changes by."""
        hidden = self.gru(hidden, torch.cat([context, self.encoder(flow, correlation)], dim=1))
        return hidden, self.flow_head(hidden)


def _finer(flow: Tensor, mask: Tensor) -> Tensor:
    """The flow at the pictures' size: each pixel a learned mean of nine coarse neighbours."""
    batch, _, height, width = flow.shape
    shares = mask.view(batch, 1, 9, STRIDE, STRIDE, height, width).softmax(dim=2)
    around = F.unfold(STRIDE * flow, 3, padding=1).view(batch, 2, 9, 1, 1, height, width)
    fine = (shares * around).sum(dim=2).permute(0, 1, 4, 2, 5, 3)
    return fine.reshape(batch, 2, STRIDE * height, STRIDE * width)
