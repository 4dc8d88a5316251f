"""AMT-S, which VBench asks for the frame between two others, with the tensor names of `amt-s.pth`.

Written anew from the paper and the shapes of the published file; that file's licence forbids commercial use.

Source: Li et al. 2023 (arXiv 2304.09790), the small model.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional as F

from engine.metrics.networks.amt_blocks import CoarseDecoder, Decoder, FeatureEncoder, Refinement, fetched, resized
from engine.metrics.networks.amt_blocks import Pyramid as PicturePyramid
from engine.metrics.networks.correlation import CorrelationPyramid, pixel_grid

if TYPE_CHECKING:
    from torch import Tensor

CHANNELS = (20, 32, 44, 56)
SKIP = 20
FLOWS = 3
LEVELS, RADIUS = 4, 3
MIDDLE = 0.5
MULTIPLE, SMALLEST_SIDE = 16, 128


class Amt(nn.Module):
    """The frame in the middle between two."""

    def __init__(self) -> None:
        super().__init__()
        first, second, third, fourth = CHANNELS
        self.feat_encoder = FeatureEncoder(84)
        self.encoder = PicturePyramid(CHANNELS)
        self.decoder4 = CoarseDecoder(fourth, third, SKIP)
        self.decoder3 = Decoder(third, second + 4, SKIP)
        self.decoder2 = Decoder(second, first + 4, SKIP)
        self.decoder1 = Decoder(first, 8 * FLOWS, SKIP)
        self.update4 = Refinement(third, shrink=1, levels=LEVELS, radius=RADIUS)
        self.update3 = Refinement(second, shrink=2, levels=LEVELS, radius=RADIUS)
        self.update2 = Refinement(first, shrink=4, levels=LEVELS, radius=RADIUS)
        self.comb_block = nn.Sequential(
            nn.Conv2d(3 * FLOWS, 6 * FLOWS, 3, padding=1), nn.PReLU(6 * FLOWS), nn.Conv2d(6 * FLOWS, 3, 3, padding=1)
        )

    def forward(self, before: Tensor, after: Tensor) -> Tensor:
        """Frames b 3 h w in [0, 1] of two such; sides are multiples of 16."""
        mean = torch.cat([before, after], dim=2).mean(dim=(1, 2, 3), keepdim=True)
        pictures = (before - mean, after - mean)
        pyramids = [self.encoder(picture) for picture in pictures]
        look = self._correlations(*pictures)
        flows, features = self.decoder4(pyramids[0][3], pyramids[1][3], MIDDLE)
        flows, features = self._refined(self.update4, look, flows, features, shrink=1)
        for level, (decoder, update, shrink) in (
            (2, (self.decoder3, self.update3, 2)),
            (1, (self.decoder2, self.update2, 4)),
        ):
            out = decoder(features, pyramids[0][level], pyramids[1][level], flows)
            flows, features = out[:, :4] + 2 * resized(flows, 2), out[:, 4:]
            flows, features = self._refined(update, look, flows, features, shrink=shrink)
        out = self.decoder1(features, pyramids[0][0], pyramids[1][0], flows)
        return self._combined(pictures, mean, 2 * resized(flows, 2), out)

    def _correlations(self, before: Tensor, after: Tensor) -> tuple[CorrelationPyramid, CorrelationPyramid]:
        one, other = self.feat_encoder(torch.cat([before, after])).chunk(2)
        self._grid = pixel_grid(one)
        return (
            CorrelationPyramid(one, other, levels=LEVELS, radius=RADIUS),
            CorrelationPyramid(other, one, levels=LEVELS, radius=RADIUS),
        )

    def _refined(
        self,
        update: nn.Module,
        look: tuple[CorrelationPyramid, CorrelationPyramid],
        flows: Tensor,
        features: Tensor,
        *,
        shrink: int,
    ) -> tuple[Tensor, Tensor]:
        """Flows (middle to before, middle to after) and features, corrected by what the correlations say.

        At constant speed the flow from one frame to the other is that from the middle to it, over its share of time.
        """
        coarse = resized(flows, 1 / shrink) / shrink if shrink > 1 else flows
        near = torch.cat(
            [
                look[0].at(self._grid + coarse[:, 2:] / MIDDLE),
                look[1].at(self._grid + coarse[:, :2] / (1 - MIDDLE)),
            ],
            dim=1,
        )
        more_features, more_flows = update(features, coarse, near)
        return flows + more_flows, features + more_features

    def _combined(self, pictures: tuple[Tensor, Tensor], mean: Tensor, flows: Tensor, out: Tensor) -> Tensor:
        """The mean of `FLOWS` frames, each fetched along a flow of its own, and a correction of them all."""
        batch, _, height, width = out.shape
        backs, forths, masks, rests = out.split([2 * FLOWS, 2 * FLOWS, FLOWS, 3 * FLOWS], dim=1)
        backs, forths = backs + flows[:, :2].repeat(1, FLOWS, 1, 1), forths + flows[:, 2:].repeat(1, FLOWS, 1, 1)
        shares = masks.sigmoid()
        frames = []
        for number in range(FLOWS):
            pair, triple = slice(2 * number, 2 * number + 2), slice(3 * number, 3 * number + 3)
            share = shares[:, number : number + 1]
            mixed = share * fetched(pictures[0], backs[:, pair]) + (1 - share) * fetched(pictures[1], forths[:, pair])
            frames.append(mixed + mean + rests[:, triple])
        stacked = torch.stack(frames, dim=1)
        correction = self.comb_block(stacked.reshape(batch, 3 * FLOWS, height, width))
        return (stacked.mean(dim=1) + correction).clamp(0, 1)


def between(model: Amt, before: Tensor, after: Tensor) -> Tensor:
    """The middle frame of two b 3 h w in [0, 1] of any size: padded to multiples of 16 by repeating their edges.

    Below 128 pixels they are padded to that: at an eighth of it, four halvings must leave two pixels.
    """
    height, width = before.shape[-2:]
    down, across = (max(SMALLEST_SIDE - side, -side % MULTIPLE) for side in (height, width))
    edges = (across // 2, across - across // 2, down // 2, down - down // 2)
    padded = [F.pad(frame, edges, mode="replicate") for frame in (before, after)]
    return model(*padded)[..., edges[2] : edges[2] + height, edges[0] : edges[0] + width]
