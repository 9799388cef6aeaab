"""What chan_pjsip gives the dialplan: PJSIPHangup, and functions that change how a PJSIP call is talked to."""

from __future__ import annotations

from twisted.logger import Logger

from dialplan.arguments import ArgumentError, Arguments
from dialplan.functions.base import write_only
from dialplan.registry import DialplanModule, FunctionError, application, function
from dialplan.run import RESULT_HANGUP
from pbx.config import types
from pbx.core.channel import Channel
from pbx.core.states import ChannelState
from pbx.media.formats import format_by_name
from pbx.pjsip.objects.enums import DtmfMode, SessionRefreshMethod
from pbx.pjsip.session.services import Sessions
from pbx.pjsip.session.session import PjsipSession
from pbx.pjsip.status import DECLINE, status_code

log = Logger()

_REFRESH = {"invite": SessionRefreshMethod.INVITE, "update": SessionRefreshMethod.UPDATE}
_MODES = {mode.value: mode for mode in DtmfMode}


def refusal_code(text: str, channel: str) -> int:
    """The response code that ``text`` (a number or a name) stands for: 400 to 699, and 603 for anything else."""
    code = status_code(text)
    if code is None or not 400 <= code <= 699:
        log.warn(
            "{channel}: '{text}' is no response code from 400 to 699. Defaulting to 603 DECLINE",
            channel=channel,
            text=text,
        )
        return DECLINE
    return code


class PjsipChannelModule(DialplanModule):
    """Applications and functions of PJSIP channels."""

    name = "chan_pjsip_dialplan"
    description = "PJSIP Channel Driver: calls and the dialplan"
    requires = ("res_pjsip",)

    def _find(self, channel: Channel | None) -> PjsipSession | None:
        sessions = self.server.find(Sessions)
        return None if channel is None or sessions is None else sessions.of_channel(channel)

    def _session(self, channel: Channel | None, name: str) -> PjsipSession:
        found = self._find(channel)
        if found is None:
            raise FunctionError(f"{name} works on PJSIP channels only")
        return found

    @application(
        "PJSIPHangup",
        "code",
        synopsis="Hangup an incoming PJSIP channel with a SIP response code.",
        description=(
            "code is a number from 400 to 699 or its name (BUSY_HERE); anything else is 603. A call that is answered "
            "already is hung up as usual."
        ),
        see_also=("Hangup",),
    )
    def app_pjsip_hangup(self, channel: Channel, args: Arguments) -> int:
        text = args["code"].strip()
        if not text:
            raise ArgumentError("a response code is missing")
        code = refusal_code(text, channel.name)
        session = self._find(channel)
        if session is None or not session.refuse(code):
            log.warn("{channel}: Not an incoming PJSIP channel, or answered already", channel=channel.name)
        return RESULT_HANGUP

    @function(
        "PJSIP_DTMF_MODE",
        synopsis="Get or change the DTMF mode for a SIP call.",
        description="rfc4733, inband, info, auto, auto_info or none. In a call that is up a re-INVITE says so.",
    )
    def func_pjsip_dtmf_mode(self, channel: Channel | None, args: Arguments) -> str:
        return self._session(channel, "PJSIP_DTMF_MODE").dtmf_mode.value

    @func_pjsip_dtmf_mode.writer
    def set_pjsip_dtmf_mode(self, channel: Channel | None, args: Arguments, value: str) -> None:
        session = self._session(channel, "PJSIP_DTMF_MODE")
        mode = _MODES.get(value.lower())
        if mode is None:
            raise FunctionError(
                f"Cannot set DTMF mode to '{value}' on channel '{session.channel.name}' as value is invalid"
            )
        session.set_dtmf_mode(mode)

    @function(
        "PJSIP_MEDIA_OFFER",
        "media",
        synopsis="Media and codec offerings to be set on an outbound SIP channel prior to dialing.",
        description="media is audio. The value is a list of codecs; in a call that is up it waits for a refresh.",
        see_also=("PJSIP_SEND_SESSION_REFRESH",),
    )
    def func_pjsip_media_offer(self, channel: Channel | None, args: Arguments) -> str:
        session = self._session(channel, "PJSIP_MEDIA_OFFER")
        return ",".join(session.media.codecs) if args["media"] == "audio" else ""

    @func_pjsip_media_offer.writer
    def set_pjsip_media_offer(self, channel: Channel | None, args: Arguments, value: str) -> None:
        session = self._session(channel, "PJSIP_MEDIA_OFFER")
        # No call has another media: of that nothing is set, as in Asterisk where the endpoint has none.
        if args["media"] == "audio":
            session.media.choose(self._codecs(value))

    @staticmethod
    def _codecs(text: str) -> tuple[str, ...]:
        """The codecs of a list; what is none is told and left out."""
        known = []
        for word in text.split(","):
            name = word.strip().removeprefix("!")
            if name.lower() != "all" and format_by_name(name) is None:
                log.warn("Cannot allow unknown format '{name}'", name=name)
            else:
                known.append(word)
        return types.CODECS.parse(",".join(known)).names if known else ()

    @function(
        "PJSIP_SEND_SESSION_REFRESH",
        "[update_type]",
        synopsis="Initiate a session refresh via an UPDATE or re-INVITE on an established media session.",
        description="invite (the default) or update, as argument or value.",
    )
    def func_pjsip_send_session_refresh(self, channel: Channel | None, args: Arguments) -> str:
        raise write_only("PJSIP_SEND_SESSION_REFRESH")

    @func_pjsip_send_session_refresh.writer
    def set_pjsip_send_session_refresh(self, channel: Channel | None, args: Arguments, value: str) -> None:
        session = self._session(channel, "PJSIP_SEND_SESSION_REFRESH")
        if session.channel.state is not ChannelState.UP:
            raise FunctionError("PJSIP_SEND_SESSION_REFRESH is not allowed on an unanswered channel")
        word = (value or args["update_type"]).strip().lower()
        session.refresh(_REFRESH.get(word, SessionRefreshMethod.INVITE))

    @function(
        "PJSIP_MOH_PASSTHROUGH",
        synopsis="Get or change the on-hold behavior for a SIP call.",
        description="yes: hold is passed on by re-INVITE; no: the call hears music on hold.",
    )
    def func_pjsip_moh_passthrough(self, channel: Channel | None, args: Arguments) -> str:
        return "Yes" if self._session(channel, "PJSIP_MOH_PASSTHROUGH").moh_passthrough else "No"

    @func_pjsip_moh_passthrough.writer
    def set_pjsip_moh_passthrough(self, channel: Channel | None, args: Arguments, value: str) -> None:
        self._session(channel, "PJSIP_MOH_PASSTHROUGH").moh_passthrough = types.is_true(value)

    @function(
        "PJSIP_TRANSFER_HANDLING",
        synopsis="Change how transfers that the far end asks for are handled.",
        description=(
            "core (or nothing): by the exchange; ari-only: an ARI application is told and decides. Can be written only."
        ),
    )
    def func_pjsip_transfer_handling(self, channel: Channel | None, args: Arguments) -> str:
        raise write_only("PJSIP_TRANSFER_HANDLING")

    @func_pjsip_transfer_handling.writer
    def set_pjsip_transfer_handling(self, channel: Channel | None, args: Arguments, value: str) -> None:
        session = self._session(channel, "PJSIP_TRANSFER_HANDLING")
        if value.strip() not in ("", "core", "ari-only"):
            raise FunctionError(f"unknown transfer handling '{value}'")
        session.transfers_by_ari = value.strip() == "ari-only"
