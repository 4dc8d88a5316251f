"""A FAKE of the Hugging Face Hub, for what no real server in a package registry offers: uploads, tags, search, ranges.

It is a real HTTP server on loopback and answers what huggingface_hub 2.4 really sends: creating repositories, refs,
revisions, trees, `preupload`, LFS batches, `commit` (with `parentCommit` compared), `tag` (409 where there is one), the
list of models by author and tag with their cards, and files with ranges; adapters are published to it, and bases that
lie in folders (`offer`) are fetched from it. Reads are tested against a real server too:
`registries/test_hub_on_olah.py`. What this can not show: the Hub's own limits, Xet, and when
its search finds new things.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

import yaml

from tests.servers.blob_server import LoopbackServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TOKEN = "hf_the_token_of_the_fake"  # noqa: S105
_SERIAL = itertools.count()
_LARGE = (".safetensors", ".bin", ".webp", ".png", ".mp4", ".gif")


@dataclass
class Repository:
    """Commits by id with the files of each, oldest first."""

    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    main: str | None = None
    tags: dict[str, str] = field(default_factory=dict)
    private: bool = False

    def commit(self, files: dict[str, bytes]) -> str:
        told = f"{self.main}{len(self.commits)}{next(_SERIAL)}".encode()
        for path in sorted(files):
            told += path.encode() + hashlib.sha1(files[path], usedforsecurity=False).digest()
        self.main = hashlib.sha1(told, usedforsecurity=False).hexdigest()
        self.commits[self.main] = files
        return self.main

    def files(self, revision: str) -> dict[str, bytes] | None:
        commit = self.main if revision == "main" else self.tags.get(revision, revision)
        return self.commits.get(commit or "")


@dataclass
class Faults:
    """What goes wrong.

    Args:
        status: answered to requests whose method and path match the expression.
        refused: the same, with the Hub's own word for what is wrong.
        instead: the same, a body with status 200.
        ranges: whether parts of files can be had.
        page: how many models one answer lists.
        elsewhere: large files are handed out by another host, `localhost`.
        encoded: large files are said to be gzip.
        cut_after: bytes after which the connection breaks in the first answer with a large file.
        short_after: bytes of which the first answer with a large file claims to be.
        flip: whether the last byte of large files is another than announced.
    """

    status: dict[str, int] = field(default_factory=dict)
    refused: dict[str, tuple[int, str]] = field(default_factory=dict)
    instead: dict[str, bytes] = field(default_factory=dict)
    ranges: bool = True
    page: int = 1000
    elsewhere: bool = False
    encoded: bool = False
    cut_after: int | None = None
    short_after: int | None = None
    flip: bool = False


@dataclass(frozen=True)
class Asked:
    """A request as it came."""

    method: str
    path: str
    range: str
    authorization: str
    host: str


class FakeHub(LoopbackServer):
    """The fake; `with` starts and ends it."""

    def __init__(self) -> None:
        self.repositories: dict[str, Repository] = {}
        self.large: dict[str, bytes] = {}
        self.faults = Faults()
        self.requests: list[Asked] = []
        self.sent_bytes = 0
        self.lock = threading.Lock()
        super().__init__(_Handler)

    @property
    def endpoint(self) -> str:
        return self.url

    def offer(self, folder: Path, commit: str) -> None:
        """Have the repositories `owner/name` that lie in `folder`, each with this one commit."""
        for root in folder.glob("*/*"):
            files = {path: (root / path).read_bytes() for path in files_below(root)}
            name = root.relative_to(folder).as_posix()
            self.repositories[name] = Repository(commits={commit: files}, main=commit)

    def asked(self, pattern: str) -> list[Asked]:
        """The requests whose method and path match."""
        return [request for request in self.requests if re.search(pattern, f"{request.method} {request.path}")]


class _Handler(BaseHTTPRequestHandler):
    owner: FakeHub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self._answer(
            {
                r"/api/models": self._models,
                r"/api/models/([^/]+/[^/]+)/refs": self._refs,
                r"/api/models/([^/]+/[^/]+)(?:/revision/([^/]+))?": self._info,
                r"/api/models/([^/]+/[^/]+)/tree/([^/]+)(?:/(.+))?": self._tree,
                r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)": self._resolve,
                r"/elsewhere/([0-9a-f]{64})": self._elsewhere,
            }
        )

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_POST(self) -> None:
        routes = {
            r"/api/validate-yaml": self._validate,
            r"/api/repos/create": self._create,
            r"/api/models/([^/]+/[^/]+)/preupload/([^/]+)": self._preupload,
            r"/([^/]+/[^/]+)\.git/info/lfs/objects/batch": self._batch,
            r"/api/models/([^/]+/[^/]+)/commit/([^/]+)": self._commit,
            r"/api/models/([^/]+/[^/]+)/tag/([^/]+)": self._tag,
        }
        self._answer(routes, may=self._is_owner)

    def do_PUT(self) -> None:
        self._answer({r"/large/([0-9a-f]{64})": self._put})

    def _answer(self, routes, *, may=None) -> None:
        url = urlsplit(self.path)
        path = unquote(url.path)
        self.query = parse_qs(url.query)
        self.body = self._read_body()
        shown = (self.headers.get(name, "") for name in ("Range", "Authorization", "Host"))
        self.owner.requests.append(Asked(self.command, path, *shown))
        faults, asked = self.owner.faults, f"{self.command} {path}"
        if (status := _matching(faults.status, asked)) is not None:
            self._send(status, b"{}")
            return
        if (refused := _matching(faults.refused, asked)) is not None:
            self._send(refused[0], b"{}", **{"X-Error-Code": refused[1]})
            return
        if (body := _matching(faults.instead, path)) is not None:
            self._send(200, body)
            return
        if may is not None and not may():
            self._send(401, b'{"error": "Invalid username or password."}')
            return
        for pattern, answer in routes.items():
            found = re.fullmatch(pattern, path)
            if found:
                answer(*found.groups())
                return
        self._send(404, b"{}")

    def _read_body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _is_owner(self) -> bool:
        return self.headers.get("Authorization") == f"Bearer {TOKEN}"

    def _repository(self, name: str) -> Repository | None:
        found = self.owner.repositories.get(name)
        if found is None or (found.private and not self._is_owner()):
            self._send(401, b'{"error": "Repository not found"}', **{"X-Error-Code": "RepoNotFound"})
            return None
        return found

    def _files(self, name: str, revision: str) -> dict[str, bytes] | None:
        repository = self._repository(name)
        if repository is None:
            return None
        files = repository.files(revision)
        if files is None:
            self._send(404, b"{}", **{"X-Error-Code": "RevisionNotFound"})
        return files

    def _models(self) -> None:
        author, tag = self.query["author"][0], self.query["filter"][0]
        start = int(self.query.get("cursor", ["0"])[0])
        found = [
            {"id": name, "cardData": card}
            for name, repository in sorted(self.owner.repositories.items())
            if name.startswith(f"{author}/") and (not repository.private or self._is_owner())
            for card in [_card(repository)]
            if tag in card.get("tags", ())
        ]
        page = min(self.owner.faults.page, int(self.query.get("limit", ["1000"])[0]))
        headers = {}
        if start + page < len(found):
            headers["Link"] = (
                f"<{self.owner.endpoint}/api/models?author={author}&filter={tag}&cardData=true"
                f'&limit={page}&cursor={start + page}>; rel="next"'
            )
        self._json(found[start : start + page], **headers)

    def _refs(self, name: str) -> None:
        repository = self._repository(name)
        if repository is None:
            return
        main = [{"name": "main", "ref": "refs/heads/main", "targetCommit": repository.main}] if repository.main else []
        tags = [
            {"name": tag, "ref": f"refs/tags/{tag}", "targetCommit": commit} for tag, commit in repository.tags.items()
        ]
        self._json({"branches": main, "converts": [], "tags": tags})

    def _info(self, name: str, revision: str | None) -> None:
        repository = self._repository(name)
        if repository is None or self._files(name, revision or "main") is None:
            return
        sha = repository.main if revision in {None, "main"} else repository.tags.get(revision, revision)
        self._json({"id": name, "sha": sha, "siblings": []})

    def _tree(self, name: str, revision: str, folder: str | None) -> None:
        files = self._files(name, revision)
        if files is None:
            return
        start = f"{folder}/" if folder else ""
        below = {path: content for path, content in sorted(files.items()) if path.startswith(start)}
        if folder and not below:
            self._send(404, b"{}", **{"X-Error-Code": "EntryNotFound"})
            return
        folders = sorted({path[len(start) :].partition("/")[0] for path in below if "/" in path[len(start) :]})
        self._json(
            [
                *({"type": "directory", "oid": "0" * 40, "size": 0, "path": start + inner} for inner in folders),
                *(_entry(path, content) for path, content in below.items() if "/" not in path[len(start) :]),
            ]
        )

    def _resolve(self, name: str, revision: str, path: str) -> None:
        files = self._files(name, revision)
        if files is None:
            return
        if path not in files:
            self._send(404, b"{}", **{"X-Error-Code": "EntryNotFound"})
        elif path.endswith(_LARGE) and self.owner.faults.elsewhere:
            digest = hashlib.sha256(files[path]).hexdigest()
            self._send(302, b"", Location=f"http://localhost:{self.owner.port}/elsewhere/{digest}")
        else:
            self._content(files[path], large=path.endswith(_LARGE))

    def _elsewhere(self, digest: str) -> None:
        self._content(self.owner.large[digest], large=True)

    def _content(self, content: bytes, *, large: bool) -> None:
        faults = self.owner.faults
        etag = hashlib.sha256(content).hexdigest()
        if large and faults.flip:
            content = content[:-1] + bytes([content[-1] ^ 1])
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        start = int(asked[1]) if asked and faults.ranges else 0
        headers = {"ETag": f'"{etag}"', "Accept-Ranges": "bytes"}
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        if large and faults.encoded:
            headers["Content-Encoding"] = "gzip"
        cut, body = None, content[start:]
        if large and self.command == "GET" and faults.short_after is not None:
            body, faults.short_after = body[: faults.short_after], None
        if large and faults.cut_after is not None:
            cut, faults.cut_after = faults.cut_after, None
        if self.command == "GET":
            self.owner.sent_bytes += len(body[:cut])
        self._send(206 if start else 200, body, cut=cut, **headers)

    def _validate(self) -> None:
        text = json.loads(self.body)["content"]
        metadata = yaml.safe_load(text.split("---\n")[1]) if text.startswith("---\n") else None
        if not isinstance(metadata, dict) or not isinstance(metadata.get("tags", []), list):
            self._send(400, json.dumps({"errors": [{"message": "metadata is not valid"}], "warnings": []}).encode())
            return
        self._json({"errors": [], "warnings": []})

    def _create(self) -> None:
        asked = json.loads(self.body)
        name = f"{asked['organization']}/{asked['name']}"
        with self.owner.lock:
            is_new = name not in self.owner.repositories
            if is_new:
                self.owner.repositories[name] = Repository()
                self.owner.repositories[name].commit({".gitattributes": b"*.safetensors filter=lfs\n"})
        answer = {"url": f"{self.owner.endpoint}/{name}", "name": name}
        self._send(200 if is_new else 409, json.dumps(answer).encode(), **{"Content-Type": "application/json"})

    def _preupload(self, name: str, revision: str) -> None:
        files = self._files(name, revision)
        if files is None:
            return
        asked = json.loads(self.body)["files"]
        self._json(
            {
                "files": [
                    {
                        "path": file["path"],
                        "uploadMode": "lfs" if file["path"].endswith(_LARGE) else "regular",
                        "shouldIgnore": False,
                        "oid": _oid(file["path"], files),
                    }
                    for file in asked
                ]
            }
        )

    def _batch(self, name: str) -> None:
        if self._repository(name) is None:
            return
        asked = json.loads(self.body)["objects"]
        self._json({"transfer": "basic", "objects": [self._upload(item) for item in asked]})

    def _upload(self, item: dict[str, object]) -> dict[str, object]:
        known = {"oid": item["oid"], "size": item["size"]}
        if item["oid"] in self.owner.large:
            return known
        return {**known, "actions": {"upload": {"href": f"{self.owner.endpoint}/large/{item['oid']}"}}}

    def _put(self, digest: str) -> None:
        if hashlib.sha256(self.body).hexdigest() != digest:
            self._send(400, b"{}")
            return
        self.owner.large[digest] = self.body
        self._send(200, b"")

    def _commit(self, name: str, revision: str) -> None:
        repository = self._repository(name)
        if repository is None or revision != "main":
            return
        rows = [json.loads(row) for row in self.body.splitlines()]
        parent = rows[0]["value"].get("parentCommit")
        with self.owner.lock:
            if parent is not None and parent != repository.main:
                self._send(412, b'{"error": "A commit has happened since. Please refresh and try again."}')
                return
            files = dict(repository.commits.get(repository.main or "", {}))
            for row in rows[1:]:
                value = row["value"]
                if row["key"] == "file":
                    files[value["path"]] = base64.b64decode(value["content"])
                elif row["key"] == "lfsFile":
                    files[value["path"]] = self.owner.large[value["oid"]]
                elif row["key"] == "deletedFile":
                    del files[value["path"]]
            commit = repository.commit(files)
        self._json({"commitUrl": f"{self.owner.endpoint}/{name}/commit/{commit}", "commitOid": commit})

    def _tag(self, name: str, revision: str) -> None:
        repository = self._repository(name)
        if repository is None or self._files(name, revision) is None:
            return
        tag = json.loads(self.body)["tag"]
        with self.owner.lock:
            if tag in repository.tags:
                self._send(409, b'{"error": "Tag reference exists already"}')
                return
            repository.tags[tag] = revision
        self._send(200, b"")

    def _json(self, value: object, **headers: str) -> None:
        self._send(200, json.dumps(value).encode(), **{"Content-Type": "application/json"}, **headers)

    def _send(self, status: int, body: bytes, *, cut: int | None = None, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body[:cut])
        if cut is not None:
            self.close_connection = True


def _card(repository: Repository) -> dict[str, object]:
    text = (repository.files("main") or {}).get("README.md", b"").decode()
    metadata = yaml.safe_load(text.split("---\n")[1]) if text.startswith("---\n") else None
    return metadata if isinstance(metadata, dict) else {}


def _matching(table: dict[str, Any], text: str) -> Any:
    """What stands in `table` for the first expression that `text` matches."""
    return next((answer for at, answer in table.items() if re.search(at, text)), None)


def files_below(folder: Path) -> Iterator[str]:
    """Paths of all files below `folder`."""
    return (path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*")) if path.is_file())


def _entry(path: str, content: bytes) -> dict[str, object]:
    entry: dict[str, object] = {"type": "file", "oid": _blob(content), "size": len(content), "path": path}
    if path.endswith(_LARGE):
        digest = hashlib.sha256(content).hexdigest()
        entry["lfs"] = {"oid": digest, "size": len(content), "pointerSize": 134}
    return entry


def _blob(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def _oid(path: str, files: dict[str, bytes]) -> str | None:
    """What git or LFS calls the file that is there."""
    if path not in files:
        return None
    return hashlib.sha256(files[path]).hexdigest() if path.endswith(_LARGE) else _blob(files[path])
