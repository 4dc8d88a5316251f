"""`mivactl bench --counted`: a table for people, an envelope for programs, one clear error for the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.mivactl.world import World


def test_the_packaged_base_is_counted_without_anything_installed(world: World):
    said = world.ok("bench", "--counted", "--adapters", "1")
    lines = said.out.splitlines()
    assert lines[0] == "nano: 16 frames of 128x80 in bfloat16, counted from shapes"
    assert any(line.startswith("one adapter ") for line in lines)
    _, ratio, limit, skipped, _ = next(line for line in lines if line.startswith("base + 1 adapter")).split()[-5:]
    assert 1 < float(skipped) < float(ratio) < 1.1
    assert limit == "-"
    assert lines[-1].split()[0] == "peak"


def test_the_same_numbers_are_in_the_envelope(world: World):
    counted = world.ok("bench", "--counted", "--base", "nano", "--adapters", "1", "--json").data["counted"]
    parameters, training = counted["parameters"], counted["training"]
    assert parameters["adapter"] == sum(parameters["parts"].values())
    bare, kept, skipped = counted["steps"]
    assert (bare["adapters"], bare["ratio"], bare["at_most"]) == (0, 1.0, None)
    assert kept["ratio"] == kept["operations"] / bare["operations"]
    assert skipped["skip_first"]
    assert skipped["operations"] < kept["operations"]
    parts = ("weights_bytes", "adapter_bytes", "saved_bytes", "transient_bytes")
    assert training["peak_bytes"] == sum(training[part] for part in parts)


@pytest.mark.acceptance
def test_what_a_mask_adds_is_counted_too(world: World):
    counted = world.ok("bench", "--counted", "--masked", "--adapters", "1", "--json").data["counted"]["masked"]
    assert set(counted["parts"]) == {"mask_stream", "background_prompt"}
    ratios = {(run["form"], run["evaluations"]): run["ratio"] for run in counted["runs"]}
    assert 1 < ratios["hard", 8] < ratios["usual", 8] < ratios["soft", 8] < ratios["hard", 50] < 2.5
    assert set(counted["decoders"]) == {"probe"}  # its own decoder is no network
    said = world.ok("bench", "--counted", "--masked", "--adapters", "1").out
    assert "8 of 50 steps predict masks: labels everywhere" in said
    assert "predicting masks, activations" in said


@pytest.mark.parametrize(
    ("arguments", "code", "message", "hint"),
    [
        ([], 2, "`bench` was asked for nothing, expected a mode: `--counted`", "run `mivactl bench --counted`"),
        (["--counted", "--adapters", "0"], 2, "`--adapters 0` is out of range, expected 1 to 8", ""),
        (["--counted", "--base", "nanno"], 3, "no base `nanno`", "did you mean `nano`?"),
        (["--counted", "--base", "wan"], 3, "no base `wan`", "`wan2.1-t2v-1.3b`"),
    ],
)
def test_what_can_not_be_counted_is_one_clear_error(
    world: World, arguments: list[str], code: int, message: str, hint: str
):
    said = world.mivactl("bench", *arguments)
    assert (said.exit_code, said.out) == (code, "")
    assert message in said.err
    assert hint in said.err
