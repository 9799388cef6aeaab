"""Keeps PJSIP's SDP negotiator out of our decisions: it only ever sees a token description.

PJSIP's invite session tracks who has offered what by parsing bodies, cutting them silently at its limits. So a module
of ours below the transaction layer swaps each description that comes in for a token before PJSIP parses it, and each
token that goes out for the session's real text before PJSIP prints it. The offer/answer *state* is PJSIP's, the
*content* is floor 3's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from twisted.logger import Logger

from pbx.pjsip._abi import ffi
from pbx.pjsip._native import strings
from pbx.pjsip._native import tdata as outgoing
from pbx.pjsip._native.errors import check
from pbx.pjsip.bodies import session_description
from pbx.pjsip.media_names import has_names

if TYPE_CHECKING:
    from pbx.pjsip._native.core import PjCore
    from pbx.pjsip._native.incoming import IncomingRequest, IncomingResponse
    from pbx.pjsip._native.invite_session import InviteSession
    from pbx.pjsip._native.receiver import Receiver

log = Logger()
CData = Any

#: Between the transport layer (8) and the transaction layer (16); sending runs downwards, so before the host's printer.
PRIORITY = 11

TOKEN = (
    b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    b"m=audio 4000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"
)
_SDP_METHODS = frozenset((b"INVITE", b"UPDATE", b"PRACK", b"ACK"))
#: The screen writes another first letter, so that PJSIP leaves the parts alone.
_MULTIPART = b"ultipart"
_MIXED = b"multipart"
#: Answers to an INVITE that are worth a word more.
_CARRYING = frozenset((180, 183, 200))
_NEG_LOCAL_OFFER = 1
_NEG_DONE = 4


class SdpGate:
    """The module. ``find`` gives the session of a dialog pointer, or None."""

    def __init__(
        self,
        core: PjCore,
        receiver: Receiver,
        find: Callable[[CData], InviteSession | None],
        is_known: Callable[[str], bool],
    ) -> None:
        """``is_known`` tells whether there is a session of a Call-ID."""
        self._core = core
        self._is_known = is_known
        self._receiver = receiver
        self._find = find
        self._token_text = ffi.new("char[]", TOKEN)
        self._print_sdp: CData = None
        #: The pjsip_module *.
        self.module: CData = None
        #: Rewrites what leaves the local networks (res_pjsip_nat); None where no transport has any.
        self.translate: Callable[[CData], object] | None = None
        #: Puts a message of a call aside whose description names hosts; True when it did.
        self.hold_back: Callable[[IncomingRequest | IncomingResponse], bool] | None = None
        #: Sessions, by Call-ID, whose peer is talked to where its messages come from.
        self.rewritten: dict[bytes, InviteSession] = {}
        #: Sessions with more to say in messages that PJSIP makes (`InviteSession.carry`).
        self.carriers: set[InviteSession] = set()
        #: A pjmedia_sdp_session * to give to PJSIP as the local description; PJSIP copies it.
        self.token: CData = None
        #: The ACK with a description that PJSIP is working on, or None.
        self.ack: CData = None

    def start(self) -> None:
        """Register the module; after the core has started. Raises PjError."""
        core, lib = self._core, self._core.lib
        pool = core.pool(b"sdp-token", 2048, 2048)
        self._pool = pool
        made = ffi.new("pjmedia_sdp_session **")
        check(lib.pjmedia_sdp_parse(pool, self._token_text, len(TOKEN), made), "pjmedia_sdp_parse")
        self.token = made[0]
        body = ffi.new("pjsip_msg_body **")
        check(lib.pjsip_create_sdp_body(pool, self.token, body), "pjsip_create_sdp_body")
        # PJSIP's printer of descriptions is a static function: this is how its own bodies are told from ours.
        self._print_sdp = body[0].print_body
        receive = core.callback("int(pjsip_rx_data *)", self._on_receive, result=0)
        send = core.callback("int(pjsip_tx_data *)", self._on_send, result=0)
        self.module = core.register_module(
            b"mod-obelisk-sdp",
            PRIORITY,
            on_rx_request=receive,
            on_rx_response=receive,
            on_tx_request=send,
            on_tx_response=send,
        )

    def stop(self) -> None:
        """Release what `start` took; the module itself goes with PJSIP's endpoint."""
        if self.token is not None:
            self._core.release(self._pool)
            self.token = None

    def cache_token(self, tdata: CData) -> None:
        """Let PJSIP note the token of an INVITE before it is replaced: it reads it again when a call forks."""
        self._core.lib.pjsip_tdata_get_sdp_info(tdata)

    # In

    def _on_receive(self, rdata: CData) -> int:
        info = rdata.msg_info
        body = info.msg.body
        self.ack = None
        if body and self._swap_in(rdata, info, body):
            return 1
        if self.rewritten and strings.raw(info.cid.id) in self.rewritten:
            self.rewrite_target(rdata, info)
        return 0

    def _swap_in(self, rdata: CData, info: CData, body: CData) -> bool:
        """Whether the message goes no further now."""
        method = strings.raw(info.cseq.method.name)
        if method not in _SDP_METHODS or not info.ctype:
            return False
        kind = info.ctype.media
        subtype = strings.raw(kind.subtype).lower()
        if subtype != b"sdp" and strings.raw(kind.type).lower().endswith(_MULTIPART) and self._has_description(rdata):
            subtype = b"sdp"
            kind.type = strings.const(b"application")[0]
            kind.subtype = strings.const(b"sdp")[0]
            body.content_type = kind
        if method == b"PRACK" and not (subtype == b"sdp" and self._prack_may_carry_sdp(rdata)):
            # PJSIP asserts on a body in a PRACK that it cannot negotiate at that moment.
            info.msg.body = ffi.NULL
        elif subtype == b"sdp":
            if has_names(ffi.buffer(ffi.cast("char *", body.data), body.len)[:]) and self._held_back(rdata, info):
                return True
            if method == b"ACK":
                self.ack = rdata
            body.data = ffi.cast("void *", self._token_text)
            body.len = len(TOKEN)
        return False

    def _held_back(self, rdata: CData, info: CData) -> bool:
        """Whether a message of one of our calls waits for names in its description to be looked up."""
        call_id = strings.text(info.cid.id)
        if self.hold_back is None or not self._is_known(call_id):
            return False
        receiver = self._receiver
        return self.hold_back(
            receiver.request_of(rdata) if rdata.msg_info.msg.type == 0 else receiver.response_of(rdata)
        )

    def _has_description(self, rdata: CData) -> bool:
        """Whether a multipart message, which PJSIP gets under another name, has a description among its parts."""
        receiver = self._receiver
        message = receiver.request_of(rdata) if rdata.msg_info.msg.type == 0 else receiver.response_of(rdata)
        return session_description(message.headers.get("Content-Type") or "", message.body) is not None

    def holds_token(self, rdata: CData) -> bool:
        """Whether a message's description was swapped for the token."""
        body = rdata.msg_info.msg.body
        return bool(body) and body.data == ffi.cast("void *", self._token_text)

    def _prack_may_carry_sdp(self, rdata: CData) -> bool:
        """Whether PJSIP's negotiator is between two negotiations, or waits for an answer."""
        info = rdata.msg_info
        lib = self._core.lib
        dialog = lib.pjsip_ua_find_dialog(
            ffi.addressof(info.cid, "id"), ffi.addressof(info.to, "tag"), ffi.addressof(getattr(info, "from"), "tag"), 0
        )
        session = self._find(dialog) if dialog else None
        if session is None or session.released:
            return False
        negotiator = session.inv.neg
        return bool(negotiator) and lib.pjmedia_sdp_neg_get_state(negotiator) in (_NEG_LOCAL_OFFER, _NEG_DONE)

    def rewrite_target(self, rdata: CData, info: CData) -> None:
        """Asterisk's rewrite_contact: answer to where the message came from, not to what it says.

        With a route set that is the first hop's place in it, which is Record-Route's first value in a request and its
        last in a response; else Contact.
        """
        if info.record_route:
            self._rewrite_uri(rdata, self._first_hop(info).name_addr.uri, rdata.tp_info.pool)
            return
        session = self.rewritten.get(strings.raw(info.cid.id))
        if (
            session is None
            or session.released
            or session.dialog.route_set.next == ffi.addressof(session.dialog, "route_set")
        ):
            self._rewrite_contact(rdata, info)
        elif not session.dialog.route_set_frozen:
            self._rewrite_uri(rdata, session.dialog.route_set.next.name_addr.uri, session.dialog.pool)

    @staticmethod
    def _first_hop(info: CData) -> CData:
        found = info.record_route
        if info.msg.type == 0:
            return found
        head = ffi.addressof(info.msg, "hdr")
        node = head.prev
        while node != head:
            if node.type == found.type:
                return ffi.cast("pjsip_routing_hdr *", node)
            node = node.prev
        return found

    def _rewrite_contact(self, rdata: CData, info: CData) -> None:
        node = self._core.lib.pjsip_msg_find_hdr(info.msg, 9, ffi.NULL)
        if not node:
            return
        contact = ffi.cast("pjsip_contact_hdr *", node)
        if not contact.star and contact.uri:
            self._rewrite_uri(rdata, contact.uri, rdata.tp_info.pool)

    @staticmethod
    def _rewrite_uri(rdata: CData, address: CData, pool: CData) -> None:
        """Give a sip or sips URI the host and port that the message came from."""
        get_uri = ffi.cast("void *(*)(void *)", address.vptr.p_get_uri)
        uri = ffi.cast("pjsip_sip_uri *", get_uri(address))
        scheme = ffi.cast("const pj_str_t *(*)(const void *)", uri.vptr.p_get_scheme)(uri)
        if strings.raw(scheme[0]).lower() not in (b"sip", b"sips"):
            return
        source = ffi.string(rdata.pkt_info.src_name)
        if strings.raw(uri.host) != source:
            uri.host = strings.dup(pool, source)[0]
        uri.port = rdata.pkt_info.src_port

    # Out

    def dress(self, tdata: CData, session: InviteSession) -> None:
        """Put the session's real description in the place of the token, if the message carries one."""
        body = tdata.msg.body
        if body and body.print_body == self._print_sdp:
            if session.local_sdp is None:
                log.error("Call-ID {call_id}: there is no description to send", call_id=session.call_id)
                tdata.msg.body = ffi.NULL
            else:
                text, kept = strings.borrowed(session.local_sdp)
                application, sdp = strings.const(b"application"), strings.const(b"sdp")
                tdata.msg.body = self._core.lib.pjsip_msg_body_create(tdata.pool, application, sdp, text)
                del kept
                if len(session.local_sdp) > outgoing.ROOMY - outgoing.TYPICAL_HEAD:
                    outgoing.reserve(self._core, tdata, len(session.local_sdp) + outgoing.TYPICAL_HEAD)

    def _on_send(self, tdata: CData) -> int:
        """Messages that PJSIP sends by itself: ACK, answers to UPDATE and PRACK, refreshes of the session timer."""
        if self.translate is not None:
            self.translate(tdata)
        body = tdata.msg.body
        if body and body.print_body == self._print_sdp:
            dialog = self._core.lib.pjsip_tdata_get_dlg(tdata)
            session = self._find(dialog) if dialog else None
            if session is None:
                log.error("a description was about to be sent that belongs to no session")
                tdata.msg.body = ffi.NULL
            else:
                self.dress(tdata, session)
        if self.carriers:
            dialog = self._core.lib.pjsip_tdata_get_dlg(tdata)
            session = self._find(dialog) if dialog else None
            if session is not None:
                self.load(tdata, session)
        return 0

    def load(self, tdata: CData, session: InviteSession) -> None:
        """Let a message carry what its session has to say beside it. Idempotent."""
        if session not in self.carriers:
            return
        message = tdata.msg
        is_request = message.type == 0
        cseq = self._core.lib.pjsip_msg_find_hdr(message, self._core.lib.PJSIP_H_CSEQ, ffi.NULL)
        method = strings.raw(ffi.cast("pjsip_cseq_hdr *", cseq).method.name)
        if method == b"BYE" and not message.body and session.goodbye_carries is not None:
            outgoing.set_body(self._core, tdata, *session.goodbye_carries)
        elif method == b"INVITE" and not is_request and message.line.status.code in _CARRYING:
            body = message.body
            if session.answers_carry is not None and not (body and strings.raw(body.content_type.type) == _MIXED):
                outgoing.add_part(self._core, tdata, *session.answers_carry)
