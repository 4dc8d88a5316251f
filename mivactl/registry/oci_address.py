"""`OciAddress`: `oci://host[:port]/prefix`, and where the repositories of such a registry are on the web."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from mivactl.transfer.address import Origin, require_safe
from registry_schema.errors import UsageProblem

if TYPE_CHECKING:
    from registry_schema.digests import Digest

_LONGEST_PREFIX: Final = 100
# OCI distribution specification 1.1, "Pulling manifests"
_REPOSITORY: Final = re.compile(r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*")


@dataclass(frozen=True)
class OciAddress:
    """A server and a prefix for the names of repositories there."""

    origin: Origin
    prefix: str

    @classmethod
    def parse(cls, place: str, *, encrypted: bool, insecure: bool) -> OciAddress:
        """The address `oci://host[:port]/prefix`; as everywhere, this machine is asked without encryption.

        Args:
            encrypted: ask this machine with encryption, too.
            insecure: ask every machine without.

        Raises:
            UsageProblem: it is no such address.
        """
        parts = urlsplit(place)
        prefix = parts.path.strip("/")
        if not _REPOSITORY.fullmatch(prefix) or len(prefix) > _LONGEST_PREFIX or parts.query or parts.fragment:
            raise UsageProblem(
                f"`{prefix}` is no name for repositories, expected lower-case words such as `studio/adapters`",
                hint="write the address as `oci://host[:port]/prefix`",
            )
        web = Origin.of(f"https://{parts.netloc}")
        plain = insecure or (web.is_loopback and not encrypted)
        scheme = "http" if plain else "https"
        return cls(require_safe(f"{scheme}://{parts.netloc}", insecure=insecure), prefix)

    def repository(self, name: str) -> str:
        """The repository `name` below the prefix."""
        return f"{self.prefix}/{name}"

    def blob_url(self, repository: str, digest: Digest) -> str:
        """Where a blob is read."""
        return f"{self.origin}/v2/{repository}/blobs/{digest}"

    def uploads_url(self, repository: str) -> str:
        """Where an upload begins."""
        return f"{self.origin}/v2/{repository}/blobs/uploads/"

    def manifest_url(self, repository: str, reference: str) -> str:
        """Where a manifest is read and written, by tag or by digest."""
        return f"{self.origin}/v2/{repository}/manifests/{reference}"
