"""SHELL runs commands beside the reactor; files are read by its threads."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from dialplan import processes
from dialplan.arguments import Arguments, Grammar
from dialplan.functions import shell
from dialplan.functions.files import EnvironmentModule
from dialplan.functions.shell import ShellModule
from pbx.clock import Clock


@pytest.fixture
def server() -> Any:
    from twisted.internet import reactor

    return SimpleNamespace(reactor=reactor, clock=Clock(cast("Any", reactor)))


def arguments(text: str, grammar: str = "command") -> Arguments:
    return Arguments(Grammar(grammar), text)


async def test_the_output_of_a_command(server: Any) -> None:
    module = ShellModule(server)
    assert await module.func_shell(None, arguments('printf "a\\nb"; echo "$0" >&2; exit 3')) == "a\nb"
    with pytest.raises(Exception, match="Missing Argument"):
        await module.func_shell(None, arguments(""))


async def test_a_command_that_does_not_end(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shell, "COMMAND_SECONDS", 0.1)
    module = ShellModule(server)
    with pytest.raises(Exception, match="it ran too long and was ended"):
        await module.func_shell(None, arguments("exec sleep 30"))
    assert not module.commands.running


async def test_output_and_commands_are_bounded(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "MAX_OUTPUT", 1000)
    module = ShellModule(server)
    assert len(await module.func_shell(None, arguments("yes | head -c 100000"))) == 1000
    monkeypatch.setattr(processes, "MAX_COMMANDS", 0)
    with pytest.raises(Exception, match="0 commands run already"):
        await module.func_shell(None, arguments("true"))


async def test_a_file_read_by_a_thread(server: Any, tmp_path: Path) -> None:
    (tmp_path / "x").write_text("text")
    module = EnvironmentModule(server)
    grammar = "filename[,offset[,length[,options[,format]]]]"
    assert await module.func_file(None, arguments(str(tmp_path / "x"), grammar)) == "text"
