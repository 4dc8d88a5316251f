"""Whether a diffusers model on disk is the part of a published base that it should be; free of torch unless it is not.

The fingerprint, from file headers, decides about shapes; what changes meaning at equal shapes (heads, scaling factor)
is compared in the configurations. Only to name a difference in shapes the model is built, on the meta device.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from engine.bases.base_folder import AUTOENCODER, CONFIG_NAME
from engine.bases.fingerprint import file_shapes
from registry_schema.compatibility import fingerprint
from registry_schema.errors import Incompatible, IntegrityProblem, NotFound
from registry_schema.text import shown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from engine.bases.published_bases import KnownPublication
    from registry_schema.published_base import PublishedPart

Shapes = dict[str, tuple[int, ...]]
_NAMED_AT_MOST: Final = 3
# Older autoencoder files have other words for their attention; diffusers reads both.
_OLD_WORDS: Final = {".query.": ".to_q.", ".key.": ".to_k.", ".value.": ".to_v.", ".proj_attn.": ".to_out.0."}
_CONFIG_BYTES_MAX: Final = 1 << 16


def check_part(folder: Path, part: PublishedPart, publication: KnownPublication, *, weights: Sequence[Path]) -> None:
    """Make sure that a model on disk is this part; reads its configuration and file headers only.

    Args:
        folder: with its configuration.
        part: what it should be.
        publication: of which base.
        weights: its safetensors files.

    Raises:
        NotFound: it has no configuration.
        Incompatible: it is another model; the message names the difference.
        IntegrityProblem: a broken file.
    """
    name = publication.base.facts.name
    expected, found = publication.config(part.part), read_config(folder)
    differences = [
        f"{key} is `{shown(found[key])}`, expected `{shown(value)}`"
        for key, value in expected.items()
        if found.get(key) is not None and found[key] != value
    ]
    if differences:
        _refuse(name, part, differences)
    shapes = file_shapes(weights)
    if part.part == AUTOENCODER:
        shapes = {_usual_name(tensor): shape for tensor, shape in shapes.items()}
    if fingerprint(shapes) != part.architecture:
        _refuse(name, part, shape_differences(_reference_shapes(publication, part), shapes))


def read_config(folder: Path) -> dict[str, Any]:
    """The configuration of a diffusers model.

    Raises:
        NotFound: there is none.
        IntegrityProblem: it is not a JSON object.
    """
    path = folder / CONFIG_NAME
    try:
        content = path.read_bytes()
    except OSError as error:
        raise NotFound(f"cannot read `{path}`: {error.strerror}", hint="give a folder in diffusers' layout") from error
    try:
        config = json.loads(content) if len(content) <= _CONFIG_BYTES_MAX else None
    except (ValueError, RecursionError):
        config = None
    if not isinstance(config, dict):
        msg = f"`{path}` is not the configuration of a diffusers model"
        raise IntegrityProblem(msg, hint="give a folder in diffusers' layout")
    return config


def shape_differences(expected: Mapping[str, tuple[int, ...]], found: Mapping[str, tuple[int, ...]]) -> list[str]:
    """In words, what two models do not share: missing tensors, others, and other shapes."""
    words = []
    if missing := [name for name in expected if name not in found]:
        words.append(f"{len(missing)} of {len(expected)} tensors are missing, such as `{missing[0]}`")
    if extra := sorted(name for name in found if name not in expected):
        words.append(f"{len(extra)} tensors have no place in it, such as `{shown(extra[0], longest=120)}`")
    other = [name for name, shape in expected.items() if name in found and found[name] != shape]
    if other:
        sizes = f"{_size(found[other[0]])}, expected {_size(expected[other[0]])}"
        words.append(f"{len(other)} tensors have another shape, such as `{other[0]}` of {sizes}")
    return words


def _refuse(name: str, part: PublishedPart, differences: list[str]) -> None:
    told = "; ".join(differences[:_NAMED_AT_MOST])
    msg = f"this `{part.part}` is not that of base `{name}`: {told}"
    raise Incompatible(msg, hint=f"`mivactl base fetch {name}` takes it from `{part.repository}`")


def _usual_name(tensor: str) -> str:
    for old, new in _OLD_WORDS.items():
        tensor = tensor.replace(old, new)
    return tensor


def _reference_shapes(publication: KnownPublication, part: PublishedPart) -> Shapes:
    """Names and shapes of the part as it should be; loads torch."""
    import diffusers

    from engine.bases.denoiser import empty_model

    model = getattr(diffusers, publication.config(part.part)["_class_name"])
    empty = empty_model(model, publication.folder / part.part)
    return {name: tuple(tensor.shape) for name, tensor in empty.state_dict().items()}


def _size(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) or "one number"
