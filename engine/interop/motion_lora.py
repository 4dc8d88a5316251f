"""The temporal part of an adapter as a motion LoRA of diffusers, and back; names and configuration are peft's."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from diffusers.loaders.lora_base import LORA_ADAPTER_METADATA_KEY
from diffusers.utils import convert_unet_state_dict_to_peft
from peft import LoraConfig, get_peft_model_state_dict, inject_adapter_in_model, set_peft_model_state_dict
from torch import nn

from engine.adapters.miva import MivaAdapter
from engine.adapters.part import key_prefix
from engine.adapters.tensor_file import read_tensors, require_finite, tensor_file_bytes
from engine.adapters.weights import require_binding, require_same_tensors
from engine.bases.base_folder import read_base_spec
from engine.bases.catalog import base_sites
from engine.interop import animatediff_keys
from engine.interop.checkpoint_import import Imported, read_checkpoint
from engine.interop.key_meaning import Bound, meaning
from registry_schema.adapter_spec import AdapterSpec, TemporalLoraSpec
from registry_schema.errors import Incompatible
from registry_schema.ranks import Ranks
from registry_schema.sampling import SamplingHints

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from torch import Tensor

    from engine.bases.attention_site import AttentionSite

PREFIX = "unet."
_ADAPTER = "motion"
_PROJECTIONS = ("to_q", "to_k", "to_v", "to_out.0")


def motion_lora_bytes(weights: Path, spec: AdapterSpec, base: Path) -> tuple[bytes, int, int]:
    """A file for `load_lora_weights`; its rank and how many tensors it has.

    The scale alpha / rank is in the second factors already, and the configuration says alpha = rank: readers that know
    alpha and those that do not get the same motion.

    Raises:
        Incompatible: the adapter has no temporal part.
        NotFound, IntegrityProblem: its file is missing or broken.
    """
    rank = spec.ranks.temporal_lora
    if spec.temporal_lora is None or rank is None:
        msg = "the adapter has no temporal part, which is all a motion LoRA can hold"
        raise Incompatible(msg, hint="adapters for bases of the AnimateDiff family have one")
    sites = _temporal(base_sites(base))
    require_binding(weights, spec, base_sites(base))
    tensors = read_tensors(weights)
    require_finite(tensors, source=weights.name)
    scale = spec.temporal_lora.alpha / rank
    renamed = {
        theirs: (tensors[ours].float() * scale).to(tensors[ours].dtype) if "lora_B" in ours else tensors[ours]
        for ours, theirs in _names(sites).items()
    }
    config = _plain(_config(sites, rank=rank, alpha=rank))
    model = _skeleton(sites)
    # peft shortens the targets it is given to their last words, which mean more in a whole denoiser
    inject_adapter_in_model(_config(sites, rank=rank, alpha=rank), model, adapter_name=_ADAPTER)
    wanted = get_peft_model_state_dict(model, adapter_name=_ADAPTER)
    require_same_tensors("motion LoRA", _shapes(wanted), _shapes(renamed))
    metadata = {"format": "pt", LORA_ADAPTER_METADATA_KEY: json.dumps(config, indent=2, sort_keys=True)}
    named = {f"{PREFIX}{name}": tensor for name, tensor in renamed.items()}
    return tensor_file_bytes(named, metadata), rank, len(named)


def motion_norm_notes(spec: AdapterSpec) -> tuple[str, ...]:
    """What a motion LoRA can not say about itself, for those who run it; sentences without a final full stop."""
    if spec.motion_norm is None:
        return ()
    norm = f"it was trained with motion_norm `{spec.motion_norm}`, which a motion LoRA can not say"
    return (f'{norm}: call `mivactl.set_motion_norm(pipe, "{spec.motion_norm}")` before `load_lora_weights`',)


def import_motion_lora(file: Path, base: Path, *, motion: str) -> Imported:
    """An adapter with a temporal part alone, from a motion LoRA in the names of diffusers or of AnimateDiff.

    Raises:
        NotFound, IntegrityProblem, ResourceProblem: no such file, or one that can not be read.
        Incompatible: it is no motion LoRA for all temporal sites of this base.
    """
    tensors, step = read_checkpoint(file)
    require_finite(tensors, source=file.name)
    spec, all_sites = read_base_spec(base), base_sites(base)
    sites = _temporal(all_sites)
    if not sites:
        msg = f"a motion LoRA changes temporal attention, which base `{spec.name}` does not have"
        raise Incompatible(msg, hint="choose a base of the AnimateDiff family with `--base`")
    factors, alpha = _factors(file.name, tensors)
    rank = _rank(file.name, factors)
    model = _skeleton(sites)
    inject_adapter_in_model(_config(sites, rank=rank, alpha=rank), model, adapter_name=_ADAPTER)
    require_same_tensors(file.name, _shapes(get_peft_model_state_dict(model, adapter_name=_ADAPTER)), _shapes(factors))
    set_peft_model_state_dict(model, dict(factors), adapter_name=_ADAPTER, low_cpu_mem_usage=True)
    adapter_spec = AdapterSpec(
        base=spec.base_identity,
        masked=False,
        motion=motion,
        ranks=Ranks(temporal_lora=rank),
        temporal_lora=TemporalLoraSpec(alpha=float(rank if alpha is None else alpha)),
        clip=spec.clip,
        noise_schedule=spec.noise_schedule,
        sampling=SamplingHints(),
        motion_norm=spec.motion_norm,
    )
    adapter = MivaAdapter.empty(adapter_spec, all_sites)
    adapter.load_state_dict({ours: factors[theirs] for ours, theirs in _names(sites).items()}, strict=True, assign=True)
    said = "alpha = rank: the file does not say" if alpha is None else f"alpha {alpha:g}, as the file says"
    notes = (f"a motion LoRA of rank {rank}, {said}", "it moves, but does not look at the photo: it has no other part")
    return Imported(adapter.requires_grad_(requires_grad=False).eval(), spec, len(tensors), step, notes)


def _factors(source: str, tensors: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], float | None]:
    """Tensors in peft's names, `<path>.to_q.lora_A.weight`, and the alpha the file gives to all of them."""
    bare = {name.removeprefix(PREFIX): tensor for name, tensor in tensors.items()}
    alphas = {float(bare.pop(name)) for name in list(bare) if name.endswith(".alpha") and bare[name].numel() == 1}
    if len(alphas) > 1:
        msg = f"{source}: its layers have {len(alphas)} different alphas, expected one"
        raise Incompatible(msg)
    if any(".temporal_transformer." in name for name in bare):
        bare = {_modern(source, name): tensor for name, tensor in bare.items()}
    else:
        bare = convert_unet_state_dict_to_peft(bare)
    return bare, next(iter(alphas), None)


def _modern(source: str, name: str) -> str:
    """One of AnimateDiff's own names in peft's: `attention_blocks.1.processor.to_q_lora.up` is `attn2.to_q.lora_B`."""
    meant = meaning(name, animatediff_keys.RULES)
    if not isinstance(meant, Bound) or ".tsa." not in meant.name:
        msg = f"{source}: tensor `{name[:120]}` is no part of a motion LoRA"
        raise Incompatible(msg, hint="leave out `--motion-lora` for a MIVA checkpoint")
    return meant.name.removeprefix("miva.").replace(".tsa.", ".")


def _rank(source: str, factors: Mapping[str, Tensor]) -> int:
    first = next((tensor for name, tensor in factors.items() if name.endswith(".lora_A.weight")), None)
    if first is None or first.dim() != 2:
        msg = f"{source}: has no low-rank updates, expected a motion LoRA"
        raise Incompatible(msg, hint="leave out `--motion-lora` for a MIVA checkpoint")
    return int(first.shape[0])


def _temporal(sites: Sequence[AttentionSite]) -> tuple[AttentionSite, ...]:
    return tuple(site for site in sites if site.kind == "temporal")


def _names(sites: Sequence[AttentionSite]) -> dict[str, str]:
    """Our names to peft's, for every factor at every temporal site."""
    tails = [f"{projection}.lora_{side}.weight" for projection in _PROJECTIONS for side in "AB"]
    return {f"{key_prefix(site)}.{tail}": f"{site.path}.{tail}" for site in sites for tail in tails}


def _config(sites: Sequence[AttentionSite], *, rank: int, alpha: int) -> LoraConfig:
    targets = [f"{site.path}.{projection}" for site in sites for projection in _PROJECTIONS]
    return LoraConfig(r=rank, lora_alpha=alpha, target_modules=targets)


def _skeleton(sites: Sequence[AttentionSite]) -> nn.Module:
    """The temporal projections alone, at their paths, without numbers: what peft needs to see of a denoiser."""
    root = nn.Module()
    for site in sites:
        for projection in _PROJECTIONS:
            *branches, leaf = f"{site.path}.{projection}".split(".")
            here = root
            for branch in branches:
                if branch not in dict(here.named_children()):
                    here.add_module(branch, nn.Module())
                here = here.get_submodule(branch)
            here.add_module(leaf, nn.Linear(site.width, site.width, device="meta"))
    return root


def _plain(config: LoraConfig) -> dict[str, object]:
    """The configuration as diffusers stores it: everything under the prefix of the model."""
    document = {name: sorted(value) if isinstance(value, set) else value for name, value in config.to_dict().items()}
    return {f"{PREFIX}{name}": value for name, value in document.items()}


def _shapes(tensors: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in tensors.items()}
