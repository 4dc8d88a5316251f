"""What this machine has seen of a signed registry: the floor below which nothing is believed any more."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from registry_schema.digests import Digest
from registry_schema.document import RootDocument
from registry_schema.registry_address import RegistryId
from registry_schema.signed_state import Root


class KnownState(RootDocument):
    """The newest signed state that passed every check.

    Attributes:
        root: the exact text of the root whose keys count.
        counter: of the checkpoint; nothing below it is taken.
        checkpoint: digest of the checkpoint's bytes; another one of the same counter is not taken.

    The snapshot that belongs to it lies beside it: no file may ever have fewer lines than it says.
    """

    SCHEMA: ClassVar[str] = "mivactl.known-state/1"
    SOURCE: ClassVar[str] = "known state"
    MAX_BYTES: ClassVar[int] = 2 * Root.MAX_BYTES

    registry: RegistryId
    root: Annotated[str, Field(max_length=Root.MAX_BYTES)]
    counter: Annotated[int, Field(ge=1)]
    checkpoint: Digest

    def known_root(self) -> Root:
        """The root whose keys count."""
        return Root.parse(self.root.encode())
