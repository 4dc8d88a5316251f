"""Hypothesis strategies for the small values of `registry_schema`."""

from __future__ import annotations

from hypothesis import strategies as st

from registry_schema.names import DEVICE_NAMES, AdapterName
from registry_schema.versions import Version, VersionRange

WORDS = st.from_regex(r"[a-z][a-z0-9]{0,9}(-[a-z0-9]{1,6}){0,2}", fullmatch=True).filter(
    lambda word: word not in DEVICE_NAMES
)
NAMES = st.builds(lambda namespace, name: AdapterName(f"{namespace}/{name}"), WORDS, WORDS)

_PRE = st.none() | st.builds(
    lambda kind, number: f"{kind}{number}", st.sampled_from(["a", "b", "rc"]), st.integers(0, 20)
)
_NUMBERS = st.integers(0, 999_999)
VERSIONS = st.builds(
    lambda major, minor, patch, pre: Version(f"{major}.{minor}.{patch}{pre or ''}"), _NUMBERS, _NUMBERS, _NUMBERS, _PRE
)
_CLAUSES = st.builds(
    lambda operator, version: f"{operator}{version}",
    st.sampled_from(["~=", "==", "!=", "<=", ">=", "<", ">"]),
    VERSIONS,
) | st.sampled_from(["==1.*", "!=1.2.*", "~=1.2", ">=1", "<2"])
RANGES = st.lists(_CLAUSES, max_size=3).map(lambda clauses: VersionRange(",".join(clauses))).filter(str)
