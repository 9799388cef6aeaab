"""pjsip_endpt_set_ext_resolver: PJSIP asks, Python's resolver answers, at once or later."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.logger import Logger
from twisted.python.failure import Failure

from pbx.pjsip._abi import ffi
from pbx.pjsip._native import strings
from pbx.pjsip._native.errors import PJ_ERESOLVE, check
from pbx.pjsip._native.transport import PJSIP_TRANSPORT_IPV6, TransportTable, fill_sockaddr
from pbx.pjsip.message import text_of
from pbx.pjsip.resolver import MAX_ADDRESSES, ResolveError, ServerAddress, SipResolver, Target, literal

if TYPE_CHECKING:
    from pbx.pjsip._native.core import PjCore

log = Logger()
CData = Any

SECURE = 2
#: Answers kept for addresses written as such; when there are more, all are forgotten.
MAX_LITERALS = 4096


class Resolving:
    """The bridge of one PjCore to its SipResolver."""

    def __init__(self, core: PjCore, table: TransportTable, resolver: SipResolver) -> None:
        self._core = core
        self._table = table
        self._resolver = resolver
        self._open = False
        #: Answers for addresses written as such, which most are: by host, port, type and flags as PJSIP asks.
        self._literals: dict[tuple[bytes, int, int, int], CData] = {}

    def open(self) -> None:
        core = self._core
        hook = core.keep(ffi.new("pjsip_ext_resolver *"))
        hook.resolve = ffi.cast(
            "void *",
            core.callback(
                "void(pjsip_resolver_t *, pj_pool_t *, const pjsip_host_info *, void *, void *)",
                self._resolve,
                on_error=self._broken,
            ),
        )
        check(core.lib.pjsip_endpt_set_ext_resolver(core.endpt, hook), "pjsip_endpt_set_ext_resolver")
        self._open = True

    def close(self) -> None:
        """PJSIP is about to stop: answers still to come are dropped."""
        self._open = False
        self._resolver.close()

    def _resolve(self, resolver: CData, pool: CData, wanted: CData, token: CData, callback: CData) -> None:
        address = wanted.addr
        key = (strings.raw(address.host), address.port, wanted.type, wanted.flag)
        ready = self._literals.get(key)
        if ready is not None:
            self._call(0, token, callback, ready)
            return
        kind = wanted.type & ~PJSIP_TRANSPORT_IPV6
        target = Target(
            text_of(key[0]),
            address.port,
            self._table.protocol_of(kind),
            bool(wanted.flag & SECURE),
        )
        try:
            known = self._resolver.immediate(target)
        except ResolveError as error:
            self._refuse(error, token, callback)
            return
        if known is not None:
            if literal(target.host) is not None:
                if len(self._literals) >= MAX_LITERALS:
                    self._literals.clear()
                self._literals[key] = self._addresses(known)
            self._answer(known, token, callback)
            return
        found = self._resolver.resolve(target)
        found.addCallback(self._answer, token, callback)
        found.addErrback(self._failed, token, callback)

    def _answer(self, addresses: list[ServerAddress], token: CData, callback: CData) -> None:
        if not self._open:
            return
        answer = self._addresses(addresses)
        self._call(0 if answer.count else PJ_ERESOLVE, token, callback, answer)

    def _addresses(self, addresses: list[ServerAddress]) -> CData:
        answer = ffi.new("pjsip_server_addresses *")
        count = 0
        for address in addresses[:MAX_ADDRESSES]:
            record = answer.entry[count]
            record.type = self._table.type_of(address.protocol, address.host)[0]
            record.priority = address.priority
            record.weight = address.weight
            record.addr_len = fill_sockaddr(ffi.addressof(record, "addr"), address.host, address.port)
            count += 1
        answer.count = count
        return answer

    def _failed(self, failure: Failure, token: CData, callback: CData) -> None:
        error = failure.value
        if isinstance(error, ResolveError):
            self._refuse(error, token, callback)
            return
        log.failure("the SIP resolver failed", failure)
        if self._open:
            self._call(PJ_ERESOLVE, token, callback, ffi.NULL)

    def _refuse(self, error: ResolveError, token: CData, callback: CData) -> None:
        log.info("not resolved: {error}", error=str(error))
        if self._open:
            self._call(PJ_ERESOLVE, token, callback, ffi.NULL)

    def _broken(self, resolver: CData, pool: CData, wanted: CData, token: CData, callback: CData) -> None:
        self._call(PJ_ERESOLVE, token, callback, ffi.NULL)

    def _call(self, status: int, token: CData, callback: CData, answer: CData) -> None:
        function = ffi.cast("pjsip_resolver_callback *", callback)
        with self._core.entered():
            function(status, token, answer)
