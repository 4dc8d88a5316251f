"""Sampled latents kept on disk until their clip is written: a decoding that fails costs no second sampling."""

from __future__ import annotations

import json
import shlex
from contextlib import contextmanager
from typing import TYPE_CHECKING

from engine.adapters.tensor_file import read_tensor_header, read_tensors, require_finite, tensor_file_bytes
from engine.animation.generation import Sampled
from engine.bases.regions import Regions
from engine.sampling.sampler import Step
from engine.video.whole_output import whole_file
from registry_schema.digests import Digest
from registry_schema.errors import Incompatible, IntegrityProblem, Interrupted, MivaError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from torch import Tensor

    from engine.animation.photo_masks import PhotoMask
    from engine.animation.studio import Studio
    from engine.progress import Progress
    from engine.video.photo import Photo
    from registry_schema.receipt import RunSettings

LATENTS, NOISY, CLEAN, MASKS, REGIONS = "latents", "noisy", "clean", "masks", "regions"
ELSEWHERE = {"fps", "loop", "device", "dtype", "memory"}
"""Settings that the plan leaves open: they shape the file, or say where it is computed."""


def plan_digest(studio: Studio, photo: Photo, settings: RunSettings, masks: Sequence[PhotoMask] = ()) -> Digest:
    """Of everything that decides the latents, wherever they are sampled."""
    plan: dict[str, object] = {
        "photo": photo.pixel_digest,
        "adapters": [use.record.plain() for use in studio.uses],
        "base": studio.base.spec.base_identity.plain(),
        "settings": {name: value for name, value in settings.plain().items() if name not in ELSEWHERE},
    }
    if masks:
        plan["masks"] = [str(mask.record.digest) for mask in masks]
    return Digest.of(json.dumps(plan, sort_keys=True).encode())


def latents_place(folder: Path, plan: Digest) -> Path:
    """Where the latents of a plan lie while they are needed."""
    return folder / f"{plan.hex[:16]}.safetensors"


def keep_latents(path: Path, sampled: Sampled, plan: Digest, progress: Progress) -> None:
    """Keep latents as a whole file or, on a disk that does not let us, say so and go on without."""
    try:
        _write(path, sampled, plan)
    except MivaError as error:
        path.unlink(missing_ok=True)
        progress.note(f"what was sampled could not be kept: {error.message}")


def _write(path: Path, sampled: Sampled, plan: Digest) -> None:
    tensors = {LATENTS: sampled.latents} | ({} if sampled.masks is None else {MASKS: sampled.masks})
    metadata = {"plan": str(plan)}
    if sampled.middle is not None:
        tensors |= {NOISY: sampled.middle.noisy, CLEAN: sampled.middle.clean}
        if sampled.middle.regions is not None:
            tensors[REGIONS] = sampled.middle.regions.confidence
        metadata |= {"index": str(sampled.middle.index), "timestep": repr(sampled.middle.timestep)}
    with whole_file(path) as draft:
        draft.write_bytes(tensor_file_bytes({name: tensor.cpu() for name, tensor in tensors.items()}, metadata))


def read_latents(path: Path, plan: Digest, studio: Studio) -> Sampled:
    """The latents in a file, on the base's device.

    Raises:
        NotFound: there is no such file.
        IntegrityProblem: it is broken, or no file of latents.
        Incompatible: they are of another plan.
    """
    metadata = read_tensor_header(path).metadata
    tensors = {name: tensor.to(studio.base.device) for name, tensor in read_tensors(path).items()}
    found = metadata.get("plan")
    if found is None or LATENTS not in tensors:
        raise IntegrityProblem(f"`{path}` holds no latents of a run", hint="pass the file that the error named")
    if found != plan:
        raise Incompatible(
            f"the latents in `{path.name}` are of another plan: `{found[:19]}...`, this one is `{plan[:19]}...`",
            hint="give the photo, adapters and options of the run that was broken off, or leave out `--from-latents`",
        )
    require_finite(tensors, source=path.name)
    return Sampled(tensors[LATENTS], _middle(path, tensors, metadata), tensors.get(MASKS))


@contextmanager
def kept_until_written(path: Path | None, command: str) -> Iterator[None]:
    """While the block makes a clip of kept latents: they go when it ends well, and its error names them when not.

    Args:
        path: where they lie; None if they were not kept.
        command: that asked for the clip; empty where there is none to repeat.
    """
    if path is None or not path.exists():
        yield
        return
    try:
        yield
    except KeyboardInterrupt as stop:
        raise Interrupted("stopped before the clip was written", hint=_way_on(path, command)) from stop
    except MivaError as error:
        error.hint = "; ".join(filter(None, (error.hint, _way_on(path, command))))
        raise
    path.unlink(missing_ok=True)


def tell_of_earlier(path: Path | None, progress: Progress) -> None:
    """Say that an earlier run of the same plan, killed perhaps, came as far as its latents."""
    if path is not None and path.exists():
        progress.note(f"an earlier run sampled this already: `--from-latents {path}` only decodes")


def _way_on(path: Path, command: str) -> str:
    if not command:
        return f"what was sampled is kept: run it for this photo alone with `--from-latents {path}`"
    again = command if "--from-latents" in command else f"{command} --from-latents {shlex.quote(str(path))}"
    return f"what was sampled is kept: `{again}`"


def _middle(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> Step | None:
    if NOISY not in tensors or CLEAN not in tensors:
        return None
    try:
        index, timestep = int(metadata["index"]), float(metadata["timestep"])
    except (KeyError, ValueError) as error:
        raise IntegrityProblem(f"`{path}` does not say which step it holds", hint="sample again") from error
    regions = Regions(tensors[REGIONS]) if REGIONS in tensors else None
    return Step(index=index, timestep=timestep, noisy=tensors[NOISY], clean=tensors[CLEAN], regions=regions)
