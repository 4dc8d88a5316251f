"""A headless Chromium that a test drives through a pipe, by the Chrome DevTools Protocol: no port, no package."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OPTIONS: Final = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--disable-extensions", "--mute-audio",
    "--disable-features=Translate,OptimizationHints,MediaRouter", "--hide-scrollbars", "--remote-debugging-pipe",
)  # fmt: skip
_PATIENCE_SECONDS: Final = 30.0
_KEYS: Final = {
    "Tab": ("Tab", 9, ""), "Enter": ("Enter", 13, "\r"), "Escape": ("Escape", 27, ""), " ": ("Space", 32, " "),
    "/": ("Slash", 191, "/"), "p": ("KeyP", 80, "p"),
    **{str(digit): (f"Digit{digit}", 48 + digit, str(digit)) for digit in range(10)},
}  # fmt: skip


class Browser:
    """One tab: goes to addresses, runs scripts, presses keys, moves the pointer, and keeps what was asked for,
    what was not let out, and what it complained of."""

    def __init__(self, to_browser: int, from_browser: int) -> None:
        self._to, self._from = to_browser, from_browser
        self._unread = b""
        self._count = 0
        self._session: str | None = None
        self.requested: list[str] = []
        self.blocked: list[str] = []
        self.complaints: list[str] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log", "Accessibility"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> Any:
        """The answer of the browser to one call of its protocol."""
        self._count += 1
        message = {"id": self._count, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next_message()
            if answer.get("id") == self._count:
                assert "error" not in answer, f"{method}: {answer['error']}"
                return answer["result"]
            self._notice(answer)

    def go(self, address: str) -> None:
        """Load a page; it is whole when this returns."""
        self.requested.clear()
        self.blocked.clear()
        self.complaints.clear()
        self.call("Page.navigate", url="about:blank")
        self.call("Page.navigate", url=address)
        self.wait(f"document.readyState === 'complete' && location.href.startsWith({json.dumps(address[:8])})")

    def run(self, script: str) -> Any:
        """The value of an expression in the page; a promise is waited for."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait(self, condition: str) -> None:
        """Until an expression in the page is true."""
        started = time.monotonic()
        while not self.run(f"Boolean({condition})"):
            assert time.monotonic() - started < _PATIENCE_SECONDS, f"never came true: {condition}"
            time.sleep(0.02)

    def press(self, key: str) -> None:
        """One key, as a person presses it."""
        code, number, text = _KEYS[key]
        parts = {"key": key, "code": code, "windowsVirtualKeyCode": number}
        self.call("Input.dispatchKeyEvent", type="keyDown" if text else "rawKeyDown", text=text, **parts)
        self.call("Input.dispatchKeyEvent", type="keyUp", **parts)

    def type(self, text: str) -> None:
        """Text into what has the focus."""
        self.call("Input.insertText", text=text)

    def point(self, selector: str) -> None:
        """Move the pointer onto an element."""
        self._mouse("mouseMoved", selector)

    def click(self, selector: str) -> None:
        """Press and release the mouse on an element."""
        self._mouse("mouseMoved", selector)
        self._mouse("mousePressed", selector)
        self._mouse("mouseReleased", selector)

    def tap(self, selector: str) -> None:
        """Touch an element with a finger."""
        x, y = self._middle(selector)
        self.call("Emulation.setTouchEmulationEnabled", enabled=True)
        self.call("Input.dispatchTouchEvent", type="touchStart", touchPoints=[{"x": x, "y": y}])
        self.call("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])
        self.call("Emulation.setTouchEmulationEnabled", enabled=False)

    def emulate(self, *, width: int = 1280, height: int = 900, scale: float = 1, **media: str) -> None:
        """A window of this size, and preferences as `prefers_color_scheme="dark"`."""
        features = [{"name": name.replace("_", "-"), "value": value} for name, value in media.items()]
        self.call("Emulation.setEmulatedMedia", features=features)
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale, mobile=False
        )

    def busy_seconds(self) -> float:
        """How long the page's thread has worked, once `Performance.enable` was called with `threadTicks`."""
        metrics = self.call("Performance.getMetrics")["metrics"]
        return next(metric["value"] for metric in metrics if metric["name"] == "TaskDuration")

    def screenshot(self) -> bytes:
        """What the window shows, as PNG."""
        return base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])

    def tree(self) -> list[tuple[str, str]]:
        """Role and name of all that a screen reader meets."""
        nodes = self.call("Accessibility.getFullAXTree")["nodes"]
        return [(node["role"]["value"], node.get("name", {}).get("value", "")) for node in nodes if not node["ignored"]]

    def _mouse(self, kind: str, selector: str) -> None:
        x, y = self._middle(selector)
        button = {} if kind == "mouseMoved" else {"button": "left", "clickCount": 1}
        self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, **button)

    def _middle(self, selector: str) -> tuple[float, float]:
        x, y = self.run(
            f"(() => {{ const thing = document.querySelector({json.dumps(selector)});"
            " thing.scrollIntoView({block: 'center', behavior: 'instant'});"
            " const box = thing.getBoundingClientRect();"
            " return [box.x + box.width / 2, box.y + box.height / 2]; })()"
        )
        return x, y

    def _next_message(self) -> dict[str, Any]:
        while b"\0" not in self._unread:
            more = os.read(self._from, 1 << 16)
            assert more, "the browser has gone"
            self._unread += more
        message, _, self._unread = self._unread.partition(b"\0")
        return json.loads(message)

    def _notice(self, event: dict[str, Any]) -> None:
        method, facts = event.get("method"), event.get("params", {})
        if method == "Network.requestWillBeSent":
            self.requested.append(facts["request"]["url"])
        elif method == "Network.loadingFailed" and "blockedReason" in facts:
            self.blocked.append(facts["blockedReason"])
        elif method == "Log.entryAdded":
            self.complaints.append(facts["entry"]["text"])
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(str(facts["exceptionDetails"]))


@contextmanager
def browser(profile: Path) -> Iterator[Browser]:
    """A browser with an empty profile in the folder `profile`; it ends with the block."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    assert program, "no browser here; `.ci/run --acceptance` installs Debian's package chromium"
    # The protocol speaks on descriptors 3 and 4 of the browser. Here they must have other numbers, for which a first
    # pair is opened that takes 3 and 4 where they are free.
    kept = [os.pipe() for _ in range(3)]
    (browser_reads, we_write), (we_read, browser_writes) = kept[1:]
    for descriptor in kept[0]:
        os.close(descriptor)
    script = f'exec 3<&{browser_reads} 4>&{browser_writes}; exec "$@"'
    command = ["bash", "-c", script, "bash", program, *OPTIONS, f"--user-data-dir={profile}", "about:blank"]
    with subprocess.Popen(
        command, pass_fds=(browser_reads, browser_writes), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        os.close(browser_reads)
        os.close(browser_writes)
        try:
            yield Browser(we_write, we_read)
        finally:
            process.terminate()
            process.wait()
            os.close(we_write)
            os.close(we_read)
