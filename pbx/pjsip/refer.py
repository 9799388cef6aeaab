"""res_pjsip_refer: blind transfer by REFER inside a call, and INVITEs that take a call's place (Replaces).

A REFER is answered 202, and what becomes of the transfer is told in NOTIFYs (`Referral`); with ``Refer-Sub: false`` the
answer itself is the outcome. Attended transfers (Refer-To with Replaces) connect two calls of this server; one that
names a call elsewhere goes on to the extension ``external_replaces`` where the dialplan has it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from weakref import WeakSet

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from pbx.core.transfer import TransferResult, attended_transfer, blind_transfer, transferee_of
from pbx.errors import ObeliskError
from pbx.pjsip._native.invite_session import SessionOver
from pbx.pjsip.capabilities import Capabilities
from pbx.pjsip.distributor import Distributor
from pbx.pjsip.referral import SIPFRAG, Progress, Referral
from pbx.pjsip.session.replaces import NotReplaced, Replaces, find, named_in
from pbx.pjsip.session.services import Sessions
from pbx.pjsip.settings import PjsipSettings
from pbx.pjsip.sip_module import SipModule
from pbx.pjsip.uri import NameAddr, SipSyntaxError, SipUri

if TYPE_CHECKING:
    from pbx.core.channel import Channel
    from pbx.pjsip._native.dialog import HeldDialog
    from pbx.pjsip.message import SipMessage
    from pbx.pjsip.session.services import Answer
    from pbx.pjsip.session.session import PjsipSession

log = Logger()

#: Where the dialplan takes attended transfers to calls of other servers.
EXTERNAL_REPLACES = "external_replaces"
_CODES = {TransferResult.SUCCESS: 200, TransferResult.INVALID: 400, TransferResult.FAIL: 500}
#: Longest header that GET_TRANSFERRER_DATA passes on.
MAX_HEADER_CHARS = 4096


class ResPjsipRefer(SipModule):
    """Without it REFER is answered 405, and Replaces is no extension of ours."""

    name = "res_pjsip_refer"
    description = "PJSIP Blind and Attended Transfer Support"
    requires = ("res_pjsip", "res_pjsip_session", "res_pjsip_pubsub")

    def offer(self) -> None:
        server = self.server
        sessions = server.require(Sessions)
        capabilities = server.require(Capabilities)
        referrals = Referrals(sessions)
        self.withdrawals += [
            sessions.register_method("REFER", referrals.on_refer),
            server.require(Distributor).register_allowed("REFER"),
            capabilities.add_accept(SIPFRAG),
            capabilities.add_supported("replaces"),
            referrals.close,
        ]
        if server.require(PjsipSettings).global_.norefersub:
            self.withdrawals.append(capabilities.add_supported("norefersub"))
        sessions.replaces = True
        self.withdrawals.append(lambda: setattr(sessions, "replaces", False))


@dataclass(frozen=True, slots=True)
class Wish:
    """What a REFER asks for: where to, and ``replaces``, the dialog that is to be replaced there.

    ``other`` is that dialog's call where it is one of ours: the transferer's second one.
    """

    target: SipUri
    context: str
    exten: str
    replaces: str
    other: PjsipSession | None = None


class Referrals:
    """Handles REFER inside calls."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._open: WeakSet[Referral] = WeakSet()

    def close(self) -> None:
        """End every subscription without a word."""
        for referral in list(self._open):
            referral.close()

    def on_refer(self, session: PjsipSession, message: SipMessage) -> Answer:
        """The answer to a REFER; what it leads to begins once PJSIP has let go."""
        if session.closed or not session.channel.alive:
            return 404, ()
        if not session.endpoint.allow_transfer or session.transfers_by_ari:
            log.warn("Endpoint {endpoint} transfer attempt blocked due to configuration", endpoint=session.endpoint.id)
            return 603, ()
        try:
            wish = self._wish(session, message)
        except SipSyntaxError as error:
            log.info("{call_id}: REFER refused: {error}", call_id=session.call_id, error=str(error))
            return 400, ()
        code = self._code(session, wish)
        wanted = message.headers.get("Refer-Sub")
        if wanted is not None and not wanted.strip().lower().startswith("true"):
            if code == 200:
                session.later(self._transfer, session, message, wish, self._referral(session, None))
            return code, [("Refer-Sub", "false")]
        try:
            referral = self._subscribed(session)
        except (ObeliskError, SessionOver) as error:
            log.info("{call_id}: REFER refused: {error}", call_id=session.call_id, error=str(error))
            return 500, ()
        if code == 200:
            session.later(self._transfer, session, message, wish, referral)
        else:
            session.later(referral.tell, code)
        return 202, [("Refer-Sub", "true")] if wanted is not None else ()

    def _subscribed(self, session: PjsipSession) -> Referral:
        if session.native is None:
            raise ObeliskError("there is no call")
        return self._referral(session, session.native.hold_dialog())

    def _referral(self, session: PjsipSession, dialog: HeldDialog | None) -> Referral:
        referral = Referral(dialog, self._sessions.clock, call_id=session.call_id)
        self._open.add(referral)
        return referral

    def _wish(self, session: PjsipSession, message: SipMessage) -> Wish:
        """Raises SipSyntaxError."""
        text = message.headers.get("Refer-To")
        if not text:
            raise SipSyntaxError("there is no Refer-To")
        # Without brackets all of it is the URI.
        target = NameAddr.parse(text).uri if "<" in text else SipUri.parse(text)
        if not target.is_sip:
            raise SipSyntaxError(f"Refer-To of scheme {target.scheme}")
        exten = target.user
        if self._sessions.settings.global_.ignore_uri_user_options:
            exten = exten.partition(";")[0]
        replaces = named_in(target)
        context = session.channel.get_variable("TRANSFER_CONTEXT") or session.endpoint.context
        other = None
        if replaces:
            try:
                other = find(self._sessions, Replaces.parse(replaces))
            except NotReplaced as error:
                raise SipSyntaxError(str(error)) from error
        return Wish(target, context, EXTERNAL_REPLACES if replaces else exten or "s", replaces, other)

    def _code(self, session: PjsipSession, wish: Wish) -> int:
        """How the transfer will end, as far as is known at once."""
        channel = session.channel
        if wish.other is not None:
            return 200
        if not self._sessions.server.dialplan.exists(wish.context, wish.exten):
            log.error(
                "Channel '{channel}' from endpoint '{endpoint}' attempted blind transfer to '{exten}@{context}' but "
                "target does not exist",
                channel=channel.name,
                endpoint=session.endpoint.id,
                exten=wish.exten,
                context=wish.context,
            )
            return 404
        if channel.bridge is None or len(channel.bridge.channels) < 2:
            return 400
        return 200 if transferee_of(channel) is not None else 500

    def _transfer(self, session: PjsipSession, message: SipMessage, wish: Wish, referral: Referral) -> None:
        channel, transferee = session.channel, transferee_of(session.channel)
        watched = session.endpoint.refer_blind_progress or bool(wish.replaces)
        session.referral = referral
        if wish.other is not None:
            # The end of the second call waits for the word on the first: a phone may take it for the end of all.
            wish.other.referral = held = Referral(None, self._sessions.clock, call_id=wish.other.call_id)
            connecting = Deferred.fromCoroutine(attended_transfer(channel, wish.other.channel))
            connecting.addCallbacks(lambda result: self._connected(session, referral, result), log_failure)
            connecting.addBoth(lambda _result: _release(wish.other, held))
            return
        if watched and referral.active and transferee is not None:
            Progress(self._sessions.server.bus, transferee.uniqueid, transferee.name, referral)
        result = blind_transfer(channel, wish.context, wish.exten, lambda gone: _describe(gone, message, wish))
        if result is not TransferResult.SUCCESS:
            session.referral = None
        if result is not TransferResult.SUCCESS or not watched:
            referral.tell(_CODES[result])

    @staticmethod
    def _connected(session: PjsipSession, referral: Referral, result: TransferResult) -> None:
        if result is not TransferResult.SUCCESS and not session.closed:
            session.referral = None
        referral.tell(_CODES[result])


def _release(session: PjsipSession | None, held: Referral) -> None:
    if session is not None and session.referral is held:
        session.referral = None
    held.close()


def log_failure(failure: Failure) -> None:
    """A defect: the transferer learns of it when its subscription ends."""
    log.failure("an attended transfer failed", failure)


def _describe(channel: Channel, message: SipMessage, wish: Wish) -> None:
    """What the dialplan reads of the REFER on the channel that was sent away."""
    channel.set_variable("SIPTRANSFER", "yes")
    channel.set_variable("SIPREFERRINGCONTEXT", wish.context)
    prefix = channel.get_variable("GET_TRANSFERRER_DATA")
    if prefix:
        lower = "" if prefix == "*" else prefix.lower()
        for name, value in message.headers:
            if name.lower().startswith(lower) and len(value) < MAX_HEADER_CHARS:
                channel.set_variable(f"~HASH~TRANSFER_DATA~{name}~", value)
    referrer = message.headers.get("Referred-By")
    _set_or_clear(channel, "SIPREFERREDBYHDR", referrer, inherited=True)
    _set_or_clear(channel, "SIPREPLACESHDR", wish.replaces, inherited=True)
    _set_or_clear(channel, "SIPREFERTOHDR", str(replace(wish.target, headers="")), inherited=False)


def _set_or_clear(channel: Channel, name: str, value: str | None, *, inherited: bool) -> None:
    if value:
        channel.set_variable(f"__{name}" if inherited else name, value)
    else:
        channel.unset_variable(name)
