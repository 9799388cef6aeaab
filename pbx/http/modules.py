"""The module ``http``: reads http.conf and listens; its console command comes and goes with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.defer import maybeDeferred
from twisted.internet.error import CannotListenError
from twisted.logger import Logger

from pbx.cli.registry import Command, no_arguments
from pbx.errors import ObeliskError
from pbx.http.config import DEFAULT_TLS_PORT, FILE, HttpSettings, read_http_conf
from pbx.http.protocol import listen, listen_tls
from pbx.http.server import HttpServer
from pbx.modules import Module, ModuleDeclined, ModuleError

log = Logger()


class HttpModule(Module):
    """The HTTP server."""

    name = "http"
    builtin = True
    description = "Built-in HTTP Server"

    def check(self) -> None:
        read_http_conf(self.server.config)

    async def load(self) -> None:
        settings = read_http_conf(self.server.config)
        if not settings.enabled:
            raise ModuleDeclined(f"{FILE} is missing, or does not say enabled = yes")
        self._ports: list[Any] = []
        self.http = HttpServer(self.server.clock, settings)
        self._listen(settings)
        self.server.provide(HttpServer, self.http)
        command = Command("http show status", "http show status", "Display HTTP server status", self._status)
        self._withdraw: Callable[[], None] = self.server.cli.register(command)

    async def unload(self) -> None:
        self.server.withdraw(HttpServer)
        self._withdraw()
        await self._stop_listening()
        self.http.stop()

    async def reload(self) -> None:
        """Take new settings; listen anew where addresses or certificates changed. Connections go on."""
        settings, old = read_http_conf(self.server.config), self.http.settings
        if _listening(settings) != _listening(old):
            await self._stop_listening()
            try:
                self._listen(settings)
            except ModuleError:
                self._listen(old)
                raise
        self.http.configure(settings)

    def _listen(self, settings: HttpSettings) -> None:
        if not settings.enabled:
            return
        reactor, http = self.server.reactor, self.http
        try:
            self._ports.append(listen(reactor, http, settings.bindaddr, settings.bindport))
            if settings.tlsenable:
                host, port = tls_address(settings)
                self._ports.append(listen_tls(reactor, http, host, port, settings.tlscertfile, settings.tlsprivatekey))
        except (CannotListenError, OSError, ValueError, ObeliskError) as error:
            for port in self._ports:
                port.stopListening()
            self._ports.clear()
            raise ModuleError(f"the HTTP server cannot listen: {error}") from error
        for port in self._ports:
            where = port.getHost()
            log.info("HTTP server on {host}:{port}", host=where.host, port=where.port)

    async def _stop_listening(self) -> None:
        ports, self._ports = self._ports, []
        for port in ports:
            await maybeDeferred(port.stopListening)

    def _status(self, arguments: Sequence[str]) -> str:
        no_arguments(arguments)
        settings = self.http.settings
        lines = ["HTTP Server Status:", f"Prefix: {self.http.root}", f"Server: {settings.servername}"]
        names = ("Server Enabled and Bound to", "HTTPS Server Enabled and Bound to")
        for name, port in zip(names, self._ports, strict=False):
            where = port.getHost()
            lines.append(f"{name} {where.host}:{where.port}")
        if not self._ports:
            lines.append("Server Disabled")
        lines += [
            "",
            f"{len(self.http.connections)} connections of at most {settings.session_limit}",
            "",
            "Enabled URI's:",
        ]
        lines += [f"{path} => {description}" for path, description in self.http.mounts()] or ["None."]
        return "\n".join(lines)


def _listening(settings: HttpSettings) -> tuple[object, ...]:
    return (
        settings.enabled,
        settings.bindaddr,
        settings.bindport,
        settings.tlsenable,
        settings.tlsbindaddr,
        settings.tlscertfile,
        settings.tlsprivatekey,
    )


def tls_address(settings: HttpSettings) -> tuple[str, int]:
    """``tlsbindaddr`` as host and port; a bare host gets the port of HTTPS."""
    text = settings.tlsbindaddr
    if not text:
        return settings.bindaddr, DEFAULT_TLS_PORT
    host, colon, port = text.rpartition(":")
    if colon and port.isdecimal() and (host.count(":") == 0 or host.endswith("]")):
        return host.strip("[]"), int(port)
    return text.strip("[]"), DEFAULT_TLS_PORT


MODULES: tuple[type[Module], ...] = (HttpModule,)
