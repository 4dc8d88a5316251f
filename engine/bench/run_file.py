"""`BenchRun`: what a run compares, as the file `run.json` in its folder. Free of torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Final, Literal

from pydantic import Field

from registry_schema.document import Document, RootDocument
from registry_schema.errors import NotFound
from registry_schema.text import Line

if TYPE_CHECKING:
    from pathlib import Path

RUN_FILE: Final = "run.json"
CLIPS: Final = "clips"
PHOTOS: Final = "photos"
SCORES: Final = "scores"

SafeName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+@-]*$", max_length=120)]
RelativePath = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+@-]*(/[A-Za-z0-9][A-Za-z0-9._+@-]*)*$")]
MethodKind = Literal["adapters", "base", "ablation", "baseline", "pipeline", "folder"]


class BenchCase(Document):
    """One picture with the motions it shall get.

    Args:
        name: the folder of its clips.
        group: what is reported together.
        photo: a file in the run's folder.
        motions: names of adapters.
        weights: of each.
        prompt: for methods that need one.
        mask: a file in the run's folder, white where the motions belong.
        reference: a real clip in the run's folder.
    """

    name: SafeName
    group: SafeName
    photo: RelativePath
    motions: Annotated[tuple[Annotated[str, Line(200)], ...], Field(min_length=1, max_length=8)]
    weights: Annotated[tuple[float, ...], Field(min_length=1, max_length=8)]
    prompt: str = ""
    mask: RelativePath | None = None
    reference: RelativePath | None = None


class BenchMethod(Document):
    """One way to make clips of the cases: `clips/<case>/<name>.mp4`."""

    name: SafeName
    kind: MethodKind
    title: Annotated[str, Line(200)]

    @property
    def has_adapters(self) -> bool:
        """Whether its clips are made with adapters, as their receipts say."""
        return self.kind in {"adapters", "ablation"}


class Unusable(Document):
    """A clip that is not there, and why: nothing is left out without a word."""

    case: SafeName
    method: SafeName
    reason: str


class BenchRun(RootDocument):
    """What a run compares, and on what footing.

    Args:
        suite: its name.
        base: that makes our clips.
        width: of all frames when they are scored; a portrait has both sides swapped.
        height: likewise.
        frames: of all clips when they are scored, if they have as many.
        fps: likewise.
        seed: of all methods that have one.
        steps: of sampling; None is the base's own number.
        cases: in the order of the suite.
        methods: in the order of the report.
        unusable: clips that are missing.
        notes: what a reader should know; whole sentences.
    """

    SCHEMA: ClassVar[str] = "miva.bench-run/1"
    SOURCE: ClassVar[str] = RUN_FILE
    MAX_BYTES: ClassVar[int] = 1 << 24

    suite: SafeName
    base: SafeName
    width: Annotated[int, Field(ge=16, le=8192)]
    height: Annotated[int, Field(ge=16, le=8192)]
    frames: Annotated[int, Field(ge=3, le=10_000)]
    fps: Annotated[float, Field(gt=0, le=240)]
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 42
    steps: Annotated[int, Field(ge=1, le=1000)] | None = None
    cases: Annotated[tuple[BenchCase, ...], Field(min_length=1, max_length=10_000)]
    methods: Annotated[tuple[BenchMethod, ...], Field(min_length=1, max_length=100)]
    unusable: tuple[Unusable, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def policy(self) -> str:
        """How clips of different shapes are put on one footing, in words."""
        return (
            f"every clip is scored at {self.width}x{self.height}, {self.frames} frames, {self.fps:g} a second: other "
            "sizes are resized (Lanczos, the middle of other shapes), other rates show what a viewer sees at those "
            "moments, longer clips are cut, shorter ones are scored as far as they go"
        )

    def method(self, name: str) -> BenchMethod:
        """The method of that name."""
        return next(method for method in self.methods if method.name == name)


def read_run(folder: Path) -> BenchRun:
    """The run in a folder.

    Raises:
        NotFound: there is none.
        SchemaError: its file is not valid.
    """
    try:
        content = (folder / RUN_FILE).read_bytes()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotFound(f"`{folder}` holds no run of `mivactl bench`", hint="give the folder of a run") from error
    return BenchRun.parse(content, source=str(folder / RUN_FILE))


def clip_place(folder: Path, case: str, method: str) -> Path:
    """The clip of a case by a method."""
    return folder / CLIPS / case / f"{method}.mp4"
