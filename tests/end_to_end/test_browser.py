"""A browser plays what `animate` writes: it reports to a server on loopback what it saw."""

from __future__ import annotations

import json
import shutil
import subprocess
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from queue import SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest

from tests.end_to_end.test_embedded_default import ok

if TYPE_CHECKING:
    from pathlib import Path

PAGE = """<!doctype html><video id="clip" muted src="demo.mp4"></video><script>
const clip = document.getElementById("clip");
const say = (facts) => fetch("/said", {method: "POST", body: JSON.stringify(facts)});
clip.onerror = () => say({error: clip.error.message});
clip.onended = () => say({width: clip.videoWidth, height: clip.videoHeight, seconds: clip.currentTime});
clip.play().catch((problem) => say({error: String(problem)}));
</script>"""
OPTIONS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--autoplay-policy=no-user-gesture-required",
    "--remote-debugging-port=0",
)  # fmt: skip


class Listener(SimpleHTTPRequestHandler):
    """Serves a folder, and keeps what is posted to it."""

    said: SimpleQueue[Any] = SimpleQueue()

    def do_POST(self) -> None:
        self.said.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Silent."""


@pytest.mark.acceptance
@pytest.mark.server
def test_a_browser_plays_the_demo_to_its_end(tmp_path: Path):
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    assert browser, "no browser here; `.ci/run --acceptance` installs Debian's package chromium"
    ok(tmp_path, "demo")
    (tmp_path / "page.html").write_text(PAGE)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Listener, directory=str(tmp_path)))
    Thread(target=server.serve_forever, daemon=True).start()
    page = f"http://127.0.0.1:{server.server_port}/page.html"
    command = [browser, *OPTIONS, f"--user-data-dir={tmp_path / 'profile'}", page]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            facts = Listener.said.get(timeout=60)
        finally:
            process.terminate()
            server.shutdown()
            server.server_close()
    assert facts == {"width": 1280, "height": 800, "seconds": pytest.approx(2.0, abs=0.13)}
