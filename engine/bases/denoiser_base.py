"""What bases of all families share: the frozen denoiser, the current call, the autoencoder."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import nullcontext
from functools import cached_property
from typing import TYPE_CHECKING

import torch

from engine.bases.autoencoder_on_demand import AutoencoderOnDemand
from engine.bases.call import Call, CurrentCall
from engine.bases.checkpointing import set_checkpointing
from engine.bases.compiling import BACKEND, compile_blocks, require_compiler
from engine.bases.memory_saving import keep_little
from engine.bases.memory_set import WHOLE

if TYPE_CHECKING:
    from collections.abc import Iterable
    from contextlib import AbstractContextManager

    from torch import Tensor, nn

    from engine.bases.attention_site import AttentionSite
    from engine.bases.autoencoder import ClipAutoencoder
    from engine.bases.diffusers_types import DenoiserModel
    from engine.bases.memory_set import MemorySet
    from engine.bases.regions import Regions
    from registry_schema.base_spec import BaseSpec


class DenoiserBase(ABC):
    """A `Base` around a diffusers model.

    Args:
        spec: what the base is.
        denoiser: a diffusers video model.
        autoencoder: codes clips; latents come out scaled.
        condition: 1 n d, the embedding that stands for "no words".
    """

    def __init__(
        self, spec: BaseSpec, denoiser: DenoiserModel, *, autoencoder: ClipAutoencoder, condition: Tensor
    ) -> None:
        self.spec = spec
        self.denoiser = denoiser.requires_grad_(requires_grad=False).eval()
        self.autoencoder = autoencoder
        self.calls = CurrentCall()
        self.memory = WHOLE
        self._is_compiled = False
        self._condition = condition.to(self.device, self.dtype)
        self._time_module().register_forward_hook(self._note_time)

    @property
    def device(self) -> torch.device:
        """Where the denoiser computes."""
        device: torch.device = self.denoiser.device
        return device

    @property
    def dtype(self) -> torch.dtype:
        """What the denoiser computes in."""
        return self.denoiser.dtype

    def sites(self) -> tuple[AttentionSite, ...]:
        """All attention layers adapters can stand on."""
        return self._sites

    def encode(self, pixels: Tensor) -> Tensor:
        """Latents of a clip."""
        with torch.no_grad():
            latents = self.autoencoder.encode(pixels.to(self.device, torch.float32)).float()
        self._coded()
        return latents

    def decode(self, latents: Tensor) -> Tensor:
        """Pixels of a clip."""
        with torch.no_grad():
            pixels = self.autoencoder.decode(latents.to(self.device, torch.float32)).float()
        self._coded()
        return pixels

    def origin(self, latents: Tensor) -> Tensor | None:
        """Where each pixel came from in frame 0; see `Base.origin`."""
        with torch.no_grad():
            return self.autoencoder.origin(latents.to(self.device, torch.float32))

    @torch.no_grad()
    def time_embedding(self, timestep: float) -> Tensor:
        """What the denoiser makes of a timestep; see `Base.time_embedding`."""
        return self._embed_time(torch.tensor([timestep], device=self.device))

    def predict(
        self, noisy: Tensor, timestep: Tensor | float, *, streams: int = 1, regions: Regions | None = None
    ) -> Tensor:
        """The denoiser's output; see `Base.predict`."""
        samples, _, frames, height, width = noisy.shape
        common = timestep if isinstance(timestep, float) else None
        rows = torch.full((samples,), timestep) if isinstance(timestep, float) else timestep
        call = Call(samples // streams, streams, frames, height=height, width=width, timestep=common, regions=regions)
        with self.calls.during(call):
            output = self._denoise(noisy.to(self.device, self.dtype), rows.to(self.device))
        return output.to(noisy.dtype)

    def release_autoencoder(self) -> None:
        """Let go of the autoencoder's weights; see `Base.release_autoencoder`."""
        if isinstance(self.autoencoder, AutoencoderOnDemand):
            self.autoencoder.release()

    def save_memory(self, memory: MemorySet, device: torch.device) -> None:
        """Compute on `device` in the manner of `memory`. Once, on a base that lies in main memory.

        The denoiser's hooks are those of diffusers: they act when a layer is called.
        """
        self.memory = memory
        if isinstance(self.autoencoder, AutoencoderOnDemand):
            self.autoencoder = AutoencoderOnDemand(self.autoencoder.load, memory)
        keep_little(self.denoiser, memory, device)
        self._condition = self._condition.to(device)

    def set_checkpointing(self, *, enabled: bool) -> None:
        """Trade time for memory in training."""
        set_checkpointing(self._checkpointed_modules(), self.calls, enabled=enabled)

    def compile(self, *, backend: str = BACKEND) -> None:
        """Compile what the denoiser repeats, when it is first called; see `engine.bases.compiling`.

        Raises:
            NotFound, UsageProblem: there is no compiler, or the memory set does not go with one.
        """
        if backend == BACKEND:
            require_compiler(self.device, self.memory)
        for site in self.sites():
            if site.stream is not None:
                site.stream.stay()
        compile_blocks(self._repeated_blocks(), backend=backend)
        self._is_compiled = True

    def uncompiled(self) -> AbstractContextManager[object]:
        """Compute as if nothing were compiled, while the block runs; see `Base.uncompiled`."""
        return torch.compiler.set_stance("force_eager") if self._is_compiled else nullcontext()

    def _coded(self) -> None:
        if self.memory.autoencoder_leaves:
            self.release_autoencoder()

    @cached_property
    def _sites(self) -> tuple[AttentionSite, ...]:
        return self._find_sites()

    def _note_time(self, _module: nn.Module, _args: object, output: Tensor | tuple[Tensor, ...]) -> None:
        self.calls.note_time_embedding(output[0] if isinstance(output, tuple) else output)

    @abstractmethod
    def _denoise(self, noisy: Tensor, timestep: Tensor) -> Tensor:
        """One forward pass of the denoiser."""

    @abstractmethod
    def _time_module(self) -> nn.Module:
        """The module whose (first) output is the time embedding, once per sample."""

    @abstractmethod
    def _embed_time(self, timestep: Tensor) -> Tensor:
        """The time embedding of timesteps, as a forward pass makes it."""

    @abstractmethod
    def _find_sites(self) -> tuple[AttentionSite, ...]:
        """Attention sites of the denoiser."""

    @abstractmethod
    def _repeated_blocks(self) -> Iterable[nn.Module]:
        """What compilation compiles."""

    @abstractmethod
    def _checkpointed_modules(self) -> Iterable[nn.Module]:
        """What gradient checkpointing computes again."""
