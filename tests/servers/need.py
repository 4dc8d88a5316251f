"""Where a real server comes from; one that is missing is a failure, unless the person says that there are none."""

from __future__ import annotations

import os
import shutil
import socket

import pytest

SWITCH = "MIVACTL_TESTS_NO_SERVERS"
PLACES = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])


def server_program(name: str, *, package: str) -> str:
    """The path of the program `name` of Debian's `package`."""
    if os.environ.get(SWITCH) == "1":
        pytest.skip(f"{SWITCH}=1: nothing is tested against a real `{name}`")
    program = shutil.which(name, path=PLACES)
    if program is None:
        pytest.fail(f"no `{name}` here: run `apt-get install {package}`, or set {SWITCH}=1 to leave its tests out")
    return program


def free_port() -> int:
    """A port of loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
