"""A denoiser made to keep less on its device, by diffusers' own hooks; what a run of a base needs, and its set."""

from __future__ import annotations

import math
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from torch.utils.checkpoint import set_checkpoint_early_stop

from engine.bases.base_folder import AUTOENCODER, parameter_count
from engine.bases.fingerprint import folder_shapes
from engine.bases.memory_set import SETS, WHOLE, Card, MemoryNeeds, choose_set

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from engine.bases.attention_site import AttentionSite
    from engine.bases.diffusers_types import DenoiserModel
    from engine.bases.memory_set import MemorySet
    from engine.progress import Progress
    from registry_schema.base_spec import LatentScale
    from registry_schema.clip_shape import ClipShape

EIGHT_BITS = torch.float8_e4m3fn
WIDEST = 40
"""Tensors as wide as the widest attention site that are alive at once: a feed-forward layer's, and skip connections."""
OF_AN_ADAPTER = 6
"""The same for each adapter: queries, two references, update."""
CODING_PIXEL_BYTES = 2048
"""Four layers of 128 channels in float32 at full size, as in the decoders of Stable Diffusion and Wan."""
PICTURE_TILE, CLIP_TILE = 512, 256
"""Sides of a tile in pixels: `AutoencoderKL` trained at 512, `AutoencoderKLWan`."""


def keep_little(denoiser: DenoiserModel, memory: MemorySet, device: torch.device) -> None:
    """Let a denoiser that lies in main memory compute on `device`, with as little of it there as `memory` says.

    Layers are widened or fetched when they are called, the frozen layers that adapters share among them.
    """
    if memory.eight_bit:
        denoiser.enable_layerwise_casting(storage_dtype=EIGHT_BITS, compute_dtype=denoiser.dtype)
    if memory.offload:
        # the next layer comes while one computes; only CUDA can do both at once
        denoiser.enable_group_offload(
            onload_device=device, offload_type="leaf_level", use_stream=device.type == "cuda", non_blocking=True
        )
    else:
        denoiser.to(device)


@contextmanager
def lasting_widened_weights(memory: MemorySet) -> Iterator[None]:
    """Let layers in 8 bits be trained through, while the block runs.

    diffusers widens a layer's parameters in place and narrows them after the forward pass; the backward pass, which
    has kept the parameters, would then compute with 8 bits. Here widening makes new parameters, which autograd keeps.
    What is computed again in the backward pass is computed to its end, so that its last layer is narrowed too.
    """
    before = torch.__future__.get_overwrite_module_params_on_conversion()
    torch.__future__.set_overwrite_module_params_on_conversion(memory.eight_bit or before)
    try:
        with set_checkpoint_early_stop(not memory.eight_bit):
            yield
    finally:
        torch.__future__.set_overwrite_module_params_on_conversion(before)


def set_for(
    wish: str,
    device: torch.device,
    needs: Callable[[], MemoryNeeds],
    *,
    progress: Progress,
    sets: Sequence[MemorySet] = SETS,
) -> MemorySet:
    """The set for a run on `device`, and a word about it where a person should know.

    Args:
        wish: see `choose_set`.
        device: what computes.
        needs: what the run needs; asked for graphics cards only.
        progress: told about the set.
        sets: see `choose_set`.

    Raises:
        UsageProblem: such a wish can not be met.
    """
    card = Card(torch.cuda.mem_get_info(device)[0], needs()) if device.type == "cuda" else None
    memory = choose_set(wish, card, sets=sets)
    if card is None and wish.isdecimal():
        progress.note(f"`--vram` has nothing to do: device `{device.type}` has no memory of its own")
    elif memory != WHOLE:
        progress.note(f"to do with less memory: {memory.words}")
    return memory


def memory_needs(
    folder: Path,
    sites: Sequence[AttentionSite],
    clip: ClipShape,
    scale: LatentScale,
    *,
    dtype: torch.dtype,
    adapters: int,
) -> MemoryNeeds:
    """What a run of a base needs; from headers and shapes, nothing is loaded.

    Args:
        folder: of the base.
        sites: attention sites.
        clip: what is made.
        scale: from pixels to latents.
        dtype: what the denoiser computes in.
        adapters: how many run together.
    """
    pictures = scale.temporal == 1
    return MemoryNeeds(
        denoiser=parameter_count(folder) * dtype.itemsize,
        denoising=widest_numbers(sites, clip, scale) * dtype.itemsize * (WIDEST + OF_AN_ADAPTER * adapters),
        autoencoder=_autoencoder_numbers(folder / AUTOENCODER) * torch.float32.itemsize,
        pixel_bytes=CODING_PIXEL_BYTES,
        frame_pixels=clip.height * clip.width,
        tile_pixels=(PICTURE_TILE if pictures else CLIP_TILE) ** 2,
        frames_least=1 if pictures else 2 * scale.temporal,
    )


def widest_numbers(sites: Sequence[AttentionSite], clip: ClipShape, scale: LatentScale) -> int:
    """How many numbers the hidden states of a clip have at the widest attention site."""
    cells = (clip.height // scale.spatial) * (clip.width // scale.spatial) * -(-clip.frames // scale.temporal)
    return max(site.width * cells // site.down_scale**2 for site in sites)


def _autoencoder_numbers(folder: Path) -> int:
    """How many numbers its files hold; 0 where it has none to learn."""
    stored = any(folder.glob("*.safetensors"))
    return sum(math.prod(shape) for shape in folder_shapes(folder).values()) if stored else 0
