"""References, names and weights: what a person writes is read, printed and read again."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from registry_schema.digests import Digest
from registry_schema.errors import UsageProblem
from registry_schema.names import AdapterName, BaseName, RegistryName
from registry_schema.ref import MAX_WEIGHT, AdapterRef, print_weight, read_weight
from registry_schema.versions import Version, VersionRange
from tests.registry_schema.strategies import NAMES, RANGES, WORDS

SPECS = st.none() | st.sampled_from(["latest", "beta"]) | RANGES | st.binary(max_size=4).map(Digest.of)
WEIGHTS = st.none() | st.floats(-MAX_WEIGHT, MAX_WEIGHT).map(lambda weight: round(weight, 9) + 0.0)
REFS = st.builds(AdapterRef, name=NAMES, registry=st.none() | WORDS.map(RegistryName), spec=SPECS, weight=WEIGHTS)
ALL_DIGITS = "sha256:" + 64 * "1"


@given(REFS)
@example(AdapterRef(AdapterName("a"), spec=Digest(ALL_DIGITS)))
@example(AdapterRef(AdapterName("a"), spec=Digest(ALL_DIGITS), weight=1.0))
def test_a_printed_reference_reads_as_itself(ref: AdapterRef):
    assert AdapterRef.parse(str(ref)) == ref


@given(st.floats(-MAX_WEIGHT, MAX_WEIGHT).map(lambda weight: round(weight, 12) + 0.0))
def test_a_printed_weight_reads_as_itself(weight: float):
    assert read_weight(print_weight(weight)) == weight


@given(NAMES)
def test_a_printed_name_reads_as_itself(name: AdapterName):
    assert AdapterName(str(name)) == name == f"{name.namespace}/{name.name}"


@given(st.text())
def test_any_text_is_a_reference_or_a_usage_problem(text: str):
    try:
        ref = AdapterRef.parse(text)
    except UsageProblem as problem:
        words = problem.message
    else:
        words = str(ref)
        assert AdapterRef.parse(words) == ref
    assert words.isprintable()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("waterfall", AdapterRef(AdapterName("miva/waterfall"))),
        ("waterfall:0.5", AdapterRef(AdapterName("miva/waterfall"), weight=0.5)),
        ("waterfall:-.5", AdapterRef(AdapterName("miva/waterfall"), weight=-0.5)),
        ("my/wave@latest", AdapterRef(AdapterName("my/wave"), spec="latest")),
        ("my/wave@beta:1", AdapterRef(AdapterName("my/wave"), spec="beta", weight=1.0)),
        ("my/wave@>=1.2,<2:0.7", AdapterRef(AdapterName("my/wave"), spec=VersionRange(">=1.2,<2"), weight=0.7)),
        (f"wave@{ALL_DIGITS}", AdapterRef(AdapterName("wave"), spec=Digest(ALL_DIGITS))),
        (f"wave@{ALL_DIGITS}:2", AdapterRef(AdapterName("wave"), spec=Digest(ALL_DIGITS), weight=2.0)),
        ("studio::wave", AdapterRef(AdapterName("wave"), registry=RegistryName("studio"))),
        (
            "studio::my/wave@~=1.2:0",
            AdapterRef(AdapterName("my/wave"), RegistryName("studio"), VersionRange("~=1.2"), 0.0),
        ),
    ],
)
def test_a_reference_is_read(text: str, expected: AdapterRef):
    assert AdapterRef.parse(text) == expected


INCOMPLETE = "is not complete, expected `[registry::]name[@SPEC][:weight]`"
NOT_A_NAME = "is not an adapter name, expected `namespace/name` in lower-case letters, digits and single hyphens"
NOT_A_RANGE = "is not a version range, expected for example `>=1.2,<2`, `~=1.2` or `==1.0.3`"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", f"adapter `` {INCOMPLETE}"),
        ("::wave", f"adapter `::wave` {INCOMPLETE}"),
        ("wave@", f"adapter `wave@` {INCOMPLETE}"),
        ("@latest", f"adapter `@latest` {INCOMPLETE}"),
        ("wave:nan", "weight `nan` is not a plain decimal, expected for example `0.5`"),
        ("wave:1e3", "weight `1e3` is not a plain decimal, expected for example `0.5`"),
        ("wave:", "weight `` is not a plain decimal, expected for example `0.5`"),
        ("wave:5", "weight `5` is out of range, expected -4 to 4"),
        ("wave@1.0.3", "version range `1.0.3` has no operator, expected for example `==1.0.3`"),
        ("wave@^1.2", f"version range `^1.2` {NOT_A_RANGE}"),
        ("wave@>=1.2,", f"version range `>=1.2,` {NOT_A_RANGE}"),
        ("wave@===1.2.0", f"version range `===1.2.0` {NOT_A_RANGE}"),
        ("wave@sha256:ab", "digest `sha256:ab` has 2 hex digits, expected 64"),
        ("Wave", f"adapter name `miva/Wave` {NOT_A_NAME}"),
        ("a/b/c", f"adapter name `a/b/c` {NOT_A_NAME}"),
        ("../../wave", f"adapter name `../../wave` {NOT_A_NAME}"),
        ("wa\u202eve", f"adapter name `miva/wa\\u202eve` {NOT_A_NAME}"),
        ("my/con", "adapter name `my/con` holds the device name `con`, expected another word"),
        (
            "Stu::wave",
            "registry name `Stu` is not a registry name, expected lower-case letters, digits and single hyphens",
        ),
    ],
)
def test_a_reference_that_is_none_says_why(text: str, message: str):
    with pytest.raises(UsageProblem) as caught:
        AdapterRef.parse(text)
    assert caught.value.message == message


def test_a_bare_version_comes_with_the_way_to_write_it():
    with pytest.raises(UsageProblem) as caught:
        AdapterRef.parse("wave@1.0.3")
    assert caught.value.hint == "write `@==1.0.3`"


def test_pre_releases_need_beta_or_a_range_that_names_one():
    early = Version("2.0.0rc1")
    admitted = [
        spec for spec in ("latest", "beta", ">=1", ">=2.0.0rc1", "<3") if AdapterRef.parse(f"wave@{spec}").admits(early)
    ]
    assert admitted == ["beta", ">=2.0.0rc1"]
    assert not AdapterRef.parse("wave").admits(early)
    assert AdapterRef.parse("wave").admits(early, pre=True)


@pytest.mark.parametrize("text", ["nano", "animatediff-v3", "wan2.1-t2v-1.3b"])
def test_bases_are_named_in_words_digits_dots_and_hyphens(text: str):
    assert BaseName(text) == text


@pytest.mark.parametrize("text", ["", "Nano", "1nano", "nano-", "nano..a", "nano_a", "nano/a", "n" * 65])
def test_other_base_names_are_refused(text: str):
    with pytest.raises(UsageProblem):
        BaseName(text)
