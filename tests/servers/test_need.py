"""A test against a real server never passes without that server."""

from __future__ import annotations

import pytest

from tests.servers.need import SWITCH, server_program


def test_a_missing_server_is_a_failure(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv(SWITCH, raising=False)
    with pytest.raises(pytest.fail.Exception, match="no `no-such-server` here: run `apt-get install no-package`"):
        server_program("no-such-server", package="no-package")


@pytest.mark.parametrize("name", ["no-such-server", "sh"])
def test_only_the_person_can_leave_servers_out(monkeypatch: pytest.MonkeyPatch, name: str):
    monkeypatch.setenv(SWITCH, "1")
    with pytest.raises(pytest.skip.Exception, match=f"{SWITCH}=1: nothing is tested against a real `{name}`"):
        server_program(name, package="any")
