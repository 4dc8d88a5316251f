"""Debian's docker-registry on loopback, with a user and a password; OCI distribution over plain http."""

from __future__ import annotations

import socket
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.servers.need import free_port, server_program

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

USER, PASSWORD = "tester", "correct-horse-1"
# bcrypt of the password above, for tests alone
HTPASSWD = "tester:$2b$05$abcdefghijklmnopqrstuuxerKkqjcYvolJcIPZ1jfN5rHI0UshA6\n"
CONFIGURATION = """
version: 0.1
log: {{ level: warn, accesslog: {{ disabled: false }} }}
storage: {{ filesystem: {{ rootdirectory: "{work}/data" }}, delete: {{ enabled: true }} }}
http:
  addr: "127.0.0.1:{port}"
  secret: test
  {tls}
{auth}
"""
BASIC = 'auth: {{ htpasswd: {{ realm: test, path: "{work}/htpasswd" }} }}'


@dataclass(frozen=True)
class DockerRegistry:
    """A running one."""

    port: int
    work: Path

    @property
    def address(self) -> str:
        return f"oci://127.0.0.1:{self.port}"

    @property
    def http(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def secret(self) -> str:
        return f"{USER}:{PASSWORD}"


@contextmanager
def docker_registry(work: Path, *, auth: str = BASIC, tls: str = "") -> Iterator[DockerRegistry]:
    """Keep everything in `work`; `auth` and `tls` are those sections of its configuration."""
    program = server_program("docker-registry", package="docker-registry")
    port = free_port()
    (work / "htpasswd").write_text(HTPASSWD)
    sections = {"auth": auth.format(work=work), "tls": tls}
    (work / "config.yml").write_text(CONFIGURATION.format(work=work, port=port, **sections))
    with (work / "log").open("wb") as log:
        command = [program, "serve", str(work / "config.yml")]
        process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            _wait_for(port, process, work / "log")
            yield DockerRegistry(port, work)
        finally:
            process.terminate()
            process.wait(10)


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + 20
    while time.monotonic() < end:
        assert process.poll() is None, log.read_text()
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise AssertionError("docker-registry does not listen")
