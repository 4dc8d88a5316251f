"""Device, number format and seeds, chosen in one place."""

from __future__ import annotations

import hashlib

import torch

ALIGNMENT_BYTES = 64  # as torch allocates


def choose_device() -> torch.device:
    """The accelerator of this machine if it has one, else the processor."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


def choose_dtype(device: torch.device) -> torch.dtype:
    """The fastest number format that `device` computes with itself and that is wide enough for a denoiser."""
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    if device.type == "cpu":
        return torch.bfloat16 if cpu_computes_bfloat16() else torch.float32
    return torch.float32


def cpu_computes_bfloat16() -> bool:
    """Whether this processor multiplies bfloat16 itself; elsewhere emulation is slower than float32."""
    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16") or capabilities.get("sve_bf16"))


def aligned(tensor: torch.Tensor) -> torch.Tensor:
    """`tensor` at an address that all kernels like; tensors read from files may lie anywhere.

    Kernels choose their way by alignment, so the last bits of a result depend on it.
    """
    on_cpu = tensor.device.type == "cpu"
    return tensor.clone() if on_cpu and tensor.data_ptr() % ALIGNMENT_BYTES else tensor


def mixed_seed(*parts: int | str) -> int:
    """One seed out of several numbers or words: a pure function, the same on every machine.

    Noise of training step 7 of clip 3 comes from `mixed_seed(seed, "noise", 7, 3)`: nothing has to be replayed.
    """
    text = "/".join(f"{type(part).__name__}:{part}" for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def draw_noise(shape: tuple[int, ...], *, seed: int) -> torch.Tensor:
    """Standard normal noise, float32, drawn on the CPU for every device: a pure function of shape and seed."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))
