"""The configuration that `obelisk init` makes carries README's first call."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted

pytestmark = pytest.mark.e2e


def _initialised(directory: Path) -> dict[str, str]:
    """The files of a fresh configuration directory, with the loopback address of the test in place of its own."""
    subprocess.run(
        [sys.executable, "-m", "pbx.cli.program", "init", str(directory)], check=True, timeout=30, capture_output=True
    )
    files = {path.name: path.read_text() for path in directory.iterdir() if path.is_file()}
    del files["asterisk.conf"]
    files["pjsip.conf"] = re.sub(r"(?m)^(bind\s*=).*$", r"\1 @host@:@port@", files["pjsip.conf"])
    # An exchange by `make run` may be at work.
    for name in ("http.conf", "manager.conf"):
        files[name] = re.sub(r"(?m)^(bindaddr\s*=).*$", r"\1 @host@", files[name])
    files.pop("rtp.conf", None)
    return files


def _password(pjsip: str, user: str) -> str:
    found = re.search(
        rf"(?ms)^username\s*=\s*{user}$.*?^password\s*=\s*(\S+)|^\[{user}\].*?^password\s*=\s*(\S+)", pjsip
    )
    assert found, f"no password of {user} in pjsip.conf"
    return found[1] or found[2]


@pytest_twisted.ensureDeferred
async def test_first_call_of_the_readme(live_server: Any, phones: Any, tmp_path: Path) -> None:
    files = _initialised(tmp_path / "conf")
    assert "@secret" not in files["pjsip.conf"]
    server = await live_server(files=files, extensions=files["extensions.lua"])
    alice = await phones("alice")
    bob = await phones("bob")
    await alice.register(server.address, password=_password(files["pjsip.conf"], "alice"))
    await bob.register(server.address, password=_password(files["pjsip.conf"], "bob"))
    call = await alice.call(server.sip_uri("1002"))
    incoming = await bob.incoming()
    await incoming.answer()
    await call.confirmed()
    await call.hangup()
    await incoming.disconnected()


def test_two_directories_have_different_secrets(tmp_path: Path) -> None:
    first, second = (_initialised(tmp_path / name)["pjsip.conf"] for name in ("one", "two"))
    assert _password(first, "alice") != _password(second, "alice") != _password(second, "bob")
