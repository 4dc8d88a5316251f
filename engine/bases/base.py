"""The protocols of a base model and of what adapters stand on. They know nothing of adapters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from engine.bases.compiling import BACKEND

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    import torch
    from torch import Tensor

    from engine.bases.attention_site import AttentionSite
    from engine.bases.call import CurrentCall
    from engine.bases.diffusers_types import DenoiserModel
    from engine.bases.memory_set import MemorySet
    from engine.bases.regions import Regions
    from registry_schema.base_spec import BaseSpec


class Host(Protocol):
    """A denoiser that tells its attention sites, and what they should know of the forward pass they run in."""

    denoiser: DenoiserModel
    calls: CurrentCall

    def sites(self) -> tuple[AttentionSite, ...]:
        """All attention layers adapters can stand on, in the denoiser's own order."""


class Base(Host, Protocol):
    """A frozen video denoiser with its autoencoder; parameters want no gradient, modules are in eval mode.

    What the denoiser is conditioned on besides the timestep (an empty text, a null row) is the base's own affair.
    """

    spec: BaseSpec
    memory: MemorySet

    @property
    def device(self) -> torch.device:
        """Where the denoiser lies."""

    @property
    def dtype(self) -> torch.dtype:
        """What the denoiser computes in."""

    def encode(self, pixels: Tensor) -> Tensor:
        """Latents (b c f' h' w'), float32, scaled for the denoiser, of pixels (b 3 f h w) in [-1, 1]."""

    def decode(self, latents: Tensor) -> Tensor:
        """Pixels (b 3 f h w), float32 and not clamped, of latents (b c f' h' w')."""

    def origin(self, latents: Tensor) -> Tensor | None:
        """Where each pixel came from in frame 0, in pixels right and down of it (b 2 f h w), if latents say so."""

    def time_embedding(self, timestep: float) -> Tensor:
        """What the denoiser makes of a timestep, counted in training steps: 1 x time width."""

    def predict(
        self, noisy: Tensor, timestep: Tensor | float, *, streams: int = 1, regions: Regions | None = None
    ) -> Tensor:
        """The denoiser's output (noise, velocity or flow: see `spec.noise_schedule`), in the format of `noisy`.

        Gradients flow through it into whatever is attached.

        Args:
            noisy: (b * streams) c f h w latents.
            timestep: (b * streams) numbers, or one for all, counted in training steps; 0 is clean.
            streams: see `Call`.
            regions: where the subjects of masked adapters are; their attention then keeps to them.
        """

    def release_autoencoder(self) -> None:
        """Let go of the autoencoder's weights, if it has any; the next coding reads them again."""

    def compile(self, *, backend: str = BACKEND) -> None:
        """Compile what the denoiser repeats, when it is first called; raises `NotFound` where no compiler is."""

    def uncompiled(self) -> AbstractContextManager[object]:
        """Compute as if nothing were compiled, while the block runs: for a pass too rare to be worth its own code."""

    def set_checkpointing(self, *, enabled: bool) -> None:
        """Trade time for memory in training: activations are computed again in the backward pass."""
