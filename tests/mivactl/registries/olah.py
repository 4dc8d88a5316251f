"""A real server that speaks the Hub's protocol: olah, offline, with git folders as its mirrors.

olah needs an older psutil than the tests do (fastapi-utils wants psutil<6), so it lives in an environment of its own,
which is made once and kept in pytest's cache.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.servers.need import SWITCH

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.fake_hub import Repository

REQUIREMENT = "olah>=0.5,<0.6"
_GIT = {
    "GIT_AUTHOR_NAME": "test",
    "GIT_AUTHOR_EMAIL": "test@example.invalid",
    "GIT_COMMITTER_NAME": "test",
    "GIT_COMMITTER_EMAIL": "test@example.invalid",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
}


def olah_program(folder: Path) -> Path:
    """olah's program, in an environment in `folder` that is made when it is not there."""
    if os.environ.get(SWITCH) == "1":
        pytest.skip(f"{SWITCH}=1: no Hub mirror is started")
    program = folder / "env" / "bin" / "olah-cli"
    if not program.exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder / "env"], check=True)
        install = [folder / "env" / "bin" / "python", "-m", "pip", "install", "--quiet", REQUIREMENT]
        subprocess.run(install, check=True, capture_output=True)
    return program


@contextmanager
def olah_server(program: Path, folder: Path) -> Iterator[str]:
    """The address of a server that offers the git folders `folder/mirrors/models/<owner>/<name>`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = folder / "olah.toml"
    config.write_text(
        f'[basic]\nhost = "127.0.0.1"\nport = {port}\nrepos-path = "{folder}/repos"\n'
        f'mirrors-path = ["{folder}/mirrors"]\n[accessibility]\noffline = true\n'
    )
    with (folder / "olah.log").open("wb") as log:
        command = [program, "--config", config, "--log-path", folder / "logs"]
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
        try:
            _wait_for(f"http://127.0.0.1:{port}/api/whoami-v2", process, folder / "olah.log")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(10)


def _wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(300):
        try:
            urllib.request.urlopen(url, timeout=5).close()  # noqa: S310
        except urllib.error.HTTPError:
            return
        except OSError:
            assert process.poll() is None, log.read_text()
            time.sleep(0.1)
        else:
            return
    raise AssertionError(log.read_text())


def write_git(repository: Repository, folder: Path) -> None:
    """The commits and tags of a repository as a real git folder."""

    def git(*arguments: str) -> str:
        done = subprocess.run(
            ["git", *arguments], cwd=folder, env={**os.environ, **_GIT}, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    folder.mkdir(parents=True, exist_ok=True)
    git("init", "--quiet", "--initial-branch", "main")
    for commit, files in repository.commits.items():
        for path in git("ls-files").splitlines():
            (folder / path).unlink()
        for path, content in files.items():
            (folder / path).parent.mkdir(exist_ok=True)
            (folder / path).write_bytes(content)
        # a real .gitattributes would have git look for git-lfs
        (folder / ".gitattributes").write_text("* -text\n")
        git("add", "--all")
        git("commit", "--quiet", "--allow-empty", "--message", commit)
        for tag, tagged in repository.tags.items():
            if tagged == commit:
                git("tag", "--annotate", "--message", tag, tag)
