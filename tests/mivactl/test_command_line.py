"""The manners of the command line: envelopes, errors, help, streams, locales, pipes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from mivactl.cli.app import COMMANDS
from mivactl.cli.console import Column, Console
from mivactl.cli.plain_text import plain_text
from mivactl.cli.progress import ConsoleProgress
from registry_schema import errors
from registry_schema.errors import MivaError
from tests.mivactl.world import REPOSITORY, World, write_draft


def test_no_arguments_print_short_help_with_three_examples(world: World):
    said = world.ok()
    assert len(said.out.splitlines()) <= 12
    assert sum(line.startswith("  mivactl ") for line in said.out.splitlines()) == 3


@pytest.mark.parametrize("switch", ["-h", "--help"])
@pytest.mark.parametrize("command", [(), *((*command.name.split(),) for command in COMMANDS)])
def test_every_command_has_help_with_an_example(world: World, command: tuple[str, ...], switch: str):
    out = world.ok(*command, switch).out
    assert "Usage: mivactl" in out
    assert "--json" in out
    assert not command or "Example: mivactl" in out


def test_json_is_one_envelope_on_stdout_whatever_happens(world: World):
    world.publish()
    for arguments in (
        ["list"],
        ["install", "my/waterfall"],
        ["search"],
        ["install", "nobody"],
        ["lst"],
        ["list", "--x"],
    ):
        said = world.mivactl(*arguments, "--json")
        envelope = json.loads(said.out)
        assert set(envelope) == {"schema", "ok", "command", "data", "error"}
        assert envelope["schema"] == "mivactl.envelope/1"
        assert envelope["ok"] == (said.exit_code == 0) == (envelope["error"] is None)
        assert said.err == ""
        if not envelope["ok"]:
            assert set(envelope["error"]) == {"code", "message", "hint"}


def test_the_switches_may_stand_before_the_command_too(world: World):
    assert json.loads(world.ok("--json", "list").out)["command"] == "list"
    assert json.loads(world.ok("registry", "list", "--json").out)["command"] == "registry list"


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["lst"], "did you mean `list`?"),
        (["list", "--jsn"], "did you mean `--json`?"),
        (["install"], "run `mivactl install --help`"),
        (["list", "extra"], "run `mivactl list --help`"),
        (["install", "my/waterfall", "--base", "nanno"], "did you mean `nano`?"),
        (["publish", ".", "--to", "locl"], "did you mean `local`?"),
    ],
)
def test_a_command_line_that_is_off_gets_a_hint(world: World, arguments: list[str], hint: str):
    world.publish()
    arguments = [str(write_draft(world.folder / "draft")) if word == "." else word for word in arguments]
    said = world.mivactl(*arguments)
    assert said.exit_code in {2, 3}
    assert said.out == ""
    assert said.err.startswith("error: ")
    assert said.err.endswith(f"\nhint: {hint}\n")


def test_every_exit_code_of_the_error_tree_is_its_own():
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, MivaError)]
    codes = {kind.exit_code for kind in kinds}
    assert codes == {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 130}


def test_an_error_nobody_expected_is_one_sentence_and_debug_shows_where(world: World):
    (world.home / "store" / "journal.json").mkdir(parents=True)
    said = world.mivactl("list")
    assert said.exit_code == 1
    assert said.err.count("\n") == 2
    assert "did not expect: IsADirectoryError" in said.err
    assert "Traceback" in world.mivactl("list", "--debug").err


def test_offline_switches_the_network_off_for_everybody(world: World):
    story = (
        "import socket, sys\n"
        "from mivactl.network_guard import network_guard\n"
        "keep = socket.create_connection\n"
        "with network_guard(offline=True):\n"
        "    for ask in (lambda: keep(('127.0.0.1', 9)), lambda: socket.getaddrinfo('localhost', 80)):\n"
        "        try: ask()\n"
        "        except Exception as error: print(type(error).__name__, error)\n"
        "try: keep(('127.0.0.1', 9))\n"
        "except OSError as error: print(type(error).__name__)\n"
    )
    done = subprocess.run([sys.executable, "-c", story], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        "NetworkProblem the network is switched off, and something asked for `127.0.0.1`",
        "NetworkProblem the network is switched off, and something asked for `localhost`",
        "ConnectionRefusedError",
    ]


def test_package_commands_work_offline(world: World, monkeypatch: pytest.MonkeyPatch):
    world.publish()
    monkeypatch.setenv("MIVACTL_OFFLINE", "1")
    world.ok("install", "my/waterfall")
    world.ok("verify", "--offline")
    world.ok("search", "water")


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("MIVACTL_OFFLINE", "perhaps", "error: `MIVACTL_OFFLINE` is `perhaps`, expected 1 or 0"),
        ("MIVACTL_LOCK_TIMEOUT", "-1", "error: `MIVACTL_LOCK_TIMEOUT` is `-1`, expected seconds from 0 to 86400"),
    ],
)
def test_a_setting_that_can_not_be_read_is_named(
    world: World, monkeypatch: pytest.MonkeyPatch, name: str, value: str, message: str
):
    monkeypatch.setenv(name, value)
    said = world.mivactl("list")
    assert said.exit_code == 2
    assert message in said.err


def test_settings_come_from_the_environment_then_the_file(world: World, monkeypatch: pytest.MonkeyPatch):
    (world.home / "config.toml").write_text('base = "other"\n')
    assert world.ok("list", "--json").data["base"] == "other"
    monkeypatch.setenv("MIVACTL_BASE", "nano")
    assert world.ok("list", "--json").data["base"] == "nano"
    (world.home / "config.toml").write_text("bse = 1\n")
    assert "hint: did you mean `base`?" in world.mivactl("list").err


def test_untrusted_text_can_not_move_the_cursor_or_turn_the_line(capsys: pytest.CaptureFixture[str]):
    hostile = "a\x1b[2J\x1b]0;title\x07b\u202ec\u2066d\x9b1me\nf\u200bg[red]h"
    assert plain_text(hostile) == "abcde fg[red]h"
    Console().table([Column("name")], [[hostile]])
    assert capsys.readouterr().out == "name\nabcde fg[red]h\n"


def test_what_a_locale_can_not_write_becomes_a_question_mark(world: World):
    world.publish("my/waterfall", title="Cascade d\u2019\u00e9t\u00e9 \u6edd")
    said = world.in_new_process("search", "cascade", PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert said.returncode == 0, said.stderr
    assert "Cascade d??t? ?" in said.stdout


def test_a_reader_that_has_seen_enough_is_no_error(world: World):
    command = f"{sys.executable} -m mivactl list --json | true; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("0\n", "")


@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_command_says_so_and_leaves_nothing_behind(world: World, kind: signal.Signals):
    world.publish()
    story = (
        "import time\n"
        "from mivactl.store.transaction import Transaction\n"
        "from mivactl.cli.app import main\n"
        "import mivactl.store.store as store\n"
        "def wait(name):\n"
        "    print('waiting', flush=True); time.sleep(60)\n"
        "store.crash_point = wait\n"
        "import sys; sys.argv = ['mivactl', 'install', 'my/waterfall']; main()\n"
    )
    running = subprocess.Popen(
        [sys.executable, "-c", story], cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert running.stdout is not None
    assert running.stdout.readline() == "waiting\n"
    running.send_signal(kind)
    _, err = running.communicate(timeout=60)
    assert running.returncode == 130
    assert err.startswith("error: stopped")
    assert world.session().store.installed() == ()
    assert list(world.session().store.layout.staging.iterdir()) == []


def test_progress_off_a_terminal_is_a_line_now_and_then(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    with ConsoleProgress(Console()).phase("denoise", 50) as phase:
        phase.advance(5)
        now = 111.0
        phase.advance(5, loss=0.25)
        now = 112.0
        phase.advance(5)
    assert capsys.readouterr().err == "denoise: 10/50, about 44 s left, loss 0.25\ndenoise: done in 12 s\n"


def test_progress_is_silent_when_asked(capsys: pytest.CaptureFixture[str]):
    for console in (Console(quiet=True), Console(as_json=True)):
        progress = ConsoleProgress(console)
        with progress.phase("denoise", None) as phase:
            phase.advance(3)
        progress.note("a note")
    assert capsys.readouterr() == ("", "")


def test_version_is_printed(world: World):
    assert world.ok("--version").out.startswith("mivactl ")
    assert os.environ["MIVACTL_HOME"] == str(world.home)
