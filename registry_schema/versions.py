"""`Version` and `VersionRange`: PEP 440 through `packaging`, cut down to `X.Y.Z`, `X.Y.ZaN`, `bN` and `rcN`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from packaging.specifiers import SpecifierSet
from packaging.version import Version as AnyVersion

from registry_schema.text import TextValue

if TYPE_CHECKING:
    from collections.abc import Iterable

_NUMBER = r"(0|[1-9][0-9]{0,5})"
_PART = r"[0-9]{1,6}"
_PRE = rf"(a|b|rc){_PART}"
_CLAUSE = (
    rf" *(~= *{_PART}(\.{_PART}){{1,2}}({_PRE})?"
    rf"|(==|!=) *{_PART}(\.{_PART}){{0,2}}({_PRE}|\.\*)?"
    rf"|(<=|>=|<|>) *{_PART}(\.{_PART}){{0,2}}({_PRE})?) *"
)


class Version(TextValue, AnyVersion):
    """`X.Y.Z[aN|bN|rcN]`; ordered as PEP 440 says."""

    what = "version"
    pattern = rf"^{_NUMBER}\.{_NUMBER}\.{_NUMBER}((a|b|rc){_NUMBER})?$"
    longest = 32

    def __init__(self, text: str) -> None:
        super().__init__(self.checked(text))

    @classmethod
    def complaint(cls, text: str) -> str | None:
        """See `TextValue`."""
        if cls.matches(text):
            return None
        return (
            "is not a version, expected `X.Y.Z` or with `aN`, `bN`, `rcN` behind it, for example `1.2.0` or `1.2.0rc1`"
        )


class VersionRange(TextValue):
    """A set of versions, `>=1.2,<2`; the empty text is every version."""

    what = "version range"
    pattern = rf"^({_CLAUSE}(,{_CLAUSE})*)?$"

    def __init__(self, text: str = "") -> None:
        self._specifiers = SpecifierSet(self.checked(text))

    @classmethod
    def complaint(cls, text: str) -> str | None:
        """See `TextValue`."""
        if cls.matches(text):
            return None
        return "is not a version range, expected for example `>=1.2,<2`, `~=1.2` or `==1.0.3`"

    def __str__(self) -> str:
        return str(self._specifiers)

    def __repr__(self) -> str:
        return f"VersionRange({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, VersionRange) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))

    @property
    def names_pre_release(self) -> bool:
        """Whether a pre-release is written in the range, which asks for pre-releases."""
        return any(re.search("[a-z]", clause.version) for clause in self._specifiers)

    @property
    def pins_one(self) -> bool:
        """Whether the range is one version in full, `==1.0.3`."""
        clauses = list(self._specifiers)
        return len(clauses) == 1 and clauses[0].operator == "==" and Version.complaint(clauses[0].version) is None

    def joined(self, other: VersionRange) -> VersionRange:
        """The versions that are in both."""
        return VersionRange(",".join(filter(None, (str(self), str(other)))))

    def admits(self, version: AnyVersion, *, pre: bool = False) -> bool:
        """Whether `version` is in the set; pre-releases only if `pre` or the range names one."""
        wanted = pre or self.names_pre_release
        if version.is_prerelease and not wanted:
            return False
        return self._specifiers.contains(version, prereleases=True)

    def newest(self, versions: Iterable[Version], *, pre: bool = False) -> Version | None:
        """The newest of `versions` in the set; None when there is none."""
        return max((version for version in versions if self.admits(version, pre=pre)), default=None)
