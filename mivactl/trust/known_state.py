"""What this machine has seen of a signed registry: the floor below which nothing is believed any more."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from registry_schema.digests import Digest
from registry_schema.document import RootDocument
from registry_schema.signed_state import MAX_STATE_FILES, RegistryId, Root, StatePath


class KnownState(RootDocument):
    """The newest signed state that passed every check.

    Attributes:
        root: the exact text of the root whose keys count.
        counter: of the checkpoint; nothing below it is taken.
        checkpoint: digest of the checkpoint's bytes; another one of the same counter is not taken.
        lines: how many lines each file had; none may have fewer.
    """

    SCHEMA: ClassVar[str] = "mivactl.known-state/1"
    SOURCE: ClassVar[str] = "known state"
    MAX_BYTES: ClassVar[int] = 16 << 20

    registry: RegistryId
    root: Annotated[str, Field(max_length=Root.MAX_BYTES)]
    counter: Annotated[int, Field(ge=1)]
    checkpoint: Digest
    lines: Annotated[dict[StatePath, int], Field(max_length=MAX_STATE_FILES)]

    def known_root(self) -> Root:
        """The root whose keys count."""
        return Root.parse(self.root.encode())
