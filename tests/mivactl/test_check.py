"""`check` answers from a manifest and the header of the weights: nothing behind the header is asked for."""

from __future__ import annotations

import io
import struct
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from mivactl.operations.check import check
from mivactl.registry.directory import DirectoryRegistry
from registry_schema.errors import IntegrityProblem
from registry_schema.ref import AdapterRef
from tests.mivactl.test_damaged_registries import with_weights
from tests.mivactl.world import WAN, World
from tests.registry_schema.samples import base_spec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mivactl.content import Content

REF = AdapterRef.parse("my/waterfall")


class RangedOnly(io.RawIOBase):
    """A stream as a distant server gives it: forward only, and every byte that is read is counted."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self.taken = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        part = self._content[self.taken : self.taken + len(buffer)]
        buffer[: len(part)] = part
        self.taken += len(part)
        return len(part)

    def seek(self, *_: int) -> int:
        raise AssertionError("a stream from far away can not be searched")


@pytest.fixture
def streams(monkeypatch: pytest.MonkeyPatch) -> list[RangedOnly]:
    """Every registry hands out such streams; the ones it handed out."""
    handed_out: list[RangedOnly] = []
    read = DirectoryRegistry.open_file

    @contextmanager
    def open_file(registry: DirectoryRegistry, content: Content) -> Iterator[RangedOnly]:
        with read(registry, content) as file:
            handed_out.append(RangedOnly(file.read()))
        yield handed_out[-1]

    monkeypatch.setattr(DirectoryRegistry, "open_file", open_file)
    return handed_out


def test_only_the_header_of_the_weights_is_read(world: World, streams: list[RangedOnly]):
    world.publish()
    report = check(REF, world.session(), base="nano")
    assert report.fit == "exact"
    (stream,) = streams
    length = int.from_bytes(stream._content[:8], "little")
    assert stream.taken == report.read_bytes == 8 + length
    assert report.size_bytes == len(stream._content) > stream.taken
    assert not (world.home / "store" / "blobs").exists()


def test_the_answer_for_another_base_takes_not_even_the_header(world: World, streams: list[RangedOnly]):
    world.publish()
    world.add_base(WAN)
    said = world.mivactl("check", "my/waterfall", "--base", "wan2.1-t2v-1.3b")
    assert said.exit_code == 4
    assert said.out.startswith("no: my/waterfall 1.0.0 on base wan2.1-t2v-1.3b: trained on base `nano` with ")
    assert "hint: use `--base nano`, or look for a build for `wan2.1-t2v-1.3b`; `mivactl why my/waterfall`" in said.err
    assert streams == []


def test_other_weights_of_the_architecture_fit_with_a_note(world: World):
    world.publish()
    world.add_base(base_spec(weights="another training"))
    said = world.ok("check", "my/waterfall", "--base", "nano")
    assert said.out.startswith("fits: my/waterfall 1.0.0 on base nano")
    assert "motion may differ" in said.err
    data = world.ok("check", "my/waterfall", "--base", "nano", "--json").data["report"]
    assert (data["fit"], data["misses"]) == ("fits", [])


def test_what_can_not_be_proved_is_not_claimed(world: World):
    """Of this base only the facts are here: no configuration to bind tensors to."""
    world.publish()
    said = world.ok("check", "my/waterfall", "--base", "nano")
    assert "whether every tensor binds is open" in said.err


def test_a_base_that_is_not_here_can_be_asked_about_and_one_nobody_knows_can_not(world: World):
    world.publish()
    assert world.mivactl("check", "my/waterfall", "--base", "animatediff-v3").exit_code == 4
    said = world.mivactl("check", "my/waterfall", "--base", "nanno")
    assert (said.exit_code, "did you mean `nano`?" in said.err) == (3, True)
    assert world.mivactl("check", "my/nobody", "--base", "nano").exit_code == 3


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (struct.pack("<Q", 2**40) + b"{}", "claims a header of 1099511627776 bytes"),
        (struct.pack("<Q", 2**20) + b"{" * 2**20, "expected at most 8192"),
        (b"PK\x03\x04 a pickle in a zip", "claims a header of"),
    ],
)
def test_a_hostile_header_is_refused_by_check_as_well(world: World, content: bytes, message: str):
    world.publish()
    with_weights(content, 2)(world)
    with pytest.raises(IntegrityProblem, match=message):
        check(REF, world.session(), base="nano")


def test_an_installed_adapter_is_checked_from_the_store(world: World):
    world.publish()
    world.ok("install", "my/waterfall")
    for path in (world.home / "registry" / "blobs").rglob("*"):
        if path.is_file():
            path.unlink()
    assert check(REF, world.session(), base="nano").fit == "exact"


def test_the_policy_speaks_before_the_fit(world: World):
    world.publish(licence="GPL-3.0-only")
    (world.home / "config.toml").write_text('[policy]\nlicences_deny = ["GPL-3.0-only"]\n')
    assert world.mivactl("check", "my/waterfall", "--base", "nano").exit_code == 9
