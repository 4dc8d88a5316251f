"""`Ranks`: how many numbers each part of an adapter has; the only home of ranks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field
from pydantic_core import PydanticCustomError, core_schema

from registry_schema.document import Document

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core import CoreSchema

MAX_RANK = 512


class _RankOrFull:
    """Annotation of `int | Literal["full"]`: one message instead of pydantic's one per branch."""

    @staticmethod
    def read(value: object) -> object:
        whole = isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MAX_RANK
        if whole or value == "full":
            return value
        complaint = f"is not a rank, expected a whole number from 1 to {MAX_RANK} or `full`"
        raise PydanticCustomError("complaint", "{complaint}", {"complaint": complaint})

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self.read)

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"anyOf": [{"type": "integer", "minimum": 1, "maximum": MAX_RANK}, {"const": "full"}]}


Rank = Annotated[int, Field(ge=1, le=MAX_RANK)]
RankOrFull = Annotated[int | Literal["full"], _RankOrFull()]


class Ranks(Document):
    """Rank of each part that is there; `full` is a whole matrix instead of a LoRA."""

    cross_frame_attention: RankOrFull | None = None
    implicit_prompt: Rank | None = None
    temporal_lora: Rank | None = None
    mask_stream: RankOrFull | None = None
