"""Versions and ranges follow PEP 440 within `X.Y.Z[aN|bN|rcN]`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet

from registry_schema.errors import UsageProblem
from registry_schema.versions import Version, VersionRange
from tests.registry_schema.strategies import RANGES, VERSIONS


@given(VERSIONS)
def test_a_printed_version_reads_as_itself(version: Version):
    again = Version(str(version))
    assert again == version
    assert hash(again) == hash(version)


@given(RANGES)
def test_a_printed_range_reads_as_itself(wanted: VersionRange):
    again = VersionRange(str(wanted))
    assert again == wanted
    assert hash(again) == hash(wanted)


@given(RANGES, VERSIONS)
def test_a_range_admits_what_packaging_does(wanted: VersionRange, version: Version):
    assert wanted.admits(version, pre=True) == SpecifierSet(str(wanted)).contains(version, prereleases=True)


@given(RANGES, st.lists(VERSIONS, max_size=5))
def test_the_newest_is_admitted_and_nothing_admitted_is_newer(wanted: VersionRange, versions: list[Version]):
    newest = wanted.newest(versions)
    admitted = [version for version in versions if wanted.admits(version)]
    assert (newest is None) == (not admitted)
    assert newest is None or newest == max(admitted)


def test_a_pre_release_is_never_taken_because_nothing_else_is_there():
    only = [Version("1.0.0rc1")]
    assert VersionRange(">=0.5").newest(only) is None
    assert VersionRange(">=0.5").newest(only, pre=True) == only[0]
    assert VersionRange(">=1.0.0a1").newest(only) == only[0]
    assert VersionRange().newest(only) is None


def test_versions_are_ordered_by_number_and_pre_releases_come_first():
    texts = ["1.0.0a1", "1.0.0b1", "1.0.0b2", "1.0.0rc1", "1.0.0", "1.2.0", "1.10.0", "2.0.0"]
    assert [str(version) for version in sorted(map(Version, reversed(texts)))] == texts


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1",
        "1.2",
        "1.2.3.4",
        "v1.2.3",
        "01.2.3",
        "1.2.3-rc1",
        "1.2.3.dev1",
        "1.2.3+local",
        "1!1.2.3",
        "1.2.3\n",
        "\u0661.\u0662.\u0663",
    ],
)
def test_other_spellings_of_versions_are_refused(text: str):
    with pytest.raises(UsageProblem):
        Version(text)


@pytest.mark.parametrize("text", ["1.2", "^1", "~=1", ">=1.*", "===1.0", ">=1,,<2", ",", ">=1.0.dev1", ">=1+x", "=1.2"])
def test_other_spellings_of_ranges_are_refused(text: str):
    with pytest.raises(UsageProblem):
        VersionRange(text)


@pytest.mark.parametrize(
    ("text", "pins"),
    [("==1.0.3", True), ("==1.0.3rc1", True), ("==1.0.*", False), ("==1.0", False), (">=1", False), ("", False)],
)
def test_only_one_version_in_full_is_a_pin(text: str, pins: bool):
    assert VersionRange(text).pins_one is pins


@given(RANGES, RANGES, VERSIONS)
def test_joined_ranges_admit_what_both_admit(first: VersionRange, second: VersionRange, version: Version):
    both = first.joined(second)
    assert both.admits(version, pre=True) == (first.admits(version, pre=True) and second.admits(version, pre=True))
