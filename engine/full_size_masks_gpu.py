"""What masks cost the paper's bases at full size on a GPU: `python -m engine.full_size_masks_gpu`.

The kinds of steps that a run with masks has are timed with random weights and put together to runs of 50 steps, beside
the paper's own times. Neither reading masks nor decoding the clip is in them. With `--flex` soft
masks go through FlexAttention, compiled for each size of site.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from contextlib import nullcontext
from typing import TYPE_CHECKING, Final

import torch

from engine.adapters.attach import attached
from engine.adapters.composition import Composition
from engine.adapters.region_attention import flexible_kernel
from engine.bases.regions import Regions
from engine.benchmark import random_adapter
from engine.counting.blueprint import blueprint
from engine.counting.masked_count import EVALUATIONS, FORMS
from engine.full_size_gpu import BASES, TIMESTEP, WARM_UP, full_base, timed
from engine.mask_benchmark import STEPS, Kinds
from engine.sampling.mask_decoder import moving_discs, to_cells
from engine.shapes import latent_shape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.bases.denoiser_base import DenoiserBase

PAPER: Final = {"base": 40.04, "plain": 44.50, 8: 54.53, 50: 114.25}
"""Seconds of a clip of 512x320 on AnimateDiff-v3, and with 8 and 50 evaluations of masks; one V100, means of 20.

Source: MIVA (arXiv 2512.20000), its table of times.
"""
SITE_SIZES: Final = 64
"""More than attention layers have sizes, each of which FlexAttention is compiled for."""
KINDS: Final = {"first": (2, False), "evaluation": (2, True), "pictures": (1, True)}
"""Streams of each kind of step, and whether it knows masks."""


class GpuMasks:
    """A base at full size with its clip and masks, to be timed.

    Args:
        base: on the GPU.
        rounds: that count.
    """

    def __init__(self, base: DenoiserBase, rounds: int) -> None:
        self._base, self._rounds = base, rounds
        clip, shape = base.spec.clip, latent_shape(base.spec.clip, base.spec.latent)
        self._noisy = torch.randn(2, shape.channels, shape.frames, shape.height, shape.width, device=base.device)
        discs = moving_discs(clip.frames, clip.height, clip.width)[None]
        self._regions = Regions(to_cells(discs, (shape.frames, shape.height, shape.width))[None].to(base.device))

    @torch.no_grad()
    def seconds(self, *, rows: int = 1, known: bool = False) -> float:
        """Median of a step of so many streams, with what is on the base."""
        regions = self._regions if known else None
        noisy = self._noisy[:rows]
        step = lambda: self._base.predict(noisy, TIMESTEP, streams=rows, regions=regions)  # noqa: E731
        return statistics.median([timed(step, self._base.device) for _ in range(self._rounds + WARM_UP)][WARM_UP:])

    def kinds(self, bare: float, wishes: list[str]) -> Kinds:
        """Medians of all kinds of steps with a masked adapter."""
        adapter = random_adapter(self._base, seed=1, masked=True, wishes=wishes)
        with attached(self._base, Composition.of(adapter), timesteps=(TIMESTEP,)):
            found = {name: self.seconds(rows=rows, known=known) for name, (rows, known) in KINDS.items()}
        return Kinds(base=bare, **found)


def report(base: DenoiserBase, rounds: int, *, flexible: bool = False) -> None:
    """Print the table of one base, line by line; `flexible` takes FlexAttention where masks are soft."""
    masks = GpuMasks(base, rounds)
    bare = masks.seconds()
    with attached(base, Composition.of(random_adapter(base, seed=0)), timesteps=(TIMESTEP,)):
        plain = masks.seconds()
    _row("base", [bare * 1000, None, None], STEPS * bare, 1.0, "base")
    _row("one plain adapter", [plain * 1000, None, None], STEPS * plain, plain / bare, "plain")
    for form, wishes in FORMS.items():
        with flexible_kernel() if flexible else nullcontext():
            kinds = masks.kinds(bare, wishes)
        steps = [1000 * seconds for seconds in (kinds.pictures, kinds.evaluation, kinds.first)]
        for count in EVALUATIONS:
            ratio = kinds.ratio(count)
            _row(f"{count} of {STEPS} predict masks, {form}", steps, STEPS * bare * ratio, ratio, count)


def _row(name: str, steps: Sequence[float | None], run: float, ratio: float, paper: str | int) -> None:
    cells = ["-" if step is None else f"{step:.1f}" for step in steps]
    beside = f"{PAPER[paper] / PAPER['base']:.2f}"
    print(f"| {' | '.join([name, *cells, f'{run:.2f}', f'{ratio:.3f}', beside])} |", flush=True)  # noqa: T201


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bases", nargs="*", default=list(BASES))
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--flex", action="store_true", help="FlexAttention, compiled, where masks are soft")
    options = parser.parse_args()
    if not torch.cuda.is_available():
        sys.exit("this needs a GPU with CUDA; `python -m engine.mask_benchmark` measures `nano` on the processor")
    torch._dynamo.config.recompile_limit = SITE_SIZES
    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}, bfloat16, medians of {options.rounds}")  # noqa: T201
    for name in options.bases:
        base = full_base(blueprint(name))
        clip = base.spec.clip
        print(f"\n{name}, {clip.frames} frames of {clip.width}x{clip.height}\n", flush=True)  # noqa: T201
        print("| run | ms a step | evaluating | first | seconds a run | ratio | the paper's |\n|" + "---|" * 7)  # noqa: T201
        report(base, options.rounds, flexible=options.flex)
        del base
        torch.cuda.empty_cache()


if __name__ == "__main__":
    main()
