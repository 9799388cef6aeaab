"""The process in which one test phone lives: PJSUA2 driven by JSON lines.

A line on standard input is a command, ``{"id": 1, "do": "call", ...}``; each is answered on standard output by
``{"id": 1, "ok": {...}}`` or ``{"id": 1, "error": "..."}``. Lines with ``"event"`` report what happened by itself.
End of standard input ends the process. Everything runs on the main thread: PJSUA2 has no workers and is polled here.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import sys
import time
from collections import deque
from pathlib import Path
from typing import Any

import pjsua2 as pj

POLL_MILLISECONDS = 10
#: What ends in a thread of PJMEDIA is waited for so long.
RECORDING_CLOSE_SECONDS = 4.0
HANGUP_POLLS = 50
#: A stopped player is freed so many seconds later.
RETIRED_SECONDS = 0.5
MAX_COMMAND_BYTES = 65536

CALL_STATES = {
    pj.PJSIP_INV_STATE_NULL: "NULL",
    pj.PJSIP_INV_STATE_CALLING: "CALLING",
    pj.PJSIP_INV_STATE_INCOMING: "INCOMING",
    pj.PJSIP_INV_STATE_EARLY: "EARLY",
    pj.PJSIP_INV_STATE_CONNECTING: "CONNECTING",
    pj.PJSIP_INV_STATE_CONFIRMED: "CONFIRMED",
    pj.PJSIP_INV_STATE_DISCONNECTED: "DISCONNECTED",
}
MEDIA_STATES = {
    pj.PJSUA_CALL_MEDIA_NONE: "none",
    pj.PJSUA_CALL_MEDIA_ACTIVE: "active",
    pj.PJSUA_CALL_MEDIA_LOCAL_HOLD: "local_hold",
    pj.PJSUA_CALL_MEDIA_REMOTE_HOLD: "remote_hold",
    pj.PJSUA_CALL_MEDIA_ERROR: "error",
}
DTMF_METHODS = {"rfc4733": pj.PJSUA_DTMF_METHOD_RFC2833, "info": pj.PJSUA_DTMF_METHOD_SIP_INFO}


class Wire:
    """The two pipes to the controlling test."""

    def __init__(self, read_fd: int, write_fd: int) -> None:
        self._read_fd = read_fd
        self._write_fd = write_fd
        self._pending = b""

    def send(self, **message: Any) -> None:
        data = json.dumps(message).encode() + b"\n"
        while data:
            data = data[os.write(self._write_fd, data) :]

    def commands(self, seconds: float) -> list[dict[str, Any]] | None:
        """Commands that have arrived or arrive within ``seconds``; None once the controller is gone."""
        found: list[dict[str, Any]] = []
        while select.select([self._read_fd], [], [], seconds)[0]:
            seconds = 0.0
            data = os.read(self._read_fd, MAX_COMMAND_BYTES)
            if not data:
                return None
            *lines, self._pending = (self._pending + data).split(b"\n")
            found.extend(json.loads(line) for line in lines)
        return found


class Player(pj.AudioMediaPlayer):  # type: ignore[misc]
    """A WAV file played into one call; reports when it has been played once."""

    def __init__(self, call: PhoneCall) -> None:
        super().__init__()
        self._call = call

    def onEof2(self) -> None:  # noqa: N802 - PJSUA2's name
        self._call.report("played")


class PhoneCall(pj.Call):  # type: ignore[misc]
    """One call; keeps the player and recorder across changes of its media."""

    def __init__(self, phone: PhoneProcess, call_id: int = pj.PJSUA_INVALID_ID) -> None:
        super().__init__(phone.account, call_id)
        self.phone = phone
        self.number = phone.next_number()
        self.player: Player | None = None
        self.recorder: pj.AudioMediaRecorder | None = None
        self.audio: Any = None
        self.audio_index = -1

    def report(self, event: str, **details: Any) -> None:
        self.phone.wire.send(event=event, call=self.number, **details)

    def onCallState(self, prm: Any) -> None:
        info = self.getInfo()
        state = CALL_STATES[info.state]
        if prm.e.type == pj.PJSIP_EVENT_TSX_STATE:
            # A final refusal is reported here only: the call is over before its transaction's turn.
            self._report_message(prm.e.body.tsxState)
        self.report("call_state", state=state, code=info.lastStatusCode, reason=info.lastReason)
        if state == "DISCONNECTED":
            self.audio = None
            self.phone.finished.append(self)

    def onCallTsxState(self, prm: Any) -> None:
        self._report_message(prm.e.body.tsxState)

    def _report_message(self, event: Any) -> None:
        if event.type != pj.PJSIP_EVENT_RX_MSG:
            return
        message = event.src.rdata.wholeMsg
        if message.startswith("SIP/2.0 "):
            self.report("response", method=event.tsx.method, code=event.tsx.statusCode, message=message)
        else:
            self.report("request", method=event.tsx.method, message=message)

    def onCallMediaState(self, prm: Any) -> None:
        info = self.getInfo()
        described = []
        for media in info.media:
            if media.type != pj.PJMEDIA_TYPE_AUDIO:
                continue
            state = MEDIA_STATES[media.status]
            entry: dict[str, Any] = {"state": state, "direction": media.dir}
            if state in ("active", "remote_hold", "local_hold"):
                stream = self.getStreamInfo(media.index)
                entry.update(codec=stream.codecName, rate=stream.codecClockRate, remote=stream.remoteRtpAddress)
            described.append(entry)
            if state in ("active", "remote_hold"):
                self.audio_index = media.index
                self.audio = self.getAudioMedia(media.index)
                self.connect_audio()
        self.report("media", media=described)

    def onDtmfDigit(self, prm: Any) -> None:
        self.report("dtmf", digit=prm.digit, duration=prm.duration)

    def onCallTransferRequest(self, prm: Any) -> None:
        new = PhoneCall(self.phone)
        prm.newCall = new
        self.phone.calls[new.number] = new
        self.report("transfer_request", target=prm.dstUri, new_call=new.number)

    def onCallTransferStatus(self, prm: Any) -> None:
        self.report("transfer_status", code=prm.statusCode, reason=prm.reason, final=bool(prm.finalNotify))

    def connect_audio(self) -> None:
        if self.audio is None:
            return
        if self.player is not None:
            self.player.startTransmit(self.audio)
        if self.recorder is not None:
            self.audio.startTransmit(self.recorder)

    def stop_playing(self) -> None:
        """Let go of the player. PJMEDIA's event thread may be about to call it: freed at once, it would crash there."""
        player, self.player = self.player, None
        if player is None:
            return
        if self.audio is not None:
            with contextlib.suppress(pj.Error):
                player.stopTransmit(self.audio)
        self.phone.retire(player)

    def play(self, path: str, loop: bool) -> None:
        self.stop_playing()
        player = Player(self)
        player.createPlayer(path, 0 if loop else pj.PJMEDIA_FILE_NO_LOOP)
        self.player = player
        if self.audio is not None:
            player.startTransmit(self.audio)

    def record(self, path: str) -> None:
        self.recorder = None
        recorder = pj.AudioMediaRecorder()
        recorder.createRecorder(path)
        self.recorder = recorder
        self.phone.recordings[self.number] = path
        if self.audio is not None:
            self.audio.startTransmit(recorder)


class PhoneAccount(pj.Account):  # type: ignore[misc]
    def __init__(self, phone: PhoneProcess) -> None:
        super().__init__()
        self.phone = phone

    def onRegState(self, prm: Any) -> None:
        self.phone.wire.send(
            event="registration", code=prm.code, reason=prm.reason, expires=prm.expiration, status=prm.status
        )

    def onIncomingCall(self, prm: Any) -> None:
        call = PhoneCall(self.phone, prm.callId)
        self.phone.calls[call.number] = call
        info = call.getInfo()
        call.report("incoming", remote_uri=info.remoteUri, local_uri=info.localUri, message=prm.rdata.wholeMsg)


class PhoneProcess:
    """One PJSUA2 endpoint with one account, and the commands it obeys (methods ``do_*``)."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.endpoint = pj.Endpoint()
        self.account: PhoneAccount | None = None
        self.calls: dict[int, PhoneCall] = {}
        self.finished: list[PhoneCall] = []
        #: By call, also one that has ended: the file it records, until that is known to be closed.
        self.recordings: dict[int, str] = {}
        self._retired: deque[tuple[float, Player]] = deque()
        self._config = pj.AccountConfig()
        self._numbers = 0
        self._stopping = False

    def next_number(self) -> int:
        self._numbers += 1
        return self._numbers

    def run(self) -> None:
        while not self._stopping:
            started = self.account is not None
            if started:
                self.endpoint.libHandleEvents(POLL_MILLISECONDS)
            commands = self.wire.commands(0.0 if started else 1.0)
            if commands is None:
                break
            for command in commands:
                self._obey(command)
            while self.finished:
                call = self.finished.pop()
                self.calls.pop(call.number, None)
                call.stop_playing()
                call.recorder = None
            now = time.monotonic()
            while self._retired and self._retired[0][0] <= now:
                self._retired.popleft()

    def retire(self, player: Player) -> None:
        """Free a stopped player once no event of it can be under way."""
        self._retired.append((time.monotonic() + RETIRED_SECONDS, player))

    def _obey(self, command: dict[str, Any]) -> None:
        number = command.pop("id")
        try:
            answer = getattr(self, "do_" + command.pop("do"))(**command)
        except pj.Error as error:
            self.wire.send(id=number, error=f"{error.title}: {error.reason}")
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            self.wire.send(id=number, error=repr(error))
        else:
            self.wire.send(id=number, ok=answer or {})

    def do_start(
        self,
        name: str,
        host: str,
        port: int,
        transport: str,
        log: str,
        codecs: list[str],
        user_agent: str,
        lock_codec: bool,
    ) -> dict[str, Any]:
        config = pj.EpConfig()
        config.uaConfig.threadCnt = 0
        config.uaConfig.mainThreadOnly = True
        config.uaConfig.userAgent = user_agent
        config.logConfig.level = 5
        config.logConfig.consoleLevel = 0
        config.logConfig.filename = log
        config.medConfig.clockRate = 16000 if any(codec.startswith("G722") for codec in codecs) else 8000
        config.medConfig.ecTailLen = 0
        config.medConfig.noVad = True
        config.medConfig.sndAutoCloseTime = -1
        self.endpoint.libCreate()
        self.endpoint.libInit(config)
        transport_config = pj.TransportConfig()
        transport_config.boundAddress = host
        transport_config.port = port
        kind = {"udp": pj.PJSIP_TRANSPORT_UDP, "tcp": pj.PJSIP_TRANSPORT_TCP}[transport]
        transport_id = self.endpoint.transportCreate(kind, transport_config)
        self.endpoint.libStart()
        self.endpoint.audDevManager().setNullDev()
        for codec in self.endpoint.codecEnum2():
            wanted = [i for i, name_ in enumerate(codecs) if codec.codecId.upper().startswith(name_.upper() + "/")]
            self.endpoint.codecSetPriority(codec.codecId, 255 - wanted[0] if wanted else 0)
        local = self.endpoint.transportGetInfo(transport_id).localAddress
        account = self._config
        account.idUri = f"sip:{name}@{local}" + (";transport=tcp" if transport == "tcp" else "")
        account.regConfig.registerOnAdd = False
        account.regConfig.retryIntervalSec = 0
        account.regConfig.firstRetryIntervalSec = 0
        account.sipConfig.transportId = transport_id
        # RFC 4028's own values; left unset they are 0, on which PJSIP asserts.
        account.callConfig.timerMinSESec = 90
        account.callConfig.timerSessExpiresSec = 1800
        account.natConfig.contactRewriteUse = 0
        account.natConfig.viaRewriteUse = 0
        account.natConfig.sdpNatRewriteUse = 0
        account.natConfig.udpKaIntervalSec = 0
        account.mediaConfig.lockCodecEnabled = lock_codec
        account.mediaConfig.transportConfig.boundAddress = host
        account.mediaConfig.transportConfig.port = 4000
        self.account = PhoneAccount(self)
        self.account.create(account, True)
        return {"address": local}

    def _account(self) -> PhoneAccount:
        if self.account is None:
            raise ValueError("the phone has not been started")
        return self.account

    def do_credentials(self, identity: str, user: str, password: str, realm: str) -> None:
        self._config.idUri = identity
        self._config.sipConfig.authCreds.clear()
        self._config.sipConfig.authCreds.append(pj.AuthCredInfo("digest", realm, user, 0, password))
        self._account().modify(self._config)

    def do_register(self, registrar: str, expires: int) -> None:
        self._config.regConfig.registrarUri = registrar
        self._config.regConfig.timeoutSec = expires
        self._account().modify(self._config)
        try:
            self._account().setRegistration(True)
        except pj.Error as error:
            # A changed registrar has already set off the registration.
            if "PJSIP_EBUSY" not in error.reason:
                raise

    def do_unregister(self) -> None:
        self._account().setRegistration(False)

    def do_call(self, uri: str, headers: list[list[str]], late_offer: bool) -> dict[str, Any]:
        self._account()
        call = PhoneCall(self)
        self.calls[call.number] = call
        parameters = _parameters(headers=headers)
        if late_offer:
            parameters.opt.flag |= pj.PJSUA_CALL_NO_SDP_OFFER
        try:
            call.makeCall(uri, parameters)
        except pj.Error:
            del self.calls[call.number]
            raise
        return {"call": call.number, "call_id": call.getInfo().callIdString}

    def do_answer(self, call: int, code: int, reason: str, headers: list[list[str]]) -> None:
        self.calls[call].answer(_parameters(code, reason, headers))

    def do_hangup(self, call: int, code: int, reason: str) -> None:
        found = self.calls.get(call)
        if found is not None and found not in self.finished:
            found.hangup(_parameters(code, reason))

    def do_hold(self, call: int) -> None:
        self.calls[call].setHold(_parameters())

    def do_unhold(self, call: int) -> None:
        parameters = _parameters()
        parameters.opt.flag |= pj.PJSUA_CALL_UNHOLD
        self.calls[call].reinvite(parameters)

    def do_send_dtmf(self, call: int, digits: str, method: str, milliseconds: int) -> None:
        parameters = pj.CallSendDtmfParam()
        parameters.method = DTMF_METHODS[method]
        parameters.duration = milliseconds
        parameters.digits = digits
        self.calls[call].sendDtmf(parameters)

    def do_play(self, call: int, path: str, loop: bool) -> None:
        self.calls[call].play(path, loop)

    def do_stop_playing(self, call: int) -> None:
        if call in self.calls:
            self.calls[call].stop_playing()

    def do_record(self, call: int, path: str) -> None:
        self.calls[call].record(path)

    def do_stop_recording(self, call: int) -> None:
        path = self.recordings.pop(call, "")
        if not path:
            return
        if call in self.calls:
            self.calls[call].recorder = None
        # The conference lets go of the file with its next tick, at the end of a call too; only then is the header
        # written.
        deadline = time.monotonic() + RECORDING_CLOSE_SECONDS
        while not _is_whole(path):
            if time.monotonic() > deadline:
                raise ValueError(f"{path} was not closed")
            self.endpoint.libHandleEvents(POLL_MILLISECONDS)

    def do_transfer(self, call: int, uri: str) -> None:
        self.calls[call].xfer(uri, _parameters())

    def do_transfer_replaces(self, call: int, other: int) -> None:
        self.calls[call].xferReplaces(self.calls[other], _parameters())

    def do_statistics(self, call: int) -> dict[str, Any]:
        found = self.calls[call]
        rtcp = found.getStreamStat(found.audio_index).rtcp
        return {"received": rtcp.rxStat.pkt, "sent": rtcp.txStat.pkt, "lost": rtcp.rxStat.loss}

    def do_stop(self) -> None:
        self.endpoint.hangupAllCalls()
        for _ in range(HANGUP_POLLS):
            self.endpoint.libHandleEvents(POLL_MILLISECONDS)
            if len(self.finished) == len(self.calls):
                break
        self._stopping = True


def _is_whole(path: str) -> bool:
    """Whether the length in a WAV file's header is that of the file."""
    data = Path(path).read_bytes()
    return data[:4] == b"RIFF" and int.from_bytes(data[4:8], "little") == len(data) - 8


def _parameters(code: int = 0, reason: str = "", headers: list[list[str]] | None = None) -> Any:
    parameters = pj.CallOpParam(True)
    parameters.statusCode = code
    parameters.reason = reason
    vector = pj.SipHeaderVector()
    for name, value in headers or []:
        header = pj.SipHeader()
        header.hName = name
        header.hValue = value
        vector.append(header)
    parameters.txOption.headers = vector
    return parameters


def main() -> None:
    wire = Wire(os.dup(0), os.dup(1))
    # PJSIP prints its own start-up lines: they go to the log kept by the controller, not into the protocol.
    os.dup2(2, 1)
    PhoneProcess(wire).run()


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    # Destroying PJSUA waits seconds for transactions that interest nobody any more.
    os._exit(0)
