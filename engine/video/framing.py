"""Where a photo, its output picture and the base's frame lie over each other: a pure plan, and pictures cut by it.

photo --fit--> picture (output size) --fit--> base frame
               picture.window  <----------->  base frame.base_window
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, NamedTuple, TypeAlias

from registry_schema.errors import UsageProblem

Fit: TypeAlias = Literal["crop", "pad", "stretch"]
LONG_SIDE = 1280
SHORTEST_SIDE = 16
LONGEST_SIDE = 8192


class Size(NamedTuple):
    """Width and height in pixels, in this order."""

    width: int
    height: int

    @property
    def transposed(self) -> Size:
        """The same rectangle lying on its other side."""
        return Size(self.height, self.width)

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"


class Box(NamedTuple):
    """A rectangle: left, top, width and height in pixels of what it lies in; whole numbers but for photo boxes."""

    left: float
    top: float
    width: float
    height: float

    @property
    def rows_and_columns(self) -> tuple[slice, slice]:
        """The rectangle as slices of an `h w ...` array."""
        left, top, width, height = (int(value) for value in self)
        return slice(top, top + height), slice(left, left + width)


OutputSize: TypeAlias = Literal["photo", "base"] | tuple[int, int]


@dataclass(frozen=True)
class Framing:
    """How one photo becomes the base's frame 0, and how the base's frames come back.

    Attributes:
        photo_size: of the upright photo.
        base_size: of the base's frames, transposed for portraits.
        output_size: of the picture and of the finished clip; both sides even, as video needs.
        photo_box: the part of the photo that the picture shows, in photo pixels.
        picture_box: where in the picture it lands; all of it but for `pad`.
        window: the part of the picture that moves, in picture pixels.
        base_window: the part of the base's frames that shows the window, in base pixels.
        frame_box: the part of the photo that the base sees, in photo pixels.
        frame_area: where in the base's frame it lands; all of it but for `pad`.
    """

    photo_size: Size
    base_size: Size
    output_size: Size
    photo_box: Box
    picture_box: Box
    window: Box
    base_window: Box
    frame_box: Box
    frame_area: Box

    @property
    def covers_output(self) -> bool:
        """Whether the base moves the whole output, so that nothing around its window stays still."""
        return self.window == box_of(self.output_size)

    @property
    def scale(self) -> float:
        """Output pixels per photo pixel, across."""
        return self.picture_box.width / self.photo_box.width


def plan_framing(
    photo_size: tuple[int, int],
    base_size: tuple[int, int],
    *,
    size: OutputSize = "photo",
    fit: Fit = "crop",
    long_side: int = LONG_SIDE,
    whole: bool = False,
) -> Framing:
    """The framing of a photo for a base.

    Args:
        photo_size: width and height of the upright photo.
        base_size: width and height of the base's frames; transposed here for a portrait output.
        size: `photo` keeps the photo's size and aspect, `base` gives the base's, a pair asks for its own
            (each side cut to an even number).
        fit: how the photo meets another aspect: `crop` at the centre, `pad`, `stretch`.
        long_side: the most that `photo` gives.
        whole: with `crop`, everything in the output moves: it shows no part of the photo that the base does not
            see (adapters with region `whole`). With `photo` the output then has the base's aspect.

    Raises:
        UsageProblem: a photo too small or too thin to move, or an output size out of range.
    """
    photo = Size(*photo_size)
    output = _output_size(photo, Size(*base_size), size=size, long_side=long_side)
    base = Size(*base_size) if _is_portrait(Size(*base_size)) == _is_portrait(output) else Size(*base_size).transposed
    if fit == "crop" and whole and size != "photo":
        return _middle_of_base(photo, base, output=output)
    if size == "photo":
        photo_box, picture_box = _nearly_all(photo, output, long_side=long_side)
    else:
        photo_box, picture_box = _fit(photo, output, fit=fit)
    window, base_window = _fit_window(picture_box, base, fit=fit)
    framing = Framing(
        photo_size=photo,
        base_size=base,
        output_size=output,
        photo_box=photo_box,
        picture_box=picture_box,
        window=window,
        base_window=base_window,
        frame_box=_seen_through(window, of=picture_box, onto=photo_box),
        frame_area=base_window,
    )
    return _cut_to_window(framing) if fit == "crop" and whole else framing


def box_of(size: Size) -> Box:
    """All of a picture of this size."""
    return Box(0, 0, size.width, size.height)


def _is_portrait(size: Size) -> bool:
    return size.height > size.width


def _even(length: float) -> int:
    """The largest even number of pixels that fits, at least 2; 1e-6 of a pixel is a rounding error, not a lack."""
    return max(2, int((length + 1e-6) // 2) * 2)


def _output_size(photo: Size, base: Size, *, size: OutputSize, long_side: int) -> Size:
    if size == "base":
        return base if _is_portrait(base) == _is_portrait(photo) else base.transposed
    if size == "photo":
        scale = min(1.0, long_side / max(photo))
        output = Size(_even(photo.width * scale), _even(photo.height * scale))
        _refuse_unless(min(output) >= SHORTEST_SIDE, what=f"the photo of {photo} gives {output}", hint="crop the photo")
        return output
    asked = Size(*size)
    in_range = min(asked) >= SHORTEST_SIDE and max(asked) <= LONGEST_SIDE
    nearest = Size(*(min(max(side, SHORTEST_SIDE), LONGEST_SIDE) for side in asked))
    _refuse_unless(in_range, what=f"the size `{asked}` was asked for", hint=f"pass `--size {nearest}`")
    return Size(_even(asked.width), _even(asked.height))


def _refuse_unless(in_range: bool, *, what: str, hint: str) -> None:
    if not in_range:
        raise UsageProblem(f"{what}, each side must have {SHORTEST_SIDE} to {LONGEST_SIDE} pixels", hint=hint)


def _nearly_all(photo: Size, output: Size, *, long_side: int) -> tuple[Box, Box]:
    """The photo but for under two output pixels at its right and bottom: unscaled pixels stay as they are."""
    scale = min(1.0, long_side / max(photo))
    return Box(0, 0, output.width / scale, output.height / scale), box_of(output)


def _fit(photo: Size, output: Size, *, fit: Fit) -> tuple[Box, Box]:
    """The part of the photo that is shown, and where in the output it lands."""
    if fit == "pad":
        return box_of(photo), _whole_pixels(_centred(photo, box_of(output)))
    if fit == "crop":
        return _centred(output, box_of(photo)), box_of(output)
    return box_of(photo), box_of(output)


def _fit_window(shown: Box, base: Size, *, fit: Fit) -> tuple[Box, Box]:
    """The part of `shown` that moves, in whole and even pixels, and the part of the base's frame that moves it."""
    if fit == "crop":
        return _whole_pixels(_centred(base, shown)), box_of(base)
    if fit == "pad":
        return shown, _whole_pixels(_centred(Size(int(shown.width), int(shown.height)), box_of(base)))
    return shown, box_of(base)


def _cut_to_window(framing: Framing) -> Framing:
    """The same framing with an output that ends where the window ends."""
    output = Size(int(framing.window.width), int(framing.window.height))
    everything = box_of(output)
    return replace(framing, output_size=output, photo_box=framing.frame_box, picture_box=everything, window=everything)


def _middle_of_base(photo: Size, base: Size, *, output: Size) -> Framing:
    """The base sees its own crop of the photo, the output shows as much of the middle of it as has its aspect."""
    seen = _centred(base, box_of(photo))
    base_window = _whole_pixels(_centred(output, box_of(base)))
    return Framing(
        photo_size=photo,
        base_size=base,
        output_size=output,
        photo_box=_seen_through(base_window, of=box_of(base), onto=seen),
        picture_box=box_of(output),
        window=box_of(output),
        base_window=base_window,
        frame_box=seen,
        frame_area=box_of(base),
    )


def _centred(aspect: Size, box: Box) -> Box:
    """The largest rectangle of this aspect in the middle of `box`."""
    scale = min(box.width / aspect.width, box.height / aspect.height)
    width, height = aspect.width * scale, aspect.height * scale
    return Box(box.left + (box.width - width) / 2, box.top + (box.height - height) / 2, width, height)


def _whole_pixels(box: Box) -> Box:
    """The box in whole pixels, its sides even."""
    width, height = _even(box.width), _even(box.height)
    left = int(box.left + (box.width - width) / 2 + 0.5)
    top = int(box.top + (box.height - height) / 2 + 0.5)
    return Box(left, top, width, height)


def _seen_through(part: Box, *, of: Box, onto: Box) -> Box:
    """What of `onto` lies under `part`, where all of `of` lies on all of `onto`."""
    across, down = onto.width / of.width, onto.height / of.height
    return Box(
        onto.left + (part.left - of.left) * across,
        onto.top + (part.top - of.top) * down,
        part.width * across,
        part.height * down,
    )
