"""Console commands by area."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pbx.cli.commands import channels, core, database, logger, module
from pbx.cli.commands.core import Reload
from pbx.cli.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Callable

    from pbx.cli.control import ControlServer
    from pbx.server import Server

__all__ = ["Reload", "attach_terminal", "register"]


def register(server: Server, reload: Reload) -> Callable[[], None]:
    """Add the commands that belong to no loadable module; the result withdraws them."""
    withdrawals = [
        core.register(server, reload),
        channels.register(server),
        module.register(server, reload),
        logger.register(server, reload),
        database.register(server.cli, server.astdb),
    ]

    def withdraw() -> None:
        for each in withdrawals:
            each()

    return withdraw


def attach_terminal(control: ControlServer) -> Any:
    """Read commands from standard input (``asterisk -c``)."""
    return Terminal(control.run).open()
