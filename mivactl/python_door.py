"""mivactl from Python: `animate`, and adapters on a diffusers pipeline. It prints nothing."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from mivactl.engine_bridge import RunChoices, SilentProgress, unload_from_pipeline, weigh_in_pipeline
from mivactl.engine_bridge import photo_start as started_with_photo
from mivactl.engine_bridge import set_motion_norm as normalise_by
from mivactl.operations.composition import Wanted
from mivactl.operations.pipelines import load_adapter_into
from mivactl.operations.render import render_one
from mivactl.session import Session
from mivactl.settings import load_settings
from registry_schema.errors import MivaError
from registry_schema.ref import AdapterRef

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from mivactl.engine_bridge import AnimateResult
    from mivactl.operations.render import RenderedPhoto


class Animation:
    """An animated photo, in memory.

    Attributes:
        notes: which base ran and why, and what a person should know; sentences without a final full stop.
    """

    def __init__(self, photo: RenderedPhoto) -> None:
        self._photo = photo
        self.notes = photo.notes

    @property
    def frames(self) -> NDArray[np.uint8]:
        """The clip as frames x height x width x 3, sRGB, 0 to 255; frame 0 is the photo."""
        return self._photo.rendered.frames()

    def save(self, path: str | Path, *, force: bool = False) -> AnimateResult:
        """Write the clip with its receipt: `.mp4`, `.webm`, `.gif`, `.webp`, `.apng`, or a folder of PNG frames.

        Args:
            path: a clip of mivactl's own is replaced.
            force: replace any other file too.
        """
        with hints_told():
            return self._photo.write(Path(path), force=force, progress=SilentProgress())


def animate(  # noqa: PLR0913 - one parameter for each choice, like the command's options
    photo: str | Path,
    use: str | Iterable[str] | Mapping[str, float],
    *,
    base: str | None = None,
    seed: int | None = None,
    steps: int | None = None,
    frames: int | None = None,
    fps: float | None = None,
    size: str | None = None,
    yes: bool = False,
) -> Animation:
    """A photo that moves.

    Args:
        photo: a file.
        use: adapters as on the command line, `"waterfall"` or `["waterfall:0.5", "clouds:0.5"]`, or names with weights.
        base: a base's name or folder; the best for these adapters if left out.
        seed: another seed gives another clip; 42 if left out.
        steps: of sampling; the base's own if left out.
        frames: of the clip; the base's own if left out.
        fps: frames per second; the base's own if left out.
        size: `photo`, `base` or `WIDTHxHEIGHT`, as `mivactl animate --size`.
        yes: whether adapters from other registries than the starter may be installed.

    Raises:
        MivaError: `message` says what is wrong, `hint` the way out.
    """
    given: dict[str, Any] = {"seed": seed, "steps": steps, "frames": frames, "fps": fps, "size": size}
    with hints_told():
        choices = RunChoices(**{name: value for name, value in given.items() if value is not None})
        wanted = Wanted(refs=_references(use), base=base, yes=yes)
        return Animation(render_one(Path(photo), wanted, choices, _session(), progress=SilentProgress()))


def load_miva(
    pipe: Any,  # noqa: ANN401 - a pipeline of diffusers, which has no types
    adapter: str | Path,
    *,
    weight: float | None = None,
    yes: bool = False,
) -> str:
    """Put one more adapter on a diffusers `AnimateDiffPipeline` or `WanPipeline`; the name it is weighed by.

    Adapters without a weight share equally what the others leave of 1.

    Args:
        pipe: the pipeline; only its denoiser's attention is changed, and only until `unload_miva`.
        adapter: a reference as on the command line, or the folder of a draft.
        weight: of the adapter.
        yes: whether it may be installed from another registry than the starter.

    Raises:
        MivaError: `message` says what is wrong, `hint` the way out.
    """
    with hints_told():
        return load_adapter_into(pipe, adapter, _session(), weight=weight, yes=yes)


def set_adapters(pipe: Any, weights: Mapping[str, float]) -> None:  # noqa: ANN401
    """Set the weights of the loaded adapters; those that are not named are silent."""
    with hints_told():
        weigh_in_pipeline(pipe, weights)


def set_motion_norm(pipe: Any, norm: Literal["frame", "clip"]) -> None:  # noqa: ANN401
    """Let the motion modules of an `AnimateDiffPipeline` normalise each `frame` by itself, or a whole `clip`.

    diffusers takes all frames of a clip together. AnimateDiff v3 was trained frame by frame, and so are adapters on the
    base `animatediff-v3`: set `frame` before they are loaded.

    Raises:
        MivaError: `message` says what is wrong, `hint` the way out.
    """
    with hints_told():
        normalise_by(pipe, norm)


def photo_start(
    pipe: Any,  # noqa: ANN401
    photo: str | Path,
    *,
    frames: int,
    width: int,
    height: int,
    seed: int = 42,
) -> dict[str, Any]:
    """Arguments for one call of a pipeline, `pipe("", **photo_start(...))`: its clip then begins with the photo.

    Pipelines for text start from noise alone; adapters are trained to look at a clean frame 0.

    Raises:
        MivaError: `message` says what is wrong, `hint` the way out.
    """
    with hints_told():
        return started_with_photo(pipe, Path(photo), frames=frames, width=width, height=height, seed=seed)


def unload_miva(pipe: Any) -> None:  # noqa: ANN401
    """Take all adapters off; the pipeline is what it was, bit for bit."""
    with hints_told():
        unload_from_pipeline(pipe)


@contextmanager
def hints_told() -> Iterator[None]:
    """Let a traceback end with the way out, as the command line does."""
    try:
        yield
    except MivaError as error:
        if error.hint:
            error.add_note(f"hint: {error.hint}")
        raise


def _references(use: str | Iterable[str] | Mapping[str, float]) -> tuple[AdapterRef, ...]:
    if isinstance(use, str):
        return (AdapterRef.parse(use),)
    if hasattr(use, "items"):
        return tuple(AdapterRef.parse(f"{name}:{float(weight):.12f}") for name, weight in use.items())
    return tuple(AdapterRef.parse(text) for text in use)


def _session() -> Session:
    return Session(load_settings(os.environ))
