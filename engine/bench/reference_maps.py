"""How much adapters look at frame 0 and how much at the frame before, by layer and timestep (MIVA Fig. 6)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from engine.adapters.cross_frame import CrossFrameAttention
from engine.adapters.weights import load_adapter
from engine.bases.catalog import load_base
from engine.progress import SilentProgress
from engine.sampling.sampler import Sampler, SamplerSettings
from engine.shapes import latent_frames
from engine.video.whole_output import whole_file
from registry_schema.errors import Incompatible

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from jaxtyping import Float32

    from engine.progress import Progress
    from engine.requests import AdapterUse


@dataclass(frozen=True, eq=False)
class ReferenceMap:
    """The share of frame 0 in an adapter's two references.

    Attributes:
        adapter: its name.
        learned: whether the weights were trained, rather than fixed.
        sites: of cross-frame attention, in the base's order.
        timesteps: at which the base is asked, noise first.
        first: `sites timesteps`, in [0, 1]; the previous frame has the rest.
    """

    adapter: str
    learned: bool
    sites: tuple[str, ...]
    timesteps: tuple[float, ...]
    first: Float32[np.ndarray, "s t"]

    def plain(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "adapter": self.adapter,
            "learned": self.learned,
            "sites": list(self.sites),
            "timesteps": list(self.timesteps),
            "first": np.round(self.first, 6).tolist(),
        }


def reference_maps(
    base_folder: Path, uses: Sequence[AdapterUse], page: Path | None, *, progress: Progress | None = None
) -> tuple[ReferenceMap, ...]:
    """The map of each adapter, at the timesteps that the base samples with.

    Args:
        base_folder: of the base they stand on.
        uses: the adapters.
        page: is written with a heat map of each; None writes nothing.
        progress: told about each adapter.

    Raises:
        Incompatible: an adapter without cross-frame attention, or for another base.
    """
    base = load_base(base_folder, device=torch.device("cpu"), dtype=torch.float32)
    frames = latent_frames(base.spec.clip.frames, base.spec.latent)
    timesteps = Sampler(base, SamplerSettings.of(base.spec.sampling, frames=frames)).timesteps
    times = torch.cat([base.time_embedding(timestep).reshape(1, -1) for timestep in timesteps])
    maps = []
    with (progress or SilentProgress()).phase("adapters", len(uses)) as phase:
        for use in uses:
            adapter = load_adapter(use.weights, use.spec, base.sites(), dtype=torch.float32)
            parts = {path: part for path, part in adapter.parts.items() if isinstance(part, CrossFrameAttention)}
            if not parts:
                raise Incompatible(f"adapter `{use.label}` has no cross-frame attention, hence no weights to show")
            with torch.no_grad():
                first = torch.stack([part.reference_weights(times)[:, 0] for part in parts.values()])
            learned = next(iter(parts.values())).spec.weighting.kind == "learned"
            maps.append(ReferenceMap(use.label, learned, tuple(parts), tuple(timesteps), first.numpy()))
            phase.advance()
    if page is not None:
        from engine.bench.report.reference_page import reference_page

        with whole_file(page) as fresh:
            fresh.write_text(reference_page(str(base.spec.name), maps), encoding="utf-8")
    return tuple(maps)
