"""Whatever three workers do, in whatever order and whoever is taken for dead: a part is a beginning of the file."""

from __future__ import annotations

import tempfile
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from mivactl.transfer.parts import PartFolder
from registry_schema.digests import Digest
from registry_schema.errors import Incomplete
from tests.mivactl.transfer.network import blob

if TYPE_CHECKING:
    from mivactl.transfer.parts import Part

DATA = blob(100)
DIGEST = Digest.of(DATA)
STEPS = st.tuples(
    st.integers(0, 2),
    st.sampled_from(["claim", "claim from the dead", "append", "append", "give back", "place"]),
    st.integers(1, 60),
)


class Worker:
    """One that fetches; what it has claimed must be a beginning of the file at all times."""

    def __init__(self, folder: Path) -> None:
        self.folder = PartFolder(folder)
        # for this one everybody else has been silent for days
        self.late = PartFolder(folder, clock=lambda: time.time() + 1e6)
        self.part: Part | None = None
        self.claim = ExitStack()

    def take(self, step: str, count: int) -> None:
        if self.part is None:
            if step.startswith("claim"):
                with ExitStack() as claim:
                    folder = self.late if step.endswith("dead") else self.folder
                    self.part = claim.enter_context(folder.claimed(DIGEST))
                    self.claim = claim.pop_all()
                self.check(self.part)
        elif step == "append":
            self.part.append(DATA[self.part.length_bytes :][:count])
            self.check(self.part)
        elif step == "give back":
            self.part.give_back()
            self.part = None
        elif step == "place" and self.part.length_bytes == len(DATA):
            with suppress(Incomplete):
                self.part.place(self.folder.complete(DIGEST))
            self.part = None

    def check(self, part: Part) -> None:
        assert b"".join(part.chunks()) == DATA[: part.length_bytes]


@settings(max_examples=60, deadline=None)
@given(st.lists(STEPS, max_size=40))
def test_a_part_is_always_a_beginning_of_the_file(steps: list[tuple[int, str, int]]):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        workers = [Worker(folder) for _ in range(3)]
        for number, step, count in steps:
            workers[number].take(step, count)
        for worker in workers:
            if worker.part is not None:
                worker.part.give_back()
        complete = folder / DIGEST.hex
        assert not complete.exists() or complete.read_bytes() == DATA
        left = [path.read_bytes() for path in folder.glob("*.part")]
        assert len(left) <= 1, "every owned part was given back or adopted"
        assert all(DATA.startswith(content) and content for content in left)
