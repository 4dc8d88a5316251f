"""`Receipt`: the recipe of one clip, sealed with a digest of itself so that editing is noticed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from registry_schema.base_spec import BaseIdentity
from registry_schema.clip_shape import ClipShape
from registry_schema.digests import Digest
from registry_schema.document import Document, RootDocument, rule
from registry_schema.errors import IntegrityProblem
from registry_schema.manifest import Seed
from registry_schema.names import AdapterName
from registry_schema.ref import MAX_WEIGHT
from registry_schema.sampling import SamplerName, SamplingVariant, StartNoise
from registry_schema.text import Line, PatternText
from registry_schema.versions import Version

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_ADAPTERS = 8
Weight = Annotated[float, Field(ge=-MAX_WEIGHT, le=MAX_WEIGHT)]
ClipFormat = Literal["mp4", "webm", "gif", "webp", "apng", "png"]


class PhotoRecord(Document):
    """The photo: its file's name and digest, and the digest of its upright 8-bit RGB pixels."""

    name: Annotated[str, Line(255)]
    digest: Digest
    pixels: Digest


class AdapterRecord(Document):
    """One adapter that was used, and its weight."""

    name: AdapterName
    version: Version
    manifest: Digest
    weights: Digest
    weight: Weight


class MaskRecord(Document):
    """The mask of one adapter: where it came from, and the digest of its 8-bit values at the photo's size."""

    adapter: AdapterName
    source: Annotated[str, Line(255)]
    digest: Digest


class MaskSettings(Document):
    """How masks go along in a run: how often they are predicted, what reads them, and those that were given."""

    evaluations: Annotated[int, Field(ge=1, le=1000)] = 8
    decoder: Literal["auto", "vae", "tiny", "probe"] = "auto"
    given: Annotated[tuple[MaskRecord, ...], Field(max_length=MAX_ADAPTERS)] = ()


class SizeChoice(PatternText):
    """Output size as `--size` takes it: `photo`, `base` or `WxH` in pixels."""

    __slots__ = ()
    what = "size"
    pattern = r"^(photo|base|[1-9][0-9]{0,4}x[1-9][0-9]{0,4})$"
    longest = 11

    @classmethod
    def complaint(cls, text: str) -> str | None:
        """See `TextValue`."""
        if cls.matches(text):
            return None
        return "is not a size, expected `photo`, `base` or for example `640x480`"


class ToolName(PatternText):
    """What a version in a receipt belongs to: `mivactl`, `python`, `torch`, `diffusers` and others."""

    __slots__ = ()
    what = "tool name"
    pattern = r"^[a-z][a-z0-9_.-]{0,39}$"
    longest = 40

    @classmethod
    def complaint(cls, text: str) -> str | None:
        """See `TextValue`."""
        if cls.matches(text):
            return None
        return "is not a tool name, expected up to 40 lower-case letters, digits, `_`, `.` and `-`"


class RunSettings(Document):
    """Every choice that shapes the frames and their file.

    `clip` is what the base sampled; `memory` names the set that saved memory, which costs some exactness; `masks` is
    there with masked adapters, `variant` in comparisons only.
    """

    seed: Seed
    steps: Annotated[int, Field(ge=1, le=1000)]
    sampler: SamplerName
    clip: ClipShape
    start_noise: StartNoise | None = None
    match_first_frame: bool
    size: SizeChoice
    fit: Literal["crop", "pad", "stretch"]
    fps: Annotated[float, Field(gt=0, le=240)]
    loop: Literal["none", "pingpong"]
    device: Annotated[str, Line(80)] = "cpu"
    dtype: Annotated[str, Line(20)] = "float32"
    memory: Annotated[str, Line(20)] | None = None
    masks: MaskSettings | None = None
    variant: SamplingVariant | None = None


class OutputRecord(Document):
    """What came out: digest of the base's frames in 8 bits, format, digest of the file where it can be known."""

    frames: Digest
    format: ClipFormat
    digest: Digest | None = None


class Receipt(RootDocument):
    """The recipe of one clip. `Receipt.seal` makes it, `verify` notices editing."""

    SCHEMA: ClassVar[str] = "miva.receipt/1"
    SOURCE: ClassVar[str] = "receipt"

    photo: PhotoRecord
    adapters: Annotated[tuple[AdapterRecord, ...], Field(min_length=1, max_length=MAX_ADAPTERS)]
    base: BaseIdentity
    settings: RunSettings
    versions: Annotated[dict[ToolName, Annotated[str, Line(80)]], Field(min_length=1, max_length=32)]
    output: OutputRecord
    digest: Digest

    @model_validator(mode="after")
    def _agree(self) -> Receipt:
        for needed in ("mivactl", "python", "torch"):
            if ToolName(needed) not in self.versions:
                raise rule(f"versions.{needed}", "is missing")
        return self

    @classmethod
    def seal(
        cls,
        *,
        photo: PhotoRecord,
        adapters: tuple[AdapterRecord, ...],
        base: BaseIdentity,
        settings: RunSettings,
        versions: Mapping[str, str],
        output: OutputRecord,
    ) -> Receipt:
        """A receipt with the digest that belongs to its fields."""
        draft = cls(
            photo=photo,
            adapters=adapters,
            base=base,
            settings=settings,
            versions={ToolName(tool): version for tool, version in versions.items()},
            output=output,
            digest=Digest.of(b""),
        )
        return draft.model_copy(update={"digest": draft.expected_digest()})

    def expected_digest(self) -> Digest:
        """Digest of the canonical bytes without the field `digest`."""
        plain = {key: value for key, value in self.plain().items() if key != "digest"}
        return Digest.of(json.dumps(plain, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode())

    def verify(self) -> None:
        """Return when nothing was edited since sealing.

        Raises:
            IntegrityProblem: the digest is not that of the other fields.
        """
        expected = self.expected_digest()
        if self.digest != expected:
            raise IntegrityProblem(
                f"receipt: digest is `{self.digest.hex[:12]}`, its fields give `{expected.hex[:12]}`",
                hint="the receipt was edited after the clip was made; do not trust what it says",
            )
