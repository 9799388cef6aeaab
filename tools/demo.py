"""The demonstration: two phones, a dialplan, an ARI application and an AMI client on one exchange, judged by ear.

``make demo`` starts the exchange with the configuration that ``obelisk init`` writes, on a loopback address of its own,
and lets three calls happen. It ends with 0 only if everybody heard what was said, as their recordings tell.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import react

from pbx.testing._waiting import pause
from pbx.testing.ami import AmiClient
from pbx.testing.ari_application import AriApplication
from pbx.testing.audio import read_wav, write_tone
from pbx.testing.phone import Phone
from pbx.testing.phone_call import PhoneCall
from pbx.testing.server import LiveServer

#: What each phone says, in Hz, and for how long somebody has to hear it, in seconds: throughout, and nothing else.
ALICE, BOB = 440, 1000
TONE_SECONDS = 1.3
SPEECH_SECONDS = 0.5
#: Seconds the parties of a call talk.
TALK_SECONDS = 1.6
#: Tells that a directory is a demonstration's and may be emptied by the next.
MARK = ".obelisk-demo"


@dataclass
class Row:
    """What one party saw of one call, and the recording of what it heard."""

    call: str
    party: str
    saw: str
    recording: Path
    #: Hz of the tone it must have heard; 0: speech.
    tone: int = 0

    def heard(self) -> tuple[bool, str]:
        """Whether that is in the recording, and in words."""
        if not self.recording.exists():
            return False, "nothing was recorded"
        audio = read_wav(self.recording)
        if self.tone:
            talk = audio.talk(self.tone)
            fault = talk.fault(TONE_SECONDS)
            whole = f"{100 * talk.share:.0f} % of {talk.seconds:.1f} s"
            return not fault, f"{self.tone} Hz {fault or whole}"
        seconds = (1 - audio.silence_ratio()) * audio.seconds
        return seconds >= SPEECH_SECONDS, f"speech for {seconds:.1f} s"


@dataclass
class Demo:
    """The scene and what came of it."""

    reactor: Any
    directory: Path
    rows: list[Row] = field(default_factory=list)

    def say(self, text: str) -> None:
        """A line of progress."""
        print(f"  - {text}", flush=True)

    async def sleep(self, seconds: float) -> None:
        await pause(self.reactor, seconds)

    def wav(self, name: str) -> Path:
        return self.directory / f"{name}.wav"

    async def run(self) -> bool:
        """Play everything; whether all heard what they should."""
        conf = initialised(self.directory / "conf")
        files = on_own_address(conf)
        print("The exchange, with a fresh configuration", flush=True)
        server = await LiveServer.start(reactor=self.reactor, files=files, extensions=files["extensions.lua"])
        phones: list[Phone] = []
        try:
            self.say(f"runs as process {server.pid}: SIP on {server.address}, AMI and ARI on {server.host}")
            for name in ("alice", "bob"):
                phone = await Phone.start(name, reactor=self.reactor, directory=self.directory)
                phones.append(phone)
                await phone.register(server.address, password=password(files["pjsip.conf"], name))
                self.say(f"{name}'s phone has registered")
            alice, bob = phones
            self.alice_says = write_tone(self.wav("alice-says"), ALICE, 1.0)
            self.bob_says = write_tone(self.wav("bob-says"), BOB, 1.0)
            await self.phone_to_phone(server, alice, bob)
            await self.in_the_hands_of_ari(server, alice, secret(files["ari.conf"], "password"))
            await self.originated_by_ami(server, alice, bob, secret(files["manager.conf"], "secret"))
        finally:
            (self.directory / "exchange.log").write_text(server.log_text(), "utf-8")
            for phone in phones:
                await phone.stop()
            await server.stop()
        server.discard()
        return self.table()

    async def talk(self, alice: PhoneCall, bob: PhoneCall, name: str, saw: tuple[str, str]) -> None:
        """Both say something and record what they hear."""
        for who, call, says in (("alice", alice, self.alice_says), ("bob", bob, self.bob_says)):
            await call.media_state("active")
            await call.record(self.wav(f"{name}-{who}-heard"))
            await call.play(says)
        await self.sleep(TALK_SECONDS)
        for call in (alice, bob):
            await call.stop_playing()
            await call.stop_recording()
        for who, seen, tone in (("alice", saw[0], BOB), ("bob", saw[1], ALICE)):
            self.rows.append(Row(name, who, seen, self.wav(f"{name}-{who}-heard"), tone))

    async def phone_to_phone(self, server: LiveServer, alice: Phone, bob: Phone) -> None:
        """The dialplan connects two phones."""
        print("Call 1: alice dials 1002, the dialplan calls bob", flush=True)
        call = await alice.call(server.sip_uri("1002"))
        incoming = await bob.incoming()
        await incoming.ring()
        await call.ringing()
        self.say("bob's phone rings")
        await incoming.answer()
        await call.confirmed()
        self.say("bob has answered; both talk")
        await self.talk(call, incoming, "dialplan", ("180, 200, then BYE", f"a call from {incoming.remote_uri}"))
        await call.hangup()
        await incoming.disconnected()
        self.say("alice has hung up, bob's phone is idle again")

    async def in_the_hands_of_ari(self, server: LiveServer, alice: Phone, secret_of_ari: str) -> None:
        """An application answers, plays, reads a digit, records and hangs up."""
        print("Call 2: alice dials 605, an ARI application takes the call", flush=True)
        application = await AriApplication.connect(self.reactor, server.host, "ari", secret_of_ari, apps=("hello",))
        self.say("the application has registered as 'hello'")
        call = await alice.call(server.sip_uri("605"))
        start = await application.event("StasisStart")
        path = f"/channels/{start['channel']['id']}"
        self.say(f"StasisStart for {start['channel']['name']}")
        await application.post(f"{path}/answer")
        await call.confirmed()
        await call.media_state("active")
        await call.record(self.wav("ari-alice-heard"))
        await application.post(f"{path}/play", media="sound:thank-you-for-calling")
        await application.event("PlaybackFinished", seconds=15)
        self.say("it has answered and played a greeting")
        await call.send_dtmf("5")
        digit = (await application.event("ChannelDtmfReceived"))["digit"]
        self.say(f"it has read the digit {digit}")
        await application.post(f"{path}/play", media=f"sound:you-entered,digits:{digit}")
        await application.event("PlaybackFinished", seconds=15)
        await application.post(f"{path}/record", name="demo", format="wav")
        await application.event("RecordingStarted")
        await call.play(self.alice_says)
        await self.sleep(TALK_SECONDS)
        await application.post("/recordings/live/demo/stop")
        await application.event("RecordingFinished")
        self.wav("ari-application-heard").write_bytes(await application.get("/recordings/stored/demo/file"))
        self.say("it has recorded what alice says, and fetched the file")
        await call.stop_playing()
        await call.stop_recording()
        await application.delete(path)
        await call.disconnected()
        await application.event("StasisEnd")
        self.say("it has hung up")
        self.rows.append(Row("ari", "alice", "200, then BYE from the exchange", self.wav("ari-alice-heard")))
        types = [each for each in dict.fromkeys(application.types()) if each.startswith(("Stasis", "Playback", "Rec"))]
        saw = f"{len(application.seen)} events: {', '.join(types)}"
        self.rows.append(Row("ari", "the application", saw, self.wav("ari-application-heard"), ALICE))
        await application.close()

    async def originated_by_ami(self, server: LiveServer, alice: Phone, bob: Phone, secret_of_ami: str) -> None:
        """A manager client calls bob and lets the dialplan call alice."""
        print("Call 3: an AMI client originates a call to bob, whom the dialplan connects with alice", flush=True)
        client = await AmiClient.connect(self.reactor, server.host)
        login = await client.login("admin", secret_of_ami)
        if login["Response"] != "Success":
            raise AssertionError(f"AMI login: {login!r}")
        fields = {"Channel": "PJSIP/bob", "Context": "internal", "Exten": "1001", "Priority": "1", "Async": "true"}
        await client.action("Originate", CallerID='"Demo" <1000>', ActionID="demo", **fields)
        self.say("Originate is queued")
        at_bob = await bob.incoming()
        await at_bob.answer()
        response = await client.event("OriginateResponse", ActionID="demo")
        self.say(f"bob has answered: OriginateResponse {response['Response']}")
        at_alice = await alice.incoming()
        await at_alice.answer()
        await at_bob.confirmed()
        await at_alice.confirmed()
        await client.event("BridgeEnter", Channel=response["Channel"])
        self.say("alice has answered; both talk")
        caller = f"a call from {at_alice.remote_uri}"
        await self.talk(at_alice, at_bob, "ami", (caller, f"a call from {at_bob.remote_uri}"))
        await client.action("Hangup", Channel=response["Channel"], Cause="16")
        await at_bob.disconnected()
        await at_alice.disconnected()
        ended = await client.event("Hangup", Channel=response["Channel"])
        self.say(f"the client has hung up: {ended['Cause-txt']}")
        await client.close()

    def table(self) -> bool:
        """Print what each party saw and heard; whether all is well."""
        print("\nWhat everybody saw and heard")
        lines = [("call", "party", "heard", "", "saw")]
        good = bool(self.rows)
        for row in self.rows:
            well, words = row.heard()
            good = good and well
            lines.append((row.call, row.party, words, "yes" if well else "NO", row.saw))
        widths = [max(len(line[column]) for line in lines) for column in range(4)]
        for line in lines:
            print(
                "  " + "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=False)) + "  " + line[4]
            )
        print(f"\nThe recordings, the phones' logs and the exchange's are in {self.directory}")
        print("Everybody heard what was said." if good else "Somebody did not hear what was said.")
        return good


def initialised(conf: Path) -> Path:
    """A fresh configuration directory."""
    command = [sys.executable, "-m", "pbx.cli.program", "init", str(conf)]
    subprocess.run(command, check=True, timeout=60, capture_output=True)
    return conf


def on_own_address(conf: Path) -> dict[str, str]:
    """The configuration's files, moved to the demonstration's loopback address and ports: others may be running."""
    files = {path.name: path.read_text("utf-8") for path in conf.iterdir() if path.is_file()}
    del files["asterisk.conf"], files["rtp.conf"]  # directories and RTP ports are the demonstration's own
    files["pjsip.conf"] = re.sub(r"(?m)^(bind\s*=).*$", r"\1 @host@:@port@", files["pjsip.conf"])
    for name in ("http.conf", "manager.conf"):
        files[name] = re.sub(r"(?m)^(bindaddr\s*=\s*)127\.0\.0\.1", r"\1@host@", files[name])
    return files


def password(pjsip: str, user: str) -> str:
    """A phone's password. Raises AssertionError when there is none."""
    found = re.search(rf"(?ms)^username\s*=\s*{user}$.*?^password\s*=\s*(\S+)", pjsip)
    if found is None:
        raise AssertionError(f"pjsip.conf has no password for {user}")
    return found[1]


def secret(text: str, option: str) -> str:
    """The first value of an option."""
    found = re.search(rf"(?m)^{option}\s*=\s*(\S+)", text)
    if found is None:
        raise AssertionError(f"there is no {option}")
    return found[1]


def main(reactor: Any, directory: str) -> Deferred[None]:
    """Run in ``directory``, which must be empty or a former demonstration's. Ends with 1 unless all went well."""
    path = Path(directory).absolute()
    if path.exists() and any(path.iterdir()) and not (path / MARK).exists():
        raise SystemExit(f"{path} holds something else: name a directory that is empty")
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    (path / MARK).touch()

    async def run() -> None:
        if not await Demo(reactor, path).run():
            raise SystemExit(1)

    return Deferred.fromCoroutine(run())


if __name__ == "__main__":
    react(main, sys.argv[1:] or ["var/demo"])
