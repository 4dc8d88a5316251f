"""What the doors of `engine.api` are asked and what they answer; free of torch."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor

    from engine.masks.found_mask import FoundMask
    from engine.recipe import TrainRecipe
    from registry_schema.adapter_spec import AdapterSpec
    from registry_schema.clip_shape import ClipShape
    from registry_schema.names import AdapterName
    from registry_schema.receipt import AdapterRecord, Receipt, RunSettings


Tracker: TypeAlias = Literal["tensorboard", "trackio", "wandb"]
"""Who else is told of a training, besides its own log."""


@dataclass(frozen=True)
class AdapterUse:
    """One adapter of a run.

    Attributes:
        record: name, digests and weight, as the receipt will have them.
        spec: what its weights are.
        weights: the safetensors file.
    """

    record: AdapterRecord
    spec: AdapterSpec
    weights: Path

    @property
    def label(self) -> str:
        """What to call it in a sentence: its name, without the namespace `miva`."""
        return self.record.name.removeprefix("miva/")

    def joined(self) -> AdapterUse:
        """The same weights with one softmax over both references, for comparisons; see `SamplingVariant`."""
        attention = self.spec.cross_frame_attention
        if attention is None:
            return self
        joint = attention.model_copy(update={"combine": "joint"})
        return replace(self, spec=self.spec.model_copy(update={"cross_frame_attention": joint}))


@dataclass(frozen=True, kw_only=True)
class StudioRequest:
    """What is loaded once for any number of photos: a base and adapters.

    Attributes:
        base: the folder with its `base.json` and weights.
        adapters: in order; 1 to 8.
        verdicts: a folder that remembers which weights were found finite, by digest.
        device: `cpu`, `cuda`, `mps`, or `auto` for the best of this machine.
        dtype: `float32`, `bfloat16`, `float16`, or `auto` for the fastest that will do.
        memory: GiB of the card to do with, `auto` for what is free, or a set by name; see `engine.bases.memory_set`.
        clip: what will be made, to know what it needs; None is the base's own.
        compiled: whether the base's blocks are compiled; see `engine.bases.compiling`.
    """

    base: Path
    adapters: tuple[AdapterUse, ...]
    verdicts: Path
    device: str = "auto"
    dtype: str = "auto"
    memory: str = "auto"
    clip: ClipShape | None = None
    compiled: bool = False


@dataclass(frozen=True, kw_only=True)
class AnimateRequest:
    """One photo to animate.

    Attributes:
        photo: any file that `open_photo` reads.
        settings: every choice, as `settle` makes it; its device and dtype are those of the studio.
        outputs: files to write, each in the format its suffix names; they are replaced.
        tools: versions to write into the receipt besides those of the engine, `mivactl` among them.
        latents: a folder that keeps what was sampled until the clip is written; None keeps nothing.
        from_latents: a file of that folder, to be decoded instead of sampling again.
        command: that asked for this clip, to be shown again when decoding fails.
        masks: files with the subject of masked adapters in this photo, by the adapter's name.
        found: masks that were found unasked, by the adapter's name; files go before them.
        save_masks: write the predicted masks beside the clip, and both side by side.
    """

    photo: Path
    settings: RunSettings
    outputs: tuple[Path, ...]
    tools: Mapping[str, str]
    latents: Path | None = None
    from_latents: Path | None = None
    command: str = ""
    masks: Mapping[str, Path] = field(default_factory=dict)
    found: Mapping[str, FoundMask] = field(default_factory=dict)
    save_masks: bool = False


@dataclass(frozen=True)
class MovedShare:
    """What one adapter did: the share of the picture it moved, 0 to 1, and whether that is as good as nothing."""

    adapter: str
    weight: float
    share: float
    nothing: bool


@dataclass(frozen=True, kw_only=True)
class AnimateResult:
    """One animated photo.

    Attributes:
        outputs: the clips, in the order of the request.
        receipt: as it lies in the first clip, read back, and beside it; other formats have their own.
        moved: one entry for each adapter.
        notes: what a person should know; sentences without a final full stop.
        seconds: per phase, `load` aside.
        mask_files: clips of the predicted masks, if they were asked for.
    """

    photo: Path
    outputs: tuple[Path, ...]
    receipt: Receipt
    moved: tuple[MovedShare, ...]
    notes: tuple[str, ...]
    seconds: Mapping[str, float]
    mask_files: tuple[Path, ...] = ()


@dataclass(frozen=True, kw_only=True)
class TrainRequest:
    """A training.

    Attributes:
        clips: a folder of clips of one motion.
        base: the folder of the base.
        recipe: every choice; its motion is said.
        name: what the adapter will be called.
        output: the folder for the draft; the run's own files lie in `run/` below it.
        footage: in words, whose clips these are.
        resume: go on with the run in that folder.
        memory: GiB of the card to do with, `auto` for what is free, or one of `TRAINING_SETS` by name.
        compiled: see `StudioRequest`.
        masks: for a masked adapter; see `Footage`. Those beside the clips if left out.
        photos: to preview on, before pictures of the clips themselves.
        trackers: who else is told while it goes on.
        keep_steps: with several processes, take the recipe's steps as they are rather than see as many samples.
        gpus: devices that a plan reckons with; a run has as many processes as were started.
    """

    clips: Path
    base: Path
    recipe: TrainRecipe
    name: AdapterName
    output: Path
    footage: str = "not stated"
    resume: bool = False
    memory: str = "auto"
    compiled: bool = False
    masks: Mapping[str, Tensor] | None = None
    photos: tuple[Path, ...] = ()
    trackers: tuple[Tracker, ...] = ()
    keep_steps: bool = False
    gpus: int = 1


@dataclass(frozen=True)
class PlannedClip:
    """A clip as it will be trained on: its file, its size and length as decoded, the stretches taken of it."""

    file: str
    width: int
    height: int
    frames: int
    seconds: float
    windows: int
    held_out: bool


@dataclass(frozen=True, kw_only=True)
class TrainingPlan:
    """What a training will cost, by a few real steps of it.

    Attributes:
        base: its name.
        clip: what the base is shown of each window.
        device: that was tried.
        dtype: what the base computes in.
        memory: the set that saves memory; None where nothing has to.
        clips: all of them.
        trained: numbers that learn.
        batch: samples computed at once.
        samples: seen in a step.
        steps: of the run.
        looks: at the run, on the way.
        step_seconds: median of the steps that were tried.
        look_seconds: of one look.
        encoding_seconds: for all windows, before the first step.
        peak_bytes: most memory of the process, or of the card, while all of this was tried.
        card_bytes: memory of the card; None for a processor.
    """

    base: str
    clip: ClipShape
    device: str
    dtype: str
    memory: str | None
    clips: tuple[PlannedClip, ...]
    trained: int
    batch: int
    samples: int
    steps: int
    looks: int
    step_seconds: float
    look_seconds: float
    encoding_seconds: float
    peak_bytes: int
    card_bytes: int | None

    @property
    def seconds(self) -> float:
        """The whole run."""
        return self.encoding_seconds + self.steps * self.step_seconds + self.looks * self.look_seconds


@dataclass(frozen=True, kw_only=True)
class TrainResult:
    """A trained adapter, as a draft that can be edited and published.

    Attributes:
        folder: of the draft.
        spec: what was trained.
        clips: trained on.
        held_out: clips that were not.
        steps: done.
        skipped: steps whose numbers were not finite.
        seconds: trained.
        final_loss: of the last step that counted.
        chosen_step: whose weights the draft has.
        choice: why, in a sentence.
        preview: a picture to show the adapter on; None where no previews were asked for.
        is_first: whether this process wrote the draft; the others of a run on several devices leave it to one.
    """

    folder: Path
    spec: AdapterSpec
    clips: int
    held_out: int
    steps: int
    skipped: int
    seconds: float
    final_loss: float | None
    chosen_step: int
    choice: str
    preview: Path | None
    is_first: bool = True


@dataclass(frozen=True, kw_only=True)
class ImportChoices:
    """What an authors' checkpoint does not say about itself.

    Attributes:
        motion: in words.
        temperature: of the reference weights; 0.2 in the authors' configurations.
        combine: one softmax over both references, as the authors' code has it, or one for each.
        lora_alpha: low-rank updates act at alpha / rank; None is 1 for AnimateDiff and the rank for Wan.
    """

    motion: str
    temperature: float = 0.2
    combine: Literal["separate", "joint"] = "joint"
    lora_alpha: float | None = None


@dataclass(frozen=True, kw_only=True)
class ImportRequest:
    """A file from elsewhere to be made an adapter.

    Attributes:
        file: the authors' checkpoint, or a motion LoRA.
        base: the folder of the base it was made for.
        name: what the adapter will be called.
        output: the folder for the draft.
        choices: what the file does not say.
        motion_lora: whether the file is a motion LoRA.
    """

    file: Path
    base: Path
    name: AdapterName
    output: Path
    choices: ImportChoices
    motion_lora: bool = False


@dataclass(frozen=True, kw_only=True)
class ImportResult:
    """An adapter from elsewhere, as a draft; `tensors` counts those of the file, `step` is of its training."""

    folder: Path
    spec: AdapterSpec
    tensors: int
    step: int | None
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ExportRequest:
    """An adapter whose temporal part is written as a motion LoRA.

    Attributes:
        weights: the adapter's file.
        spec: what it holds.
        base: the folder of the base it stands on.
        output: the file to write.
    """

    weights: Path
    spec: AdapterSpec
    base: Path
    output: Path


@dataclass(frozen=True, kw_only=True)
class ExportResult:
    """A motion LoRA: its file, its rank, how much of the adapter had no place in it, and what its user should know."""

    file: Path
    rank: int
    tensors: int
    left_behind: int
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class CompareRequest:
    """A question about a composition: where do its adapters conflict, and what do other weights give?

    Attributes:
        photo: to look at them on; None takes noise.
        settings: as for `AnimateRequest`.
        grid: weights for each cell, one number per adapter; empty for no grid.
        output: file of the labelled grid clip.
        masks: as for `AnimateRequest`: one for each masked adapter, here or in `found`, where there is a photo.
        found: the same.
    """

    settings: RunSettings
    photo: Path | None = None
    grid: tuple[tuple[float, ...], ...] = ()
    output: Path | None = None
    masks: Mapping[str, Path] = field(default_factory=dict)
    found: Mapping[str, FoundMask] = field(default_factory=dict)


@dataclass(frozen=True)
class SiteCosine:
    """Two adapters at one attention site: which way their updates point (-1 to 1), and the quieter one's share."""

    site: str
    kind: Literal["self", "cross", "temporal"]
    first: str
    second: str
    cosine: float
    strength: float


@dataclass(frozen=True)
class CompareResult:
    """Every pair of adapters at every site they share, in the base's order; the grid clip if one was asked for.

    `notes` are on the masks of the photo.
    """

    cosines: tuple[SiteCosine, ...]
    grid: Path | None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ClipComparison:
    """Two clips frame by frame: mean PSNR in dB (infinite when equal), and the lowest of any frame."""

    psnr: float
    worst_psnr: float
