"""Whether an adapter fits a base is decided by data alone."""

from __future__ import annotations

from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry_schema.adapter_spec import AdapterSpec, CrossFrameAttentionSpec
from registry_schema.base_spec import BaseSpec, FrameRule
from registry_schema.clip_shape import ClipShape
from registry_schema.compatibility import Accepted, Rejected, check_fit, check_identity, differences, fingerprint
from registry_schema.document import Document
from registry_schema.noise_schedule import Diffusion, Flow
from tests.registry_schema.samples import adapter_spec, base_spec, digest, flow_base_spec, manifest

DocumentT = TypeVar("DocumentT", bound=Document)


def changed(document: DocumentT, **fields: object) -> DocumentT:
    return document.model_copy(update=fields)


@pytest.mark.parametrize(
    "base", [base_spec(), base_spec(exact_only=True), flow_base_spec()], ids=lambda base: base.title
)
def test_an_adapter_fits_the_base_it_was_trained_on_exactly(base: BaseSpec):
    assert check_fit(adapter_spec(base), base) == Accepted("exact")


@given(st.text(max_size=3), st.booleans())
def test_other_weights_of_one_architecture_fit_unless_the_base_takes_its_own_only(name: str, exact_only: bool):
    fit = check_fit(adapter_spec(base_spec()), base_spec(weights=f"other {name}", exact_only=exact_only))
    if exact_only:
        assert isinstance(fit, Rejected)
        assert "takes its own only" in fit.reason
    else:
        assert isinstance(fit, Accepted)
        assert fit.level == "fits"
        assert "motion may differ" in fit.note


def test_another_architecture_is_rejected_with_both_names():
    fit = check_fit(adapter_spec(base_spec()), flow_base_spec())
    assert isinstance(fit, Rejected)
    assert fit.reason.startswith("trained on base `nano` with architecture `4ca303a3bf7d`, base `wan2.1-t2v-1.3b` has ")
    assert fit.hint == "use `--base nano`, or look for a build for `wan2.1-t2v-1.3b`"


def test_an_index_line_alone_tells_about_the_base():
    spec = adapter_spec()
    assert check_identity(spec.base, base_spec()) == Accepted("exact")
    assert isinstance(check_identity(spec.base, flow_base_spec()), Rejected)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("betas", "linear"),
        ("beta_end", 0.02),
        ("prediction", "v_prediction"),
        ("train_steps", 999),
    ],
)
def test_a_base_with_another_noise_schedule_is_rejected(field: str, value: object):
    base = base_spec()
    other = changed(base, noise_schedule=changed(base.noise_schedule, **{field: value}))
    fit = check_fit(adapter_spec(base), other)
    assert isinstance(fit, Rejected)
    assert fit.reason.startswith(f"trained with noise_schedule.{field} `")
    assert fit.reason.endswith(f"base `nano` runs `{value}`")


def test_what_only_sampling_asks_of_a_schedule_does_not_matter():
    base = base_spec()
    schedule = changed(base.noise_schedule, steps_offset=0, spacing="trailing")
    assert check_fit(adapter_spec(base), changed(base, noise_schedule=schedule)) == Accepted("exact")


def test_diffusion_adapters_do_not_run_on_flow():
    fit = check_fit(adapter_spec(), changed(base_spec(), noise_schedule=Flow()))
    assert isinstance(fit, Rejected)
    assert fit.reason == "trained with noise_schedule.kind `diffusion`, base `nano` runs `flow`"
    assert isinstance(adapter_spec().noise_schedule, Diffusion)


def test_parts_that_a_family_has_no_place_for_are_rejected():
    lora = check_fit(adapter_spec(), changed(base_spec(), family="wan"))
    assert isinstance(lora, Rejected)
    assert lora.reason == "temporal_lora needs temporal attention, base `nano` has none"
    turned = changed(adapter_spec(), cross_frame_attention=CrossFrameAttentionSpec(rotary=True))
    rotary = check_fit(turned, base_spec())
    assert isinstance(rotary, Rejected)
    assert rotary.reason == "cross_frame_attention.rotary needs rotary positions, base `nano` has none"


def test_a_clip_that_the_base_can_not_make_is_rejected():
    long = check_fit(adapter_spec(), changed(base_spec(), frames=FrameRule(min=5, max=13, step=4, offset=1)))
    assert isinstance(long, Rejected)
    assert long.reason == "trained on clips of 16 frames, base `nano` takes for example 13"
    odd = changed(adapter_spec(), clip=ClipShape(frames=16, height=72, width=128, fps=8))
    size = check_fit(odd, base_spec())
    assert isinstance(size, Rejected)
    assert size.reason == "trained on clips of 128x72 pixels, base `nano` takes multiples of 16"


def test_a_changed_combine_mode_is_visible_at_equal_tensors():
    build = manifest()
    joint = changed(build.adapter.cross_frame_attention, combine="joint")
    other = changed(build, adapter=changed(build.adapter, cross_frame_attention=joint))
    assert other.tensors == build.tensors
    assert other.identity() != build.identity()
    assert differences(build.adapter, other.adapter) == ("cross_frame_attention.combine: `separate` -> `joint`",)


def test_a_spec_differs_from_itself_in_nothing_and_a_missing_part_is_named():
    spec = adapter_spec()
    assert differences(spec, AdapterSpec.of(spec.plain(), source="again")) == ()
    without = changed(spec, temporal_lora=None, ranks=changed(spec.ranks, temporal_lora=None))
    assert differences(spec, without) == (
        "ranks.temporal_lora: `8` -> `absent`",
        "temporal_lora.alpha: `1.0` -> `absent`",
    )


SHAPES = st.dictionaries(
    st.text(min_size=1, max_size=8), st.lists(st.integers(1, 99), max_size=3).map(tuple), max_size=5
)


@given(SHAPES, st.randoms())
def test_a_fingerprint_does_not_depend_on_order(shapes: dict[str, tuple[int, ...]], random):
    items = list(shapes.items())
    random.shuffle(items)
    assert fingerprint(dict(items)) == fingerprint(shapes)


@given(SHAPES, SHAPES)
def test_different_architectures_have_different_fingerprints(first: dict, second: dict):
    assert (fingerprint(first) == fingerprint(second)) == (first == second)


def test_a_fingerprint_is_pinned():
    assert fingerprint({"b.weight": (2, 3), "a.bias": (4,), "scale": ()}) == digest(
        '["a.bias",4]\n["b.weight",2,3]\n["scale"]'
    )


def test_a_trained_length_that_the_base_only_comes_near_to_is_a_note_and_one_past_its_limit_a_refusal():
    base = changed(base_spec(), frames=FrameRule(min=5, max=17, step=4, offset=1))
    near = check_fit(adapter_spec(), base)
    assert near == Accepted("exact", "trained on clips of 16 frames, the nearest that base `nano` makes is 17")
    short = changed(adapter_spec(), clip=ClipShape(frames=4, height=80, width=128, fps=8))
    assert check_fit(short, base_spec()).note.endswith("the nearest that base `nano` makes is 8")
    past = check_fit(changed(adapter_spec(), clip=ClipShape(frames=33, height=80, width=128, fps=8)), base_spec())
    assert isinstance(past, Rejected)
    assert "--frames 32" in past.hint


def test_a_size_the_base_does_not_make_names_the_nearest():
    odd = check_fit(changed(adapter_spec(), clip=ClipShape(frames=16, height=75, width=130, fps=8)), base_spec())
    assert isinstance(odd, Rejected)
    assert odd.hint.endswith("the nearest is 128x80")
