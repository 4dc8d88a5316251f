"""A small server that speaks what huggingface_hub asks of the Hub about models: commits, folders, files, ranges.

It is a real HTTP server on loopback; the client is the real one. `faults` makes it gated, forgetful or torn.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING
from urllib.parse import unquote

from tests.servers.blob_server import LoopbackServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

COMMIT = "0123456789abcdef0123456789abcdef01234567"
_LARGE = (".safetensors", ".bin")


@dataclass
class Faults:
    """What goes wrong.

    Args:
        gated: repositories that only show what they have.
        missing: repositories nobody knows.
        revisions: the revisions there are.
        cut_after: bytes after which the first answer with a large file ends.
        flip: whether the last byte of large files is another than announced.
        status: answered to everything.
    """

    gated: set[str] = field(default_factory=set)
    missing: set[str] = field(default_factory=set)
    revisions: set[str] = field(default_factory=lambda: {"main", COMMIT})
    cut_after: int | None = None
    flip: bool = False
    status: int | None = None


class SmallHub(LoopbackServer):
    """Repositories are folders `owner/name` below `root`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.faults = Faults()
        self.requests: list[tuple[str, str, str]] = []
        self.sent_bytes = 0
        super().__init__(_Handler)

    @property
    def endpoint(self) -> str:
        return self.url


class _Handler(BaseHTTPRequestHandler):
    owner: SmallHub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def _answer(self) -> None:
        path = unquote(self.path.partition("?")[0])
        self.owner.requests.append((self.command, path, self.headers.get("Range", "")))
        faults = self.owner.faults
        api = re.fullmatch(r"/api/models/([^/]+/[^/]+)/(revision|tree)/([^/]+)(?:/(.*))?", path)
        file = re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path)
        found = api or file
        if faults.status is not None or found is None:
            self._send(faults.status or 404, b"{}")
        elif found[1] in faults.missing or not (self.owner.root / found[1]).is_dir():
            self._send(404, b"{}", **{"X-Error-Code": "RepoNotFound"})
        elif (found[3] if api else found[2]) not in faults.revisions:
            self._send(404, b"{}", **{"X-Error-Code": "RevisionNotFound"})
        elif api:
            self._metadata(*api.groups())
        elif file and file[1] in faults.gated:
            self._send(403, b"{}", **{"X-Error-Code": "GatedRepo"})
        elif file:
            self._file(self.owner.root / file[1] / file[3])

    def _metadata(self, repository: str, kind: str, _revision: str, folder: str | None) -> None:
        root = self.owner.root / repository
        if kind == "revision":
            self._json({"id": repository, "sha": COMMIT, "siblings": []})
            return
        place = root / (folder or "")
        if not place.is_dir():
            self._send(404, b"{}", **{"X-Error-Code": "EntryNotFound"})
            return
        self._json([self._entry(path, root) for path in sorted(place.iterdir())])

    def _entry(self, path: Path, root: Path) -> dict[str, object]:
        name = path.relative_to(root).as_posix()
        if path.is_dir():
            return {"type": "directory", "oid": "0" * 40, "size": 0, "path": name}
        content = path.read_bytes()
        blob = hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
        entry: dict[str, object] = {"type": "file", "oid": blob, "size": len(content), "path": name}
        if path.suffix in _LARGE:
            digest = hashlib.sha256(content).hexdigest()
            entry["lfs"] = {"oid": digest, "size": len(content), "pointerSize": 134}
        return entry

    def _file(self, path: Path) -> None:
        if not path.is_file():
            self._send(404, b"{}", **{"X-Error-Code": "EntryNotFound"})
            return
        content = path.read_bytes()
        faults, large = self.owner.faults, path.suffix in _LARGE
        if faults.flip and large:
            content = content[:-1] + bytes([content[-1] ^ 1])
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        start = int(asked[1]) if asked else 0
        body = content[start:]
        if faults.cut_after is not None and large and self.command == "GET":
            body, faults.cut_after = body[: faults.cut_after], None
        headers = {
            "X-Repo-Commit": COMMIT,
            "ETag": f'"{hashlib.sha256(content).hexdigest()}"',
            "Accept-Ranges": "bytes",
        }
        if asked:
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        if self.command == "GET":
            self.owner.sent_bytes += len(body)
        self._send(206 if asked else 200, body, **headers)

    def _json(self, value: object) -> None:
        self._send(200, json.dumps(value).encode(), **{"Content-Type": "application/json"})

    def _send(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)


def files_below(folder: Path) -> Iterator[str]:
    """Paths of all files below `folder`."""
    return (path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*")) if path.is_file())
