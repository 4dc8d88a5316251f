"""Licence expressions against a policy: a choice is only ruled out when every choice is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry_schema.errors import UsageProblem
from registry_schema.licence_policy import LicencePattern, denied_part
from registry_schema.text import Licence


@pytest.mark.parametrize(
    ("licence", "denied"),
    [
        ("MIT", None),
        ("GPL-3.0-only", "GPL-3.0-only"),
        ("CC-BY-NC-4.0", "CC-BY-NC-4.0"),
        ("CC-BY-4.0", None),
        ("MIT OR GPL-3.0-only", None),
        ("GPL-3.0-only OR CC-BY-NC-4.0", "GPL-3.0-only"),
        ("MIT AND GPL-3.0-only", "GPL-3.0-only"),
        ("MIT AND (Apache-2.0 OR GPL-3.0-only)", None),
        ("MIT OR Apache-2.0 AND GPL-3.0-only", None),
        ("(MIT OR Apache-2.0) AND GPL-3.0-only", "GPL-3.0-only"),
        ("GPL-3.0-only WITH Classpath-exception-2.0", "GPL-3.0-only"),
        ("GPL-3.0-or-later", None),
        ("LicenseRef-NonCommercial", "LicenseRef-NonCommercial"),
    ],
)
def test_what_a_policy_rules_out(licence: str, denied: str | None):
    assert Licence.problem(licence) is None
    assert denied_part(licence, ("GPL-3.0-only", "CC-BY-NC-*", "LicenseRef-*")) == denied


NAMES = ("MIT", "Apache-2.0", "GPL-3.0-only", "CC-BY-NC-4.0")
TREES = st.recursive(
    st.sampled_from(NAMES), lambda inner: st.tuples(inner, st.sampled_from(["AND", "OR"]), inner), max_leaves=6
)


def text(tree: object) -> str:
    return tree if isinstance(tree, str) else f"({text(tree[0])} {tree[1]} {text(tree[2])})"


def allowed(tree: object, deny: set[str]) -> bool:
    if isinstance(tree, str):
        return tree not in deny
    sides = (allowed(tree[0], deny), allowed(tree[2], deny))
    return all(sides) if tree[1] == "AND" else any(sides)


@given(TREES, st.sets(st.sampled_from(NAMES)))
def test_an_expression_is_denied_exactly_when_logic_says_so(tree: object, deny: set[str]):
    found = denied_part(text(tree), sorted(deny))
    assert (found is None) == allowed(tree, deny)
    assert found is None or found in deny


@pytest.mark.parametrize("wrong", ["GPL 3", "gpl-3.0-only", "MIT OR GPL-3.0-only", ""])
def test_a_policy_names_licences_as_they_are_spelled(wrong: str):
    with pytest.raises(UsageProblem):
        LicencePattern(wrong)
