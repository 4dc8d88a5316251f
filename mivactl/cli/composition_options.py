"""Options of the commands that run adapters on a base, and how they become values."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from registry_schema.names import AdapterName
    from registry_schema.ref import AdapterRef

_HOW = "How it moves"
_PICTURE = "Size and form"

UseOption = Annotated[
    list[str] | None,
    typer.Option(
        "--use",
        "-u",
        metavar="NAME[:W]",
        help="An adapter and its weight, `waterfall:0.5` or `studio::my/rain@>=1,<2:0.5`; repeat it for several. "
        "Adapters without a weight share what is left of 1; one alone has its base's usual weight (`nano`: 0.5).",
    ),
]
PresetOption = Annotated[
    Path | None, typer.Option("--preset", metavar="FILE", help="A preset that `mivactl compose` wrote.")
]
BlendOption = Annotated[bool, typer.Option("--blend", help="Scale the weights so that they sum to 1.")]
YesOption = Annotated[
    bool, typer.Option("--yes", "-y", help="Install adapters from other registries than the starter's unasked.")
]
LockedOption = Annotated[
    bool,
    typer.Option("--locked", help="Refuse what `miva.lock` in the current folder does not have, or has otherwise."),
]
SizeOption = Annotated[
    str,
    typer.Option(
        "--size",
        metavar="photo|base|WxH",
        help="`photo`: the photo's own, long side at most 1280; `base`: the base's; or for example `640x480`.",
        rich_help_panel=_PICTURE,
    ),
]
FitOption = Annotated[
    str,
    typer.Option(
        "--fit",
        metavar="crop|pad|stretch",
        help="How the photo meets another aspect. What the base does not see stays still.",
        rich_help_panel=_PICTURE,
    ),
]
FpsOption = Annotated[
    float | None,
    typer.Option("--fps", metavar="N", help="Frames per second; changes the speed.", rich_help_panel=_PICTURE),
]
LoopOption = Annotated[
    str,
    typer.Option(
        "--loop", metavar="none|pingpong", help="`pingpong` runs back to the photo.", rich_help_panel=_PICTURE
    ),
]
FramesOption = Annotated[
    int | None,
    typer.Option(
        "--frames", metavar="N", help="Frames the base makes; its own number if left out.", rich_help_panel=_HOW
    ),
]
StepsOption = Annotated[
    int | None,
    typer.Option("--steps", metavar="N", help="Sampling steps: more are slower and finer.", rich_help_panel=_HOW),
]
SeedOption = Annotated[
    int | None,
    typer.Option(
        "--seed",
        metavar="N",
        help="Another seed gives another clip; 42 if left out: the same command gives the same clip.",
        rich_help_panel=_HOW,
    ),
]
SamplerOption = Annotated[
    str | None,
    typer.Option(
        "--sampler",
        metavar="NAME",
        help="`ddim`, `dpm` or `renoise`; the base's own if left out.",
        rich_help_panel=_HOW,
    ),
]
StartNoiseOption = Annotated[
    bool | None,
    typer.Option(
        "--start-noise/--no-start-noise",
        help="Start from noise that knows the photo; as the adapters wish if left out.",
        rich_help_panel=_HOW,
    ),
]
MatchOption = Annotated[
    bool | None,
    typer.Option(
        "--match-first-frame/--no-match-first-frame",
        help="Give all frames the photo's colours; as the adapters wish if left out.",
        rich_help_panel=_HOW,
    ),
]

_MACHINE = "What it runs on"
DeviceOption = Annotated[
    str,
    typer.Option(
        "--device",
        metavar="auto|cpu|cuda|mps",
        help="What computes; the fastest of this machine if left out.",
        rich_help_panel=_MACHINE,
    ),
]
VramOption = Annotated[
    str,
    typer.Option(
        "--vram",
        metavar="4|6|8|12|auto",
        help="Do with so many GiB of a graphics card; with what is free on it if left out. "
        "From 4 to 12: less of the model stays on the card.",
        rich_help_panel=_MACHINE,
    ),
]
CompileOption = Annotated[
    bool,
    typer.Option(
        "--compile",
        help="Compile the base's blocks: the first step takes minutes on a large base, all others are faster.",
        rich_help_panel=_MACHINE,
    ),
]
FromLatentsOption = Annotated[
    Path | None,
    typer.Option(
        "--from-latents",
        metavar="FILE",
        help="Decode what an earlier run of the same command sampled and could not finish.",
        rich_help_panel=_MACHINE,
    ),
]
_MASKS = "Masks"
MaskOption = Annotated[
    list[str] | None,
    typer.Option(
        "--mask",
        metavar="NAME=FILE",
        help="A picture that says where the subject of a masked adapter is: white or opaque; repeat it for several.",
        rich_help_panel=_MASKS,
    ),
]
MaskedWhereOption = Annotated[
    bool, typer.Option("--masked", help="Take masked builds of the adapters that have one.", rich_help_panel=_MASKS)
]
NoMaskOption = Annotated[
    bool, typer.Option("--no-mask", help="Take plain builds, which know no masks.", rich_help_panel=_MASKS)
]
MaskStepsOption = Annotated[
    int | None,
    typer.Option(
        "--mask-steps",
        metavar="N",
        help="Steps that predict masks; 8 if left out: more follow the subject closer, and are slower.",
        rich_help_panel=_MASKS,
    ),
]
MaskDecoderOption = Annotated[
    str | None,
    typer.Option(
        "--mask-decoder",
        metavar="auto|vae|tiny|probe",
        help="What reads predicted masks: the base's decoder, a tiny one, or a linear probe, which is nearly free.",
        rich_help_panel=_MASKS,
    ),
]
SaveMasksOption = Annotated[
    bool,
    typer.Option(
        "--save-masks",
        help="Write the predicted masks beside the clip, and both side by side.",
        rich_help_panel=_MASKS,
    ),
]
MASK_DECODERS = ("auto", "vae", "tiny", "probe")
DEVICES = ("auto", "cpu", "cuda", "mps")
VRAM = ("auto", "4", "6", "8", "12")


def one_of(option: str, value: str, allowed: tuple[str, ...]) -> str:
    """`value`, if it is one of `allowed`.

    Raises:
        UsageProblem: it is not; the hint has the nearest.
    """
    from difflib import get_close_matches

    from registry_schema.errors import UsageProblem

    if value in allowed:
        return value
    near = (get_close_matches(value, allowed, n=1) or allowed)[0]
    names = ", ".join(f"`{name}`" for name in allowed)
    raise UsageProblem(f"`{option}` is `{value}`, expected one of {names}", hint=f"pass `{option} {near}`")


def mask_files(texts: list[str] | None, *, refused: bool = False) -> "dict[AdapterName, Path]":
    """The files that `--mask` gives to adapters.

    Args:
        texts: `NAME=FILE` each.
        refused: whether `--no-mask` was given, too.

    Raises:
        UsageProblem: another form, a name twice, or both options at once.
    """
    from registry_schema.errors import UsageProblem
    from registry_schema.ref import AdapterRef

    found: dict[AdapterName, Path] = {}
    for text in texts or []:
        name, equals, file = text.rpartition("=")
        if not (name and equals and file):
            raise UsageProblem(
                f"`--mask` is `{text}`, expected `NAME=FILE`", hint="pass `--mask birds-flying=mask.png`"
            )
        adapter = AdapterRef.parse(name).name
        if adapter in found:
            raise UsageProblem(f"`--mask` names `{name}` twice, expected one mask for each adapter")
        found[adapter] = Path(file)
    if found and refused:
        raise UsageProblem("`--mask` and `--no-mask` were both given, expected one", hint="leave one of them out")
    return found


def references(texts: list[str] | None) -> "tuple[AdapterRef, ...]":
    """The adapters that `texts` name."""
    from registry_schema.ref import AdapterRef

    return tuple(AdapterRef.parse(text) for text in texts or [])
