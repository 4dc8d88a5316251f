"""`ClipShape`: frames, height and width in pixels, frames per second."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from registry_schema.document import Document


class ClipShape(Document):
    """The shape of a clip; frame 0 is the input image and counts."""

    frames: Annotated[int, Field(ge=1, le=1024)]
    height: Annotated[int, Field(ge=8, le=8192)]
    width: Annotated[int, Field(ge=8, le=8192)]
    fps: Annotated[int, Field(ge=1, le=120)]
