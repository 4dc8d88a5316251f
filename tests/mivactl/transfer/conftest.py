from __future__ import annotations

from tests.servers.fixtures import authority, ca_file, web

__all__ = ["authority", "ca_file", "web"]
