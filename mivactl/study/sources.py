"""Where a study's clips come from: folders of `mivactl bench`, or plain folders of clips, one for each method."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from registry_schema import strict_json
from registry_schema.complaint import schema_error
from registry_schema.errors import IntegrityProblem, NotFound, UsageProblem
from registry_schema.text import Line, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

RUN_FILE: Final = "run.json"
CLIPS_FOLDER: Final = "clips"
_MAX_RUN_BYTES: Final = 1 << 25
_MAX_FILES: Final = 20_000
_CLIP_SUFFIXES: Final = frozenset((".mp4", ".mov", ".m4v", ".webm", ".mkv", ".avi", ".gif", ".webp"))
_PATH_PART: Final = r"^[^./\\\x00-\x1f][^/\\\x00-\x1f]{0,199}$"
PathPart = Annotated[str, Field(pattern=_PATH_PART)]


class _Read(BaseModel):
    """A part of `run.json`: what a study needs of it is checked, the rest is none of its business."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)


class RunCase(_Read):
    """A case of a run: its name, which is its folder of clips, the photo and the motions."""

    name: PathPart
    photo: Annotated[str, Line(1000)] | None = None
    motions: Annotated[list[Annotated[str, Line(80)]], Field(max_length=8)] = []
    weights: Annotated[list[float], Field(max_length=8)] = []


class RunMethod(_Read):
    """A method of a run: its name, which is its clips' file name."""

    name: PathPart


class RunFile(_Read):
    """What a study reads of the file `run.json` of `mivactl bench`."""

    cases: Annotated[list[RunCase], Field(min_length=1, max_length=_MAX_FILES)]
    methods: Annotated[list[RunMethod | PathPart], Field(min_length=1, max_length=200)]

    @property
    def method_names(self) -> list[str]:
        """The methods' names, as objects or as plain text in the file."""
        return [method if isinstance(method, str) else method.name for method in self.methods]


@dataclass
class SourceCase:
    """A case: a picture, what should move in it, and the clips that methods made of it."""

    name: str
    motions: tuple[str, ...] = ()
    photo: Path | None = None
    clips: dict[str, Path] = field(default_factory=dict)

    @property
    def motion(self) -> str | None:
        """The motions in one word, `waterfall+clouds`."""
        return "+".join(self.motions) or None


def read_sources(places: Sequence[str]) -> list[SourceCase]:
    """The cases of all places, by name; what several places have under one name is one case.

    Args:
        places: folders, or `NAME=FOLDER` for a plain folder of clips whose method is to be called so.

    Raises:
        NotFound: a place is not there, or holds no clip.
        SchemaError: a `run.json` is not valid.
        UsageProblem: two places have the same method's clip of one case.
    """
    cases: dict[str, SourceCase] = {}
    for place in places:
        for found in _read_place(place):
            _join(cases.setdefault(found.name, SourceCase(found.name)), found)
    return [cases[name] for name in sorted(cases)]


def _read_place(place: str) -> list[SourceCase]:
    name, given, path = place.rpartition("=") if "=" in place and not Path(place).exists() else ("", "", place)
    folder = Path(path).expanduser()
    if not folder.is_dir():
        raise NotFound(
            f"`{shown(place)}` is no folder", hint="give a folder of `mivactl bench`, or of one method's clips"
        )
    if (folder / RUN_FILE).is_file():
        if given:
            raise UsageProblem(
                f"`{shown(place)}` gives a name to a run of several methods, expected a plain folder of clips",
                hint=f"give the folder alone: `{shown(path)}`",
            )
        found = _read_run(folder)
    else:
        found = list(_read_plain(folder, name or folder.resolve().name))
    if not any(case.clips for case in found):
        raise NotFound(
            f"`{shown(place)}` holds no clips",
            hint=f"expected `{CLIPS_FOLDER}/CASE/METHOD.mp4` beside `{RUN_FILE}`, or `CASE.mp4`, or `MOTION/CASE.mp4`",
        )
    return found


def _read_run(folder: Path) -> list[SourceCase]:
    source = str(folder / RUN_FILE)
    with (folder / RUN_FILE).open("rb") as file:
        value = strict_json.parse(file.read(_MAX_RUN_BYTES + 1), max_bytes=_MAX_RUN_BYTES, source=source)
    try:
        run = RunFile.model_validate(value)
    except ValidationError as error:
        raise schema_error(error, value, source=source) from error
    cases = []
    for case in run.cases:
        clips = {method: folder / CLIPS_FOLDER / case.name / f"{method}.mp4" for method in run.method_names}
        found = {method: path for method, path in clips.items() if _is_inside(path, folder)}
        cases.append(SourceCase(case.name, tuple(case.motions), _photo(folder, case.photo), found))
    return cases


def _photo(folder: Path, named: str | None) -> Path | None:
    """The photo of a case, where it still is: its path may be relative to the run, or of another machine."""
    if named is None:
        return None
    path = folder / named
    return path if path.is_file() else None


def _read_plain(folder: Path, method: str) -> Iterator[SourceCase]:
    """Clips as `CASE.mp4`, or as `MOTION/CASE.mp4` where folders say what moves; `a+b` are two motions."""
    clips = sorted(_clips_below(folder))
    if len(clips) > _MAX_FILES:
        raise UsageProblem(
            f"`{folder}` holds {len(clips)} clips, expected at most {_MAX_FILES}", hint="give a smaller folder"
        )
    seen: dict[str, Path] = {}
    for path in clips:
        inside = path.relative_to(folder)
        motion = inside.parent.as_posix() if inside.parent != Path() else ""
        name = f"{motion}/{path.stem}" if motion else path.stem
        if name in seen:
            raise UsageProblem(
                f"`{seen[name]}` and `{path}` are clips of one case, expected one",
                hint=f"move one of them away: `mv {path} /tmp`",
            )
        seen[name] = path
        yield SourceCase(name, tuple(word for word in motion.split("+") if word), None, {method: path})


def _clips_below(folder: Path) -> Iterable[Path]:
    for path in (
        *folder.iterdir(),
        *(inner for parent in folder.iterdir() if parent.is_dir() for inner in parent.iterdir()),
    ):
        if path.suffix.lower() in _CLIP_SUFFIXES and not path.name.startswith(".") and _is_inside(path, folder):
            yield path


def _is_inside(path: Path, folder: Path) -> bool:
    """Whether a file is there and no link leads out of the folder."""
    return path.is_file() and path.resolve().is_relative_to(folder.resolve())


def _join(case: SourceCase, found: SourceCase) -> None:
    for method, path in found.clips.items():
        if method in case.clips:
            raise UsageProblem(
                f"case `{shown(case.name)}` has two clips of `{shown(method)}`: `{case.clips[method]}` and `{path}`",
                hint="give one of the folders another name: `OTHER=FOLDER`",
            )
        case.clips[method] = path
    if case.motions and found.motions and case.motions != found.motions:
        raise IntegrityProblem(
            f"case `{shown(case.name)}` moves `{case.motion}` in one run and `{found.motion}` in another",
            hint="build the study from runs of one suite",
        )
    case.motions = case.motions or found.motions
    case.photo = case.photo or found.photo
