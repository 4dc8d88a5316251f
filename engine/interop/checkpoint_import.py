"""An authors' checkpoint as an adapter of our own: read safely, bound completely, with all that was assumed."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from engine.adapters.miva import MivaAdapter
from engine.adapters.tensor_file import read_tensor_header, read_tensors, require_finite
from engine.adapters.weights import require_same_tensors
from engine.bases.base_folder import read_base_spec
from engine.bases.catalog import base_sites
from engine.interop import animatediff_keys, wan_keys
from engine.interop.base_tensors import BaseTensors
from engine.interop.checkpoint_spec import checkpoint_spec
from engine.interop.recognition import require_checkpoint
from engine.interop.sandbox import convert_pickle
from engine.interop.translation import translate
from registry_schema.errors import Incompatible

if TYPE_CHECKING:
    from torch import Tensor

    from engine.bases.attention_site import AttentionSite
    from engine.interop.translation import Translation
    from engine.requests import ImportChoices
    from registry_schema.base_spec import BaseFamily, BaseSpec

_RULES = {"unet_motion": animatediff_keys.RULES, "wan": wan_keys.RULES}
_SAFETENSORS_SUFFIX = ".safetensors"


@dataclass(frozen=True)
class Imported:
    """An adapter from elsewhere.

    Attributes:
        adapter: with its spec, on the CPU.
        base: it stands on.
        tensors: in the file, before translation.
        step: of the training, if the file says it.
        notes: what was assumed, left out or looks odd; sentences without a final full stop.
    """

    adapter: MivaAdapter
    base: BaseSpec
    tensors: int
    step: int | None
    notes: tuple[str, ...]


def import_checkpoint(file: Path, base: Path, choices: ImportChoices) -> Imported:
    """The adapter in a checkpoint of the authors' training scripts.

    Every tensor of the file is bound, compared with the base, or known to be unused; nothing else passes.

    Args:
        file: safetensors, or a pickle that is read in a sandbox.
        base: the folder of the base it was trained on.
        choices: what the file does not say.

    Raises:
        NotFound, IntegrityProblem, ResourceProblem: no such file, or one that can not be read.
        Incompatible: it is no whole MIVA checkpoint for this base.
    """
    tensors, step = read_checkpoint(file)
    spec = read_base_spec(base)
    require_checkpoint(file.name, tensors, spec.family)
    require_finite(tensors, source=file.name)
    alpha = _lora_alpha(spec.family, choices)
    translation = translate(file.name, tensors, _RULES[spec.family], BaseTensors(base), lora_alpha=alpha)
    sites = base_sites(base)
    if spec.family == "unet_motion":
        _complete_queries(translation, sites, BaseTensors(base))
    else:
        _without_gains(file.name, translation, sites, BaseTensors(base))
    adapter_spec, assumed = checkpoint_spec(file.name, translation.tensors, spec, choices)
    adapter = MivaAdapter.empty(adapter_spec, sites)
    expected = {name: tuple(tensor.shape) for name, tensor in adapter.state_dict().items()}
    require_same_tensors(file.name, expected, {name: tuple(one.shape) for name, one in translation.tensors.items()})
    adapter.load_state_dict(translation.tensors, strict=True, assign=True)
    notes = (*translation.notes, *_compared(translation), *_untrained(translation.tensors), *assumed)
    return Imported(adapter.requires_grad_(requires_grad=False).eval(), spec, len(tensors), step, notes)


def read_checkpoint(file: Path) -> tuple[dict[str, Tensor], int | None]:
    """All tensors of a file, and the training step if it says one.

    Raises:
        NotFound, IntegrityProblem, ResourceProblem: no such file, or one that can not be read.
    """
    if file.suffix == _SAFETENSORS_SUFFIX:
        read_tensor_header(file)
        return read_tensors(file), None
    with tempfile.TemporaryDirectory(prefix="mivactl-import-") as folder:
        converted = Path(folder) / f"{file.stem}{_SAFETENSORS_SUFFIX}"
        step = convert_pickle(file, converted)
        read_tensor_header(converted)
        return {name: tensor.clone() for name, tensor in read_tensors(converted).items()}, step


def _lora_alpha(family: BaseFamily, choices: ImportChoices) -> float | None:
    """The authors' AnimateDiff has alpha 1; what peft was given on Wan is not published: alpha = rank."""
    return choices.lora_alpha if choices.lora_alpha is not None else (1.0 if family == "unet_motion" else None)


def _complete_queries(translation: Translation, sites: tuple[AttentionSite, ...], base: BaseTensors) -> None:
    """Fill in the query where only the output was trained, as the authors' loader does."""
    names = {f"miva.{site.path.rpartition('.')[0]}.cfa": site.path for site in sites if site.kind == "self"}
    missing = [part for part in names if f"{part}.q.weight" not in translation.tensors]
    if len(missing) != len(names):
        return  # all are there, or some: then the strict check names them
    for part, path in names.items():
        translation.tensors[f"{part}.q.weight"] = base.read(f"{path}.to_q.weight")
    translation.notes.append("the file has no queries (`to_q`): the base's were filled in, as the authors' loader does")


def _without_gains(source: str, translation: Translation, sites: tuple[AttentionSite, ...], base: BaseTensors) -> None:
    """Take the base's query gains out of background prompts, before which the authors' code has none on Wan.

    Ours, like any prompt, sees the query with its gain: what it multiplies by is divided by that once.
    """
    done = 0
    for site in sites:
        name = f"mmiva.{site.path.rpartition('.')[0]}.ca_bg.down.weight"
        if site.kind != "cross" or name not in translation.tensors:
            continue
        gain = base.read(f"{site.path}.norm_q.weight").float()
        if bool((gain == 0).any()):
            msg = f"{source}: the base's query gain at `{site.path}` has zeros, which no prompt can take back"
            raise Incompatible(msg)
        translation.tensors[name] = translation.tensors[name].float() / gain
        done += 1
    if done:
        translation.notes.append(f"{done} prompts of the background were made for queries with the base's gain")


def _compared(translation: Translation) -> list[str]:
    if not translation.copies:
        return []
    return [f"{translation.copies} frozen tensors were compared with the base and are equal"]


def _untrained(tensors: dict[str, Tensor]) -> list[str]:
    """Outputs that are zero everywhere: the part does nothing."""
    groups = {
        "cross-frame attention": (".cfa.o.weight", ".cfa.o.lora_B.weight"),
        "implicit prompt": (".ca.up.weight",),
        "temporal attention": (".lora_B.weight",),
    }
    notes = []
    for part, tails in groups.items():
        mine = [
            tensor
            for name, tensor in tensors.items()
            if name.endswith(tails) and (".tsa." in name) == (part == "temporal attention")
        ]
        if mine and not any(bool(torch.any(tensor)) for tensor in mine):
            notes.append(f"every output of the {part} is zero: this part looks untrained")
    return notes
