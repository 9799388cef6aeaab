"""What surrounds the process: systemd's unit and its notification, and the user the exchange runs as."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from pbx.testing.addresses import process_address

UNIT = Path(__file__).parents[3] / "contrib" / "obelisk.service"
TIMEOUT = 60.0


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "pbx.cli.program", *words]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze")
def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path: Path) -> None:
    """Its program does not lie here where the unit says; everything else is looked at as it is."""
    unit = UNIT.read_text("utf-8")
    assert unit.count("/opt/obelisk/bin/obelisk run") == 1
    made = tmp_path / "obelisk.service"
    made.write_text(unit.replace("/opt/obelisk/bin/obelisk", "/bin/true"), "utf-8")

    def verify() -> tuple[int, str]:
        asked = ["systemd-analyze", "verify", "--man=no", str(made)]
        done = subprocess.run(asked, capture_output=True, text=True, timeout=TIMEOUT, check=False)
        # Units of the machine, which this one needs, are not ours.
        return done.returncode, "".join(line for line in done.stderr.splitlines(True) if "obelisk" in line)

    assert verify() == (0, "")
    made.write_text(made.read_text("utf-8").replace("Type=notify", "Type=notified"), "utf-8")
    assert "notified" in verify()[1]


@pytest.fixture
def configuration() -> Iterator[Path]:
    """A configuration directory of its own, on a loopback address of its own, that any user may read."""
    with tempfile.TemporaryDirectory(prefix="obk-") as made:
        root = Path(made)
        root.chmod(0o755)
        conf, host = root / "conf", process_address(os.getpid(), 2)
        subprocess.run(command("init", str(conf)), check=True, timeout=TIMEOUT, capture_output=True)
        for name in ("pjsip.conf", "http.conf", "manager.conf"):
            file = conf / name
            file.write_text(re.sub(r"(?m)^(bind(addr)?\s*=\s*)127\.0\.0\.1", rf"\g<1>{host}", file.read_text()))
        yield conf


def test_systemd_is_told_when_the_exchange_is_ready_and_the_unit_stops_it(configuration: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(configuration / "notify"))
        manager.settimeout(TIMEOUT)
        environment = {**os.environ, "NOTIFY_SOCKET": str(configuration / "notify")}
        server = subprocess.Popen(
            command("run", "--supervise", "-C", str(configuration)),
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        try:
            assert manager.recv(1000) == b"READY=1"
            said = subprocess.run(
                command("console", "-C", str(configuration), "-x", "core waitfullybooted"),
                capture_output=True,
                text=True,
                timeout=TIMEOUT,
                check=True,
            )
            assert "fully booted" in said.stdout
            server.terminate()
            assert manager.recv(1000) == b"STOPPING=1"
            _, errors = server.communicate(timeout=TIMEOUT)
        finally:
            server.kill()
            server.communicate()
    assert (server.returncode, errors) == (0, b"")


def readable_by_all(*files: str) -> bool:
    """Whether any user may read these and pass through the directories above them."""
    every = [path for file in files for path in (Path(file).resolve(), *Path(file).resolve().parents)]
    return all(path.stat().st_mode & 0o005 >= (5 if path.is_dir() else 4) for path in every)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
@pytest.mark.skipif(not readable_by_all(os.__file__, __file__), reason="this Python or the project is root's alone")
@pytest.mark.parametrize("by", ["option", "flag"])
def test_root_gives_way_to_runuser(configuration: Path, by: str) -> None:
    somebody = next(each for each in pwd.getpwall() if each.pw_uid != 0)
    words = ["asterisk", "-f", "-C", str(configuration / "asterisk.conf")]
    if by == "flag":
        words += ["-U", somebody.pw_name]
    else:
        file = configuration / "asterisk.conf"
        file.write_text(file.read_text().replace("[options]\n", f"[options]\nrunuser = {somebody.pw_name}\n"))
    # Its secrets are for their owner only, who the administrator has made that user.
    for path in (configuration, *configuration.rglob("*")):
        os.chown(path, somebody.pw_uid, somebody.pw_gid)
    server = subprocess.Popen(command(*words), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        assert server.stdout is not None
        said = ""
        for line in server.stdout:
            said += line
            if "Asterisk Ready" in line:
                break
        assert "Asterisk Ready" in said, said
        status = Path(f"/proc/{server.pid}/status").read_text()
        for kind, number in (("Uid", somebody.pw_uid), ("Gid", somebody.pw_gid)):
            assert re.search(rf"^{kind}:((?:\t{number})+)$", status, re.MULTILINE), status
        assert not re.search(r"^Groups:.*\b0\b", status, re.MULTILINE)
        state = configuration.parent
        made = [path for name in ("run", "log", "lib", "spool") for path in state.glob(f"**/{name}/**/*")]
        assert [path for path in made if path.is_file() and path.stat().st_uid != somebody.pw_uid] == []
        asked = command("console", "-C", str(configuration), "-x", "core stop now")
        subprocess.run(asked, timeout=TIMEOUT, check=True, capture_output=True)
        server.communicate(timeout=TIMEOUT)
        assert server.returncode == 0
    finally:
        server.kill()
        server.communicate()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
@pytest.mark.skipif(not readable_by_all(os.__file__, __file__), reason="this Python or the project is root's alone")
def test_a_configuration_that_the_user_may_not_read_is_named(configuration: Path) -> None:
    somebody = next(each for each in pwd.getpwall() if each.pw_uid != 0)
    words = command("asterisk", "-f", "-U", somebody.pw_name, "-C", str(configuration / "asterisk.conf"))
    done = subprocess.run(words, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    assert done.returncode == 1
    assert f"{somebody.pw_name} may not read {configuration}" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_a_user_that_does_not_exist_is_named(configuration: Path) -> None:
    words = command("asterisk", "-f", "-U", "no-such-user", "-C", str(configuration / "asterisk.conf"))
    done = subprocess.run(words, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    assert done.returncode == 1
    assert "asterisk.conf" in done.stderr
    assert "no-such-user" in done.stderr
