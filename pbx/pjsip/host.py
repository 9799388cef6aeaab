"""PJSIP inside the reactor: the one object through which the rest of `pbx.pjsip` reaches the SIP stack.

PJLIB is one per process: `start` refuses while another host runs, and a stopped host can be followed by another.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable
from typing import Any

from twisted.logger import Logger

from pbx.errors import ObeliskError
from pbx.pjsip._native.core import PjCore
from pbx.pjsip._native.errors import PjError
from pbx.pjsip._native.hooks import HookModule, LastResort, Priority, RequestHook, ResponseHook
from pbx.pjsip._native.incoming import IncomingRequest, IncomingResponse, TransportInfo
from pbx.pjsip._native.invite import InviteLayer
from pbx.pjsip._native.outgoing import DEFAULT_TIMEOUT, OutgoingRequest, Reply, Sender
from pbx.pjsip._native.receiver import Receiver
from pbx.pjsip._native.resolving import Resolving
from pbx.pjsip._native.translation import Translation
from pbx.pjsip._native.transport import TransportTable
from pbx.pjsip.resolver import SipResolver
from pbx.pjsip.transports.ingress import Ingress
from pbx.pjsip.transports.listeners import Listener, StreamListener, UdpListener
from pbx.pjsip.transports.settings import TransportSettings

__all__ = [
    "IncomingRequest",
    "IncomingResponse",
    "OutgoingRequest",
    "PjError",
    "PjsipHost",
    "Priority",
    "Reply",
    "TransportInfo",
    "TransportSettings",
]

log = Logger()

#: Asterisk's least T1.
MIN_TIMER_T1_MS = 100

LISTENERS: dict[str, type[UdpListener | StreamListener]] = {"udp": UdpListener, "tcp": StreamListener}


class PjsipHost:
    """The SIP stack: transports, hooks, requests."""

    def __init__(
        self,
        reactor: Any,
        *,
        server: str = "",
        log_level: int = 2,
    ) -> None:
        """``server``: value of Server in answers. Nothing starts before `start`."""
        self._reactor = reactor
        self.core = PjCore(reactor, log_level=log_level)
        self.receiver = Receiver(self.core, server=server)
        self.table = TransportTable(self.core, self.receiver)
        self.ingress = Ingress(reactor)
        self.resolver = SipResolver(reactor, self._has_transport)
        self._resolving = Resolving(self.core, self.table, self.resolver)
        self._sender = Sender(self.core, self.receiver)
        self._modules: dict[Priority, HookModule] = {}
        self._listeners: dict[str, Listener] = {}
        self._max_forwards = 70
        self._keep_alive_interval = 90.0
        #: floor 2's invite sessions
        self.invite = InviteLayer(self.core, self.receiver, self.selector)
        self.ingress.on_unusable = self.invite.unusable
        #: the value of Allow for a 405 of the host's own; the distributor sets it
        self.allow: Callable[[], str] = lambda: ""

    # -- life --------------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Bring PJSIP up. Raises LibraryError, PjError, ObeliskError."""
        core = self.core
        core.start(self.invite.initialise)
        try:
            self.receiver.open()
            self.table.open()
            self._sender.open()
            self._sender.set_common_headers(self.receiver.answers.server, self._max_forwards)
            self._resolving.open()
            for priority in Priority:
                self._modules[priority] = HookModule(core, self.receiver, priority)
            LastResort(core, self.receiver, self._allowed)
        except BaseException:
            core.stop()
            raise

    def _allowed(self) -> str:
        return self.allow()

    async def stop(self) -> None:
        """Close all transports and PJSIP. May be called twice."""
        if not self.core.started:
            return
        self._sender.close()
        self._resolving.close()
        for identifier in list(self._listeners):
            await self.close(identifier)
        self.invite.stop()
        self.receiver.close()
        self.core.stop()
        self._modules.clear()

    def configure(self, *, user_agent: str, max_forwards: int = 70, keep_alive_interval: float = 90.0) -> None:
        """The ``type=global`` settings of messages: Server and User-Agent ("" for none), Max-Forwards of requests, and
        the seconds between keep-alives on connections (0 for none). May be called at any time, also before `start`."""
        self.receiver.answers.server = user_agent
        self._max_forwards = max_forwards
        self._keep_alive_interval = keep_alive_interval
        if self.core.started:
            self._sender.set_common_headers(user_agent, max_forwards)
            for listener in self._listeners.values():
                listener.keep_alive(keep_alive_interval)

    def configure_system(
        self,
        *,
        timer_t1_ms: int = 500,
        timer_b_ms: int = 32_000,
        compact_headers: bool = False,
        follow_early_media_fork: bool = True,
        accept_multiple_sdp_answers: bool = False,
        disable_tcp_switch: bool = True,
        disable_rport: bool = False,
    ) -> None:
        """The ``type=system`` settings. T1 is at least 100 ms and timer B at least 64 times T1 (Asterisk's limits)."""
        lib = self.core.lib
        t1 = max(timer_t1_ms, MIN_TIMER_T1_MS)
        timer_b = max(timer_b_ms, 64 * t1)
        for name, wanted, used in (("timer_t1", timer_t1_ms, t1), ("timer_b", timer_b_ms, timer_b)):
            if wanted != used:
                log.warn("{name} = {wanted} is too low: {used} is used", name=name, wanted=wanted, used=used)
        lib.pjsip_tsx_set_timers(t1, 0, 0, timer_b)
        endpoint = lib.pjsip_sip_cfg_var.endpt
        endpoint.use_compact_form = compact_headers
        endpoint.follow_early_media_fork = follow_early_media_fork
        endpoint.accept_multiple_sdp_answers = accept_multiple_sdp_answers
        endpoint.disable_tcp_switch = disable_tcp_switch
        endpoint.disable_rport = disable_rport

    # -- transports --------------------------------------------------------------------------------------------------

    async def listen(self, settings: TransportSettings) -> TransportInfo:
        """Open a listening transport; gives it with its real port. Raises OSError or ObeliskError."""
        if settings.id in self._listeners:
            raise ObeliskError(f"transport {settings.id} is listening already")
        kind = LISTENERS.get(settings.protocol)
        if kind is None:
            raise ObeliskError(f"transport {settings.id}: protocol {settings.protocol} is not known")
        listener: Listener = kind(self._reactor, self.table, self.ingress, settings)
        await listener.open()
        listener.keep_alive(self._keep_alive_interval)
        self._listeners[settings.id] = listener
        self._translate()
        log.info(
            "SIP {protocol} listens on {host}:{port} ({id})",
            protocol=settings.protocol,
            host=listener.info.host,
            port=listener.info.port,
            id=settings.id,
        )
        return listener.info

    async def close(self, identifier: str) -> None:
        """Close a listening transport and its connections; unknown ones are ignored."""
        listener = self._listeners.pop(identifier, None)
        if listener is not None:
            self._translate()
            await listener.close()

    def transports(self) -> list[TransportInfo]:
        return [listener.info for listener in self._listeners.values()]

    def _has_transport(self, protocol: str, family: int) -> bool:
        """Whether a transport of ``protocol`` is open on an address of ``family`` (AF_INET, AF_INET6)."""
        six = family == socket.AF_INET6
        return any(
            info.protocol == protocol and (":" in info.host) == six
            for info in (listener.info for listener in self._listeners.values())
        )

    def transport(self, identifier: str) -> TransportInfo | None:
        listener = self._listeners.get(identifier)
        return None if listener is None else listener.info

    def sent_by(self, identifier: str, remote_host: str | None = None) -> tuple[str, int]:
        """(host, port) that Via and Contact show of a transport towards ``remote_host``. Raises ObeliskError."""
        listener = self._listeners.get(identifier)
        if listener is None:
            raise ObeliskError(f"there is no transport {identifier}")
        return listener.sent_by(remote_host)

    def media_host(self, identifier: str, remote_host: str) -> str:
        """The address that descriptions of media show to ``remote_host``. Raises ObeliskError."""
        listener = self._listeners.get(identifier)
        if listener is None:
            raise ObeliskError(f"there is no transport {identifier}")
        known = self.resolver.known_address(remote_host)
        return listener.media_host(known or remote_host)

    def local_host(self, identifier: str, remote_host: str) -> str:
        """Our own address towards ``remote_host``, whatever the outside calls it. Raises ObeliskError."""
        listener = self._listeners.get(identifier)
        if listener is None:
            raise ObeliskError(f"there is no transport {identifier}")
        return listener.local_host(remote_host)

    def _translate(self) -> None:
        """Let messages be rewritten that leave the local networks of transports."""
        translated = {
            name: listener.settings
            for name, listener in self._listeners.items()
            if listener.settings.local_net and listener.settings.external_address
        }
        self.invite.gate.translate = Translation(self.core, self.table, translated) if translated else None

    def selector(self, identifier: str) -> Any:
        """Floor 2: the pjsip_tpselector * that binds a message to a transport. Raises ObeliskError."""
        listener = self._listeners.get(identifier)
        if listener is None:
            raise ObeliskError(f"there is no transport {identifier}")
        return listener.selector()

    # -- hooks -------------------------------------------------------------------------------------------------------

    def on_request(self, priority: Priority, hook: RequestHook, *methods: str) -> Callable[[], None]:
        """Call ``hook`` with each request of ``methods``, none for all, at ``priority``; True ends its way.

        Gives the function that unhooks it. A hook of all requests costs each call some twenty microseconds.
        """
        return self._modules[priority].add_request_hook(hook, methods)

    def on_response(self, priority: Priority, hook: ResponseHook) -> Callable[[], None]:
        """The same for responses."""
        return self._modules[priority].add_response_hook(hook)

    def on_connection_lost(self, watcher: Callable[[TransportInfo], object]) -> Callable[[], None]:
        """Call ``watcher`` with each connection (id and connection number name it) that is gone; gives the unhook."""
        watchers = self.table.connection_watchers
        watchers.append(watcher)
        return lambda: watchers.remove(watcher) if watcher in watchers else None

    # -- messages ----------------------------------------------------------------------------------------------------

    def send_request(
        self,
        method: str,
        target_uri: str,
        *,
        from_uri: str,
        to_uri: str | None = None,
        contact: str | None = None,
        call_id: str | None = None,
        cseq: int | None = None,
        from_tag: str = "",
        to_tag: str = "",
        headers: Iterable[tuple[str, str]] = (),
        body: bytes | None = None,
        content_type: str | None = None,
        transport: str | None = None,
        route: Iterable[str] = (),
        timeout: float = DEFAULT_TIMEOUT,
        on_response: Callable[[Reply], object],
    ) -> OutgoingRequest:
        """Send a request outside PJSIP's dialogs. ``on_response`` gets one `Reply`, never before this returns.

        ``from_uri``, ``to_uri`` and ``contact`` may be name-addrs; ``route`` lists loose routes, the first is the next
        hop; ``transport`` names the transport to send by. Raises PjError or ValueError for what is malformed.
        """
        return self._sender.send(
            method,
            target_uri,
            from_uri=from_uri,
            to_uri=to_uri,
            contact=contact,
            call_id=call_id,
            cseq=cseq,
            from_tag=from_tag,
            to_tag=to_tag,
            headers=headers,
            body=body,
            content_type=content_type,
            selector=None if transport is None else self.selector(transport),
            route=route,
            timeout=timeout,
            on_response=on_response,
        )

    def inject(
        self,
        message: IncomingRequest | IncomingResponse,
        *,
        context: object = None,
    ) -> bool:
        """Run a kept message through PJSIP and all hooks again, as if it had just come in.

        False when the transport it came by is gone.
        """
        carrier = self.table.by_info(message.transport)
        if carrier is None or carrier.pointer is None:
            log.info("Call-ID {call_id}: its transport is gone, the kept message is dropped", call_id=message.call_id)
            return False
        self.receiver.resume(message)
        self.receiver.receive(
            message.raw, message.transport, carrier.pointer, message.source, context if context is not None else True
        )
        return True

    def count_transactions(self) -> int:
        return self.core.count_transactions()

    def count_pools(self) -> int:
        """PJSIP's memory pools in use: for leak tests and statistics."""
        return self.core.count_pools()
