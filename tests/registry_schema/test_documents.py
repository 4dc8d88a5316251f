"""Documents: what is printed reads as itself, bytes are canonical, values are frozen."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from registry_schema.adapter_spec import CrossFrameAttentionSpec, MaskStreamSpec
from registry_schema.base_spec import BaseSpec, FrameRule
from registry_schema.digests import Digest
from registry_schema.errors import IntegrityProblem, SchemaError
from registry_schema.manifest import Manifest
from registry_schema.names import AdapterName
from registry_schema.preset import Preset, PresetAdapter
from registry_schema.receipt import Receipt
from tests.registry_schema import samples
from tests.registry_schema.strategies import NAMES, VERSIONS

if TYPE_CHECKING:
    from registry_schema.document import RootDocument

DOCUMENTS = [
    samples.base_spec(),
    samples.flow_base_spec(),
    samples.manifest(),
    samples.receipt(),
    samples.preset(),
    samples.lock(),
    samples.root(),
    samples.checkpoint(),
    samples.snapshot(),
    samples.signatures(),
]
# letters and signs by name that show nothing are refused
TITLES = st.text(
    st.characters(categories=["L", "N", "P", "S"], exclude_characters="\u115f\u1160\u2800\u3164\uffa0"),
    min_size=1,
    max_size=80,
)
SHARES = st.floats(-4, 4, allow_nan=False)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: f"{document.SCHEMA}-{document.identity()[7:11]}")
def test_a_printed_document_reads_as_itself(document: RootDocument):
    again = type(document).parse(document.to_bytes())
    assert again == document
    assert again.to_bytes() == document.to_bytes()


@given(name=NAMES, version=VERSIONS, title=TITLES, alpha=st.floats(1e-6, 1024))
def test_canonical_bytes_survive_a_round_trip(name, version, title, alpha):
    build = samples.manifest()
    lora = build.adapter.temporal_lora.model_copy(update={"alpha": alpha})
    adapter = build.adapter.model_copy(update={"temporal_lora": lora})
    build = build.model_copy(update={"name": name, "version": version, "title": title, "adapter": adapter})
    data = build.to_bytes()
    assert Manifest.parse_published(data).to_bytes() == data
    assert build.identity() == Digest.of(data)


@given(st.lists(st.tuples(NAMES, VERSIONS, SHARES), min_size=1, max_size=8, unique_by=lambda row: row[0]))
def test_a_preset_survives_toml(rows):
    preset = Preset(
        base="nano",
        adapters=tuple(
            PresetAdapter(name=name, version=version, digest=samples.digest(name), weight=weight)
            for name, version, weight in rows
        ),
    )
    assert Preset.parse(preset.to_bytes()) == preset


def test_a_budget_shares_out_one():
    preset = samples.preset()
    doubled = tuple(adapter.model_copy(update={"weight": 1.5}) for adapter in preset.adapters)
    assert preset.weights() == (0.5, 0.5)
    assert Preset(base=preset.base, blend="sum", adapters=doubled).weights() == (1.5, 1.5)
    assert Preset(base=preset.base, blend="budget", adapters=doubled).weights() == (0.5, 0.5)


def test_the_words_a_person_reads_in_a_manifest():
    adapter = json.loads(samples.manifest().to_bytes())["adapter"]
    assert adapter["base"]["name"] == "nano"
    assert adapter["ranks"] == {"cross_frame_attention": 16, "implicit_prompt": 16, "temporal_lora": 8}
    assert adapter["implicit_prompt"] == {"words": "a waterfall"}
    assert adapter["masked"] is False


def test_a_manifest_that_is_not_canonical_is_read_but_not_published():
    data = json.dumps(samples.manifest().plain()).encode()
    assert Manifest.parse(data) == samples.manifest()
    with pytest.raises(SchemaError) as caught:
        Manifest.parse_published(data)
    assert caught.value.message == "miva.json: is not in canonical form, expected the bytes mivactl writes"


def test_a_build_is_told_apart_by_name_version_base_and_masked():
    build = samples.manifest(version="1.2.0rc1")
    assert build.key == (AdapterName("miva/waterfall"), build.version, "nano", False)
    assert build.key.tag == "1.2.0rc1--nano"
    masked = build.adapter.model_copy(update={"masked": True, "mask_stream": MaskStreamSpec()})
    assert build.model_copy(update={"adapter": masked}).key.tag == "1.2.0rc1--nano-masked"


def test_the_identity_of_a_manifest_is_pinned():
    """Changing this digest changes the identity of every published build: raise the schema version instead."""
    assert samples.manifest().identity().hex[:16] == "8b0ebbf3400411c5"


def test_skipping_frame_zero_is_said_or_absent():
    """A `false` in every document would change the identity of each build from before there was a choice."""
    plain = samples.manifest().adapter.cross_frame_attention
    assert "skip_first" not in plain.plain()
    skipping = CrossFrameAttentionSpec.of(plain.plain() | {"skip_first": True}, source="test")
    assert skipping.plain() == plain.plain() | {"skip_first": True}
    for wrong in (1, "yes"):
        with pytest.raises(SchemaError, match="skip_first"):
            CrossFrameAttentionSpec.of(plain.plain() | {"skip_first": wrong}, source="test")


def test_documents_do_not_change():
    build = samples.manifest()
    with pytest.raises(ValidationError):
        build.title = "Fire"
    with pytest.raises(ValidationError):
        build.adapter.cross_frame_attention.combine = "joint"


def test_python_callers_meet_the_same_strictness():
    for wrong in ({"combine": "both"}, {"rotary": 1}, {"unknown": 1}):
        with pytest.raises(ValidationError):
            CrossFrameAttentionSpec(**wrong)


def test_the_first_of_many_faults_is_told_and_the_rest_counted():
    with pytest.raises(SchemaError) as caught:
        FrameRule.of({"min": 0, "max": "9"}, source="recipe.toml: frames")
    assert caught.value.message == "recipe.toml: frames: min `0` is too small, expected at least 1 (and 1 more)"
    assert caught.value.exit_code == 5


@given(st.integers(1, 60), st.integers(0, 20), st.integers(1, 8), st.integers(-5, 90))
def test_the_nearest_frame_count_is_legal_and_none_is_nearer(first, steps, step, wanted):
    rule = FrameRule(min=first, max=first + steps * step, step=step, offset=first % step)
    nearest = rule.nearest(wanted)
    assert rule.allows(nearest)
    assert all(abs(nearest - wanted) <= abs(count - wanted) for count in range(-9, 250) if rule.allows(count))


def test_a_fresh_receipt_verifies_before_and_after_reading():
    receipt = samples.receipt()
    receipt.verify()
    Receipt.parse(receipt.to_bytes()).verify()


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("photo", "name"), "sea.jpg"),
        (("adapters", 0, "weight"), 0.51),
        (("adapters", 0, "version"), "1.2.1"),
        (("settings", "seed"), 43),
        (("settings", "loop"), "pingpong"),
        (("versions", "torch"), "2.12.0"),
        (("output", "format"), "webm"),
        (("digest",), "sha256:" + 64 * "0"),
    ],
)
def test_editing_a_receipt_is_noticed(place, value):
    document = json.loads(samples.receipt().to_bytes())
    here = document
    for step in place[:-1]:
        here = here[step]
    here[place[-1]] = value
    edited = Receipt.parse(json.dumps(document).encode())
    with pytest.raises(IntegrityProblem) as caught:
        edited.verify()
    assert caught.value.message.startswith("receipt: digest is `")
    assert caught.value.hint == "the receipt was edited after the clip was made; do not trust what it says"


def test_white_space_and_order_are_not_editing():
    document = json.loads(samples.receipt().to_bytes())
    shuffled = dict(reversed(document.items()))
    Receipt.parse(json.dumps(shuffled).encode()).verify()


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes_are_a_document_or_a_schema_error(data: bytes):
    for model in (Manifest, Preset, Receipt, BaseSpec):
        with pytest.raises(SchemaError) as caught:
            model.parse(data)
        assert caught.value.message.startswith(f"{model.SOURCE}: ")
