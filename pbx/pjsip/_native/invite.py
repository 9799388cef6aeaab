"""The invite layer: PJSIP's callbacks turned into events of `InviteSession`, and the making of sessions, both ways.

Order in the host: ``layer = InviteLayer(core, receiver)``; ``core.start(layer.initialise)``, which calls it where
pjsip_inv_usage_init belongs; at the end ``layer.stop()`` before ``core.stop()``.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from twisted.logger import Logger

from pbx.errors import ObeliskError
from pbx.pjsip._abi import ffi
from pbx.pjsip._native import strings
from pbx.pjsip._native import tdata as outgoing
from pbx.pjsip._native.errors import PjError, check
from pbx.pjsip._native.invite_session import CALLING, CONFIRMED, DISCONNECTED, UAC, UAS, InviteEvents, InviteSession
from pbx.pjsip._native.sdp_gate import SdpGate

if TYPE_CHECKING:
    from pbx.pjsip._native.core import PjCore
    from pbx.pjsip._native.incoming import IncomingMessage, IncomingRequest, Receiver

log = Logger()
CData = Any

# pjsip_inv_option
SUPPORT_100REL, SUPPORT_TIMER, SUPPORT_UPDATE = 1, 2, 4
REQUIRE_100REL, REQUIRE_TIMER, ALWAYS_USE_TIMER = 32, 64, 128
# pjsip_event_id_e
_EVENT_RX_MSG, _EVENT_TSX_STATE = 3, 5
# pjsip_tsx_state_e
_TSX_CALLING, _TSX_TRYING, _TSX_PROCEEDING, _TSX_COMPLETED, _TSX_TERMINATED = 1, 2, 3, 4, 6
# pjsip_inv_state
_EARLY, _CONNECTING = 3, 4
# pjsip_method_e
_INVITE, _CANCEL, _ACK, _BYE, _OTHER = 0, 1, 2, 3, 6
#: Room for PJLIB's list of ciphers (PJ_SSL_SOCK_MAX_CIPHERS).
_MAX_CIPHERS = 256
# pjsip_hdr_e
_H_ALLOW = 4
# pjsip_cred_data_type
_PLAIN, _DIGEST = 0, 1
#: PJSIP's status for "nothing wrong"
_OK = 0
#: Any failure, where only "not PJ_SUCCESS" counts (PJ_EINVALIDOP)
_FAILED = 70013

_OWN_METHODS = frozenset((b"INVITE", b"ACK", b"BYE", b"CANCEL", b"UPDATE", b"PRACK"))


@dataclass(frozen=True, slots=True)
class Credential:
    """What answers a challenge: ``realm`` "*" fits any; ``secret`` is a password, or MD5(user:realm:password) in hex
    when ``digest`` is set."""

    realm: str
    username: str
    secret: str
    digest: bool = False


@dataclass(frozen=True, slots=True)
class SessionOptions:
    """RFC 3262 and RFC 4028 in one session. ``flags``: the module's SUPPORT_ and REQUIRE_ bits; times in seconds."""

    flags: int = SUPPORT_100REL | SUPPORT_TIMER | SUPPORT_UPDATE
    min_session_expires: int = 90
    session_expires: int = 1800


@dataclass(frozen=True, slots=True)
class Call:
    """An INVITE to be sent. URIs are texts as they go into their headers, ``route`` the proxies to pass in order."""

    target: str
    from_header: str
    to_header: str
    contact: str
    offer: bytes
    options: SessionOptions = SessionOptions()
    headers: Sequence[tuple[str, str]] = ()
    #: Parameters of From, which ``from_header`` cannot hold; values are quoted where they need it.
    from_params: Sequence[tuple[str, str]] = ()
    credentials: Sequence[Credential] = ()
    route: Sequence[str] = ()
    rewrite_contact: bool = False
    #: Name of the transport to send by; empty leaves it to PJSIP.
    transport: str = ""


class InviteLayer:
    """All invite sessions of one PJSIP."""

    def __init__(self, core: PjCore, receiver: Receiver, selector: Callable[[str], CData]) -> None:
        """``selector`` gives the pjsip_tpselector * of a transport by name."""
        self.core = core
        self._selector = selector
        self.gate = SdpGate(core, receiver, self._session_of_dialog)
        self._receiver = receiver
        #: By PJSIP's pointers, which compare and hash by their addresses.
        self._sessions: dict[CData, InviteSession] = {}
        self._dialogs: dict[CData, InviteSession] = {}
        self._methods: dict[str, tuple[CData, CData]] = {}
        self._borrowed: CData = None

    @property
    def lib(self) -> Any:
        return self.core.lib

    def __len__(self) -> int:
        """Sessions whose PJSIP objects exist, those waiting for their last transactions included."""
        return len(self._sessions)

    def __iter__(self) -> Iterator[InviteSession]:
        return iter(list(self._sessions.values()))

    # Start and stop

    def initialise(self, core: PjCore) -> None:
        """Start PJSIP's invite usage with our callbacks, and the gate. Raises PjError."""
        table = core.keep(self._callbacks())
        check(core.lib.pjsip_inv_usage_init(core.endpt, table), "pjsip_inv_usage_init")
        # PJSIP takes every digest algorithm for unsupported until its OpenSSL has listed its ciphers once.
        ciphers, count = ffi.new("int[]", _MAX_CIPHERS), ffi.new("unsigned *", _MAX_CIPHERS)
        core.lib.pj_ssl_cipher_get_availables(ciphers, count)
        self.gate.start()

    def _callbacks(self) -> CData:
        """PJSIP's table of callbacks."""
        core = self.core
        table = ffi.new("pjsip_inv_callback *")
        of_inv = self._call_id_of

        def pointer(signature: str, function: Any, *, result: Any = None, on_error: Any = self._failed) -> CData:
            return ffi.cast(
                "void *", core.callback(signature, function, result=result, on_error=on_error, call_id=of_inv)
            )

        table.on_state_changed = pointer("void(pjsip_inv_session *, pjsip_event *)", self._on_state)
        table.on_new_session = pointer("void(pjsip_inv_session *, pjsip_event *)", self._on_fork)
        table.on_tsx_state_changed = pointer(
            "void(pjsip_inv_session *, pjsip_transaction *, pjsip_event *)", self._on_transaction
        )
        table.on_rx_offer2 = pointer("void(pjsip_inv_session *, pjsip_inv_on_rx_offer_cb_param *)", self._on_offer)
        table.on_rx_reinvite = pointer(
            "int(pjsip_inv_session *, pjmedia_sdp_session *, pjsip_rx_data *)", self._on_reinvite, result=_FAILED
        )
        table.on_media_update = pointer("void(pjsip_inv_session *, int)", self._on_negotiated)
        return table

    def stop(self) -> None:
        """End what is left without a word and give every reference back."""
        for session in list(self._sessions.values()):
            session.events = None
            session.terminate(503)
            session.over = True
            session.release()
        self.gate.stop()
        self._methods.clear()

    # Small tools of the sessions

    def borrow(self, text: str) -> CData:
        """A pj_str_t * for an argument that C copies before the next borrow."""
        string, kept = strings.borrowed(text.replace("\r", " ").replace("\n", " "))
        self._borrowed = (string, kept)
        return string

    def method(self, name: str) -> CData:
        """A pjsip_method * that lives as long as the layer."""
        found = self._methods.get(name)
        if found is None:
            string, kept = strings.borrowed(name)
            method = ffi.new("pjsip_method *")
            self.lib.pjsip_method_init_np(method, string)
            found = self._methods[name] = (method, (string, kept))
        return found[0]

    def print_uri(self, uri: CData) -> str:
        """A URI as text, as it stands in a Request-URI."""
        buffer = ffi.new("char[512]")
        prints = ffi.cast("int (*)(int, const void *, char *, size_t)", uri.vptr.p_print)
        length = prints(0, uri, buffer, 511)
        return ffi.buffer(buffer, length)[:].decode("utf-8", "replace") if length > 0 else ""

    # Making sessions

    def accept(
        self,
        request: IncomingRequest,
        events: InviteEvents,
        *,
        contact: str,
        options: SessionOptions,
        has_offer: bool,
        rewrite_contact: bool = False,
        headers: Sequence[tuple[str, str]] = (),
    ) -> InviteSession:
        """Take an INVITE outside of any dialog: dialog, session, 100 Trying. ``headers`` go into the 100.

        Raises PjError when PJSIP refuses the message (the request is answered then), SessionOver when its transaction
        ended at once.
        """
        core, lib = self.core, self.core.lib
        with core.entered():
            rdata = request.rdata()
            if rewrite_contact:
                self.gate.rewrite_target(rdata, rdata.msg_info)
            dialogs = ffi.new("pjsip_dialog **")
            contact_str, kept = strings.borrowed(contact)
            status = lib.pjsip_dlg_create_uas_and_inc_lock(lib.pjsip_ua_instance(), rdata, contact_str, dialogs)
            if status:
                code = status - 170_000 if 170_400 <= status < 170_700 else 400
                request.respond(code)
                raise PjError(status, "pjsip_dlg_create_uas")
            request.taken()
            has_offer = has_offer and self.gate.holds_token(rdata)
            dialog = dialogs[0]
            self._bind(dialog, rdata.tp_info.transport)
            made = ffi.new("pjsip_inv_session **")
            token = ffi.NULL if has_offer else self.gate.token
            status = lib.pjsip_inv_create_uas(dialog, rdata, token, options.flags, made)
            if status or made[0].neg == ffi.NULL:
                self._refuse(dialog, rdata, 500)
                lib.pjsip_dlg_dec_lock(dialog)
                raise PjError(status or _FAILED, "pjsip_inv_create_uas")
            inv = made[0]
            session = self._adopt(inv, UAS, request.call_id, events)
            session.has_remote_offer = has_offer
            if rewrite_contact:
                self.gate.rewritten[request.call_id.encode("utf-8", "surrogateescape")] = session
            self._set_timers(inv, options)
            tdata = ffi.new("pjsip_tx_data **")
            status = lib.pjsip_inv_initial_answer(inv, rdata, 100, ffi.NULL, ffi.NULL, tdata)
            lib.pjsip_dlg_dec_lock(dialog)
            del kept
            if tdata[0]:
                session._send(tdata[0], headers)
            if status:
                # PJSIP has put its own refusal (422) into the message just sent.
                if not tdata[0]:
                    session.terminate(500)
                raise PjError(status, "pjsip_inv_initial_answer")
            return session

    def set_allowed(self, methods: str) -> None:
        """What Allow says in our dialogs: the methods that modules of ours take, not those PJSIP could."""
        names = [name.strip() for name in methods.split(",") if name.strip()][:32]
        header = self.lib.pjsip_endpt_get_capability(self.core.endpt, _H_ALLOW, ffi.NULL)
        if header == ffi.NULL or not names:
            return
        allow = ffi.cast("pjsip_generic_array_hdr *", header)
        for index, name in enumerate(names):
            allow.values[index] = strings.const(name.encode("ascii"))[0]
        allow.count = len(names)

    def later(self, call: Callable[..., object], *args: Any) -> None:
        """Run ``call(*args)`` in this turn of the reactor, when PJSIP has let go of what it works on."""
        self.core.later(call, *args)

    def after(self, call: Callable[..., object], *args: Any) -> None:
        """Run ``call(*args)`` once what is being done to the call is done: see `PjCore.after`."""
        self.core.after(call, *args)

    def invite(self, call: Call, events: InviteEvents) -> InviteSession:
        """Make a session and send its INVITE.

        Raises PjError: a URI PJSIP cannot use, a message it cannot send; nothing is left behind then.
        """
        core, lib = self.core, self.core.lib
        with core.entered():
            dialogs = ffi.new("pjsip_dialog **")
            texts = [strings.borrowed(text) for text in (call.from_header, call.contact, call.to_header, call.target)]
            status = lib.pjsip_dlg_create_uac(lib.pjsip_ua_instance(), *(string for string, _ in texts), dialogs)
            check(status, "pjsip_dlg_create_uac")
            dialog = dialogs[0]
            lib.pjsip_dlg_inc_lock(dialog)
            try:
                session = self._prepare(dialog, call, events)
            except BaseException:
                lib.pjsip_dlg_terminate(dialog)
                lib.pjsip_dlg_dec_lock(dialog)
                raise
            lib.pjsip_dlg_dec_lock(dialog)
            try:
                session.start(call.headers)
            except PjError:
                session.events = None
                session.terminate(503)
                session.over = True
                session.release_if_idle()
                raise
            return session

    def _prepare(self, dialog: CData, call: Call, events: InviteEvents) -> InviteSession:
        lib = self.core.lib
        # PJSIP finds dialogs by their tags, so the Call-ID may still be chosen: a UUID, as users of Asterisk know it.
        dialog.call_id.id = strings.dup(dialog.pool, str(uuid.uuid4()))[0]
        if call.transport:
            selector = self._selector(call.transport)
            check(lib.pjsip_dlg_set_transport(dialog, selector), "pjsip_dlg_set_transport")
        if call.route:
            self._set_route(dialog, call.route)
        for name, value in call.from_params:
            self._add_from_param(dialog, name, value)
        if call.credentials:
            self._set_credentials(dialog, call.credentials)
        made = ffi.new("pjsip_inv_session **")
        check(lib.pjsip_inv_create_uac(dialog, self.gate.token, call.options.flags, made), "pjsip_inv_create_uac")
        inv = made[0]
        session = self._adopt(inv, UAC, strings.text(dialog.call_id.id), events)
        session.local_sdp = call.offer
        if call.rewrite_contact:
            self.gate.rewritten[strings.raw(dialog.call_id.id)] = session
        self._set_timers(inv, call.options)
        return session

    def _adopt(self, inv: CData, role: int, call_id: str, events: InviteEvents) -> InviteSession:
        self.core.lib.pjsip_inv_add_ref(inv)
        session = InviteSession(self, inv, role, call_id)
        session.events = events
        self._sessions[inv] = session
        self._dialogs[inv.dlg] = session
        return session

    def _bind(self, dialog: CData, transport: CData) -> None:
        """Send the dialog's requests by the socket the first one used; a connection may be replaced by another."""
        if transport.flag & 1:  # PJSIP_TRANSPORT_RELIABLE
            return
        selector = ffi.new("pjsip_tpselector *")
        selector.type = 1  # PJSIP_TPSELECTOR_TRANSPORT
        selector.ptr = transport
        check(self.core.lib.pjsip_dlg_set_transport(dialog, selector), "pjsip_dlg_set_transport")

    def _set_route(self, dialog: CData, route: Sequence[str]) -> None:
        lib = self.core.lib
        head = self.core.zalloc(dialog.pool, "pjsip_routing_hdr")
        head.prev = head.next = head
        for proxy in route:
            line = strings.dup(dialog.pool, proxy)
            name = strings.const(b"Route")
            node = lib.pjsip_parse_hdr(dialog.pool, name, line.ptr, line.slen, ffi.NULL)
            if node == ffi.NULL:
                raise ObeliskError(f"not a route: {proxy}")
            header = ffi.cast("pjsip_routing_hdr *", node)
            last = head.prev
            header.prev, header.next = last, head
            last.next = header
            head.prev = header
        check(lib.pjsip_dlg_set_route_set(dialog, head), "pjsip_dlg_set_route_set")

    def _add_from_param(self, dialog: CData, name: str, value: str) -> None:
        """A parameter of From in every request of the dialog; the URI that makes a dialog cannot bring any."""
        param = self.core.zalloc(dialog.pool, "pjsip_param")
        param.name = strings.dup(dialog.pool, name)[0]
        if value:
            param.value = strings.dup(dialog.pool, value)[0]
        head = ffi.addressof(dialog.local.info, "other_param")
        last = head.prev
        param.prev, param.next = last, head
        last.next = param
        head.prev = param

    def _set_credentials(self, dialog: CData, credentials: Sequence[Credential]) -> None:
        count = len(credentials)
        array = ffi.new("pjsip_cred_info[]", count)
        for info, credential in zip(array, credentials, strict=True):
            info.realm = strings.dup(dialog.pool, credential.realm or "*")[0]
            info.scheme = strings.const(b"digest")[0]
            info.username = strings.dup(dialog.pool, credential.username)[0]
            info.data = strings.dup(dialog.pool, credential.secret)[0]
            info.data_type = _DIGEST if credential.digest else _PLAIN
        session = ffi.addressof(dialog, "auth_sess")
        status = self.core.lib.pjsip_auth_clt_set_credentials(session, count, array)
        check(status, "pjsip_auth_clt_set_credentials")

    def _set_timers(self, inv: CData, options: SessionOptions) -> None:
        if options.flags & (SUPPORT_TIMER | REQUIRE_TIMER | ALWAYS_USE_TIMER):
            setting = ffi.new("pjsip_timer_setting *", (options.min_session_expires, options.session_expires))
            check(self.core.lib.pjsip_timer_init_session(inv, setting), "pjsip_timer_init_session")

    def _refuse(self, dialog: CData, rdata: CData, code: int, headers: Sequence[tuple[str, str]] = ()) -> None:
        """Answer a request of a dialog without the invite session's help."""
        lib = self.core.lib
        tdata = ffi.new("pjsip_tx_data **")
        if lib.pjsip_dlg_create_response(dialog, rdata, code, ffi.NULL, tdata):
            return
        for name, value in headers:
            outgoing.add_header(self.core, tdata[0], name, value)
        lib.pjsip_dlg_send_response(dialog, lib.pjsip_rdata_get_tsx(rdata), tdata[0])

    # Finding sessions

    def _session_of_dialog(self, dialog: CData) -> InviteSession | None:
        return self._dialogs.get(dialog)

    def by_call_id(self, call_id: str) -> InviteSession | None:
        """A live session by its Call-ID: for the rare, so by search."""
        return next((s for s in self._sessions.values() if s.call_id == call_id and not s.over), None)

    def forget(self, session: InviteSession) -> None:
        """A session is about to give its reference back."""
        self._sessions.pop(session.inv, None)
        self._dialogs.pop(session.dialog, None)
        self.gate.carriers.discard(session)
        if self.gate.rewritten:
            self.gate.rewritten.pop(session.call_id.encode("utf-8", "surrogateescape"), None)

    def unusable(self, call_id: str, reason: str) -> None:
        """The screen had to repair a message of a call whose far end can thereby not be talked to: end the call."""
        session = self.by_call_id(call_id)
        if session is not None:
            log.warn("Call-ID {call_id}: the call is ended: {reason}", call_id=call_id, reason=reason)
            try:
                session.end(502)
            except PjError as error:
                log.warn("Call-ID {call_id}: {error}", call_id=call_id, error=str(error))
                session.terminate(502)

    # Callbacks of PJSIP

    def _call_id_of(self, inv: CData, *_: object) -> str:
        session = self._sessions.get(inv)
        return session.call_id if session is not None else strings.text(inv.dlg.call_id.id)

    def _failed(self, inv: CData, *_: object) -> None:
        """A callback of ours raised: answer 500 or hang up, so that no call is left hanging."""
        session = self._sessions.get(inv)
        if session is not None:
            self.core.later(session.end, 500)

    def _message(self, event: CData) -> IncomingMessage | None:
        """The message behind an event, if one is."""
        kind = event.type
        if kind == _EVENT_TSX_STATE:
            if event.body.tsx_state.type != _EVENT_RX_MSG:
                return None
            rdata = event.body.tsx_state.src.rdata
        elif kind == _EVENT_RX_MSG:
            rdata = event.body.rx_msg.rdata
        else:
            return None
        if rdata == ffi.NULL:
            return None
        is_request = rdata.msg_info.msg.type == 0
        return self._receiver.request_of(rdata) if is_request else self._receiver.response_of(rdata)

    def _on_state(self, inv: CData, event: CData) -> None:
        session = self._sessions.get(inv)
        if session is None:
            return
        state = inv.state
        if state == DISCONNECTED and self._failed_over(session, event):
            return
        if state == DISCONNECTED:
            session.disconnected(int(inv.cause), strings.text(inv.cause_text), self._message(event))
            self.core.later(session.release_if_idle)
        elif state == CONFIRMED:
            session.tell("confirmed", self._message(event))
            if session.ending and session.role == UAC:
                # The answer crossed our CANCEL (RFC 3261 9.1): it needs a BYE.
                self.core.later(session.end, 487)
        elif session.role == UAS:
            if state == _CONNECTING:
                session.answer_sent()
        elif state == _EARLY:
            message = self._message(event)
            if message is not None:
                session.tell("provisional", message.status_code, message)
        elif state == _CONNECTING:
            message = self._message(event)
            if message is not None:
                session.tell("answered", message)

    def _failed_over(self, session: InviteSession, event: CData) -> bool:
        """Whether an INVITE that nobody answered, or 503, goes to the next address of its target (RFC 3263 4.3)."""
        inv, lib = session.inv, self.lib
        if session.role != UAC or session.ending or event.type != _EVENT_TSX_STATE:
            return False
        tsx = event.body.tsx_state.tsx
        message = tsx.last_tx
        if tsx.status_code not in (408, 503) or tsx.method.id != _INVITE or message == ffi.NULL:
            return False
        if not outgoing.try_next_address(self.core, message):
            return False
        lib.pjsip_inv_uac_restart(inv, 0)
        lib.pjsip_tx_data_add_ref(message)
        status = lib.pjsip_inv_send_msg(inv, message)
        if status:
            log.warn(
                "Call-ID {call_id}: the next address failed at once: {status}", call_id=session.call_id, status=status
            )
            return bool(inv.state != DISCONNECTED)
        return True

    def _on_fork(self, inv: CData, event: CData) -> None:
        """PJSIP makes sessions of its own for forked answers only when it is asked to, which it is not."""

    def _on_transaction(self, inv: CData, tsx: CData, event: CData) -> None:
        state = tsx.state
        if state == _TSX_TRYING:
            if tsx.role == UAS and tsx.method.id != _INVITE:
                session = self._sessions.get(inv)
                if session is not None:
                    self._on_request(session, tsx, event)
            return
        if state < _TSX_COMPLETED:
            if state == _TSX_CALLING and tsx.method.id == _BYE:
                self._goodbye(inv)
            elif state == _TSX_PROCEEDING and inv.state == CALLING:
                self._untagged(inv, event)
            return
        session = self._sessions.get(inv)
        if session is None:
            return
        if session.over:
            if state >= _TSX_TERMINATED:
                self.core.later(session.release_if_idle)
        elif session.reinviting and tsx.role == UAC and tsx.method.id == _INVITE:
            code = int(tsx.status_code)
            # 401 and 407 are followed by the same re-INVITE with credentials, if we have some.
            if code not in (401, 407) or not inv.invite_tsx:
                session.reinvite_finished(code, self._message(event))

    def _untagged(self, inv: CData, event: CData) -> None:
        """A provisional response without a To tag makes no dialog: PJSIP is silent, but devices send such 18x."""
        session = self._sessions.get(inv)
        message = self._message(event)
        if session is not None and message is not None and message.status_code > 100:
            session.tell("provisional", message.status_code, message)

    def _goodbye(self, inv: CData) -> None:
        """A BYE of ours goes out. If PJSIP decided on it, the call is over for floor 3 without waiting for the answer.

        So it is when no ACK came (RFC 3261 13.3.1.4) or the session timer ran out (RFC 4028).
        """
        session = self._sessions.get(inv)
        if session is not None and not session.ending and not session.over:
            session.ending = True
            code = int(inv.cause)
            session.tell("ended", code if code >= 300 else 408, strings.text(inv.cause_text), None)

    def _on_request(self, session: InviteSession, tsx: CData, event: CData) -> None:
        """A request in the dialog, before PJSIP's own handling of it."""
        method = tsx.method.id
        message = self._message(event)
        if message is None:
            return
        if method in (_BYE, _CANCEL):
            session.note_ending(message)
        elif method == _OTHER and strings.raw(tsx.method.name) not in _OWN_METHODS:
            events = session.events
            code, headers = (481, ()) if events is None else events.request(message)
            self._refuse(session.dialog, event.body.tsx_state.src.rdata, code, headers)

    def _on_offer(self, inv: CData, parameter: CData) -> None:
        """An offer that PJSIP wants answered before it goes on: in UPDATE or PRACK. A re-INVITE's waits (see below)."""
        rdata = ffi.cast("pjsip_rx_data *", parameter.rdata)
        message = rdata.msg_info.msg
        if message.type != 0 or message.line.req.method.id == _INVITE:
            return
        session = self._sessions.get(inv)
        if session is None:
            return
        is_prack = strings.raw(message.line.req.method.name) == b"PRACK"
        events = session.events
        answer = None if events is None else events.update_offer(self._receiver.request_of(rdata))
        if answer is not None:
            session.local_sdp = answer
        # PJSIP asserts that an offer in PRACK is answered; an unacceptable one gets our description as it was.
        if answer is not None or is_prack:
            self.lib.pjsip_inv_set_sdp_answer(inv, self.gate.token)

    def _on_reinvite(self, inv: CData, offer: CData, rdata: CData) -> int:
        session = self._sessions.get(inv)
        if session is None:
            return _FAILED
        tdata = ffi.new("pjsip_tx_data **")
        status = self.lib.pjsip_inv_initial_answer(inv, rdata, 100, ffi.NULL, ffi.NULL, tdata)
        if status:
            if tdata[0]:
                self.lib.pjsip_inv_send_msg(inv, tdata[0])
            return _OK
        # The final answer follows in this turn of the reactor: a 100 would only be one packet more.
        self.lib.pjsip_tx_data_dec_ref(tdata[0])
        if session.events is None:
            self.core.later(session.answer_late, bool(offer))
        else:
            session.tell("reoffered", self._receiver.request_of(rdata))
        return _OK

    def _on_negotiated(self, inv: CData, status: int) -> None:
        """The token was agreed on. It matters only for the answer in the ACK of a re-INVITE without offer."""
        session = self._sessions.get(inv)
        ack = self.gate.ack
        if ack is not None and session is not None and session.wants_ack_answer and inv.state == CONFIRMED:
            session.wants_ack_answer = False
            session.tell("reoffer_acknowledged", self._receiver.request_of(ack))
