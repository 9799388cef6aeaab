"""app_disa: DISA, a dial tone from within for callers from outside."""

from __future__ import annotations

from dataclasses import dataclass, replace

from twisted.logger import Logger

from dialplan.applications.authenticate import read_lines, same_secret
from dialplan.applications.entry import zone_of
from dialplan.arguments import ArgumentError, Arguments, split_arguments
from dialplan.engine import Engine
from dialplan.functions.base import in_thread, scan_int
from dialplan.registry import DialplanModule, application
from dialplan.run import RESULT_HANGUP, RESULT_OK, timeouts_of
from pbx.cdr import CdrEngine
from pbx.cdr import operations as cdr
from pbx.core.channel import Channel
from pbx.core.frames import Control
from pbx.core.party import parse_callerid
from pbx.media.tones import PlayingTone, Tones
from pbx.mwi import Mailboxes

log = Logger()

#: The context of callers unless another is named, and the word that stands in the place of a password.
DEFAULT_CONTEXT = "disa"
NO_PASSWORD = "no-password"
#: Seconds before the first digit and between digits, on a channel without a dialplan.
PLAIN_FIRST, PLAIN_NEXT = 20.0, 10.0
#: Digits that count of one entry; characters of an account code.
MAX_DIGITS = 80
MAX_ACCOUNT = 19
#: Seconds of congestion for who may not dial.
REORDER_SECONDS = 10.0
#: What is heard where indications.conf has no dial tone.
PLAIN_DIAL_TONE = "350+440"


@dataclass(frozen=True, slots=True)
class Access:
    """What a password opens."""

    password: str
    context: str
    caller: str = ""
    mailbox: str = ""

    @classmethod
    def of(cls, text: str) -> Access:
        """From ``password[,context[,caller id[,mailbox]]]``."""
        password, context, caller, mailbox = (*split_arguments(text, 5), "", "", "", "")[:4]
        return cls(password, context or DEFAULT_CONTEXT, caller, mailbox)


def find_access(lines: list[str], entered: str) -> Access | None:
    """The line of a file of passwords that ``entered`` opens; lines begin with a number, or ``;`` or ``#``."""
    for line in lines:
        if line and line[0] not in "#;":
            access = Access.of(line)
            if scan_int(access.password) is not None and same_secret(access.password, entered):
                return access
    return None


class DisaModule(DialplanModule):
    """DISA."""

    name = "app_disa"
    description = "DISA (Direct Inward System Access) Application"

    @application(
        "DISA",
        "passcode|filename[,context[,cid[,mailbox[,options]]]]",
        options="n;p",
        synopsis="Direct Inward System Access.",
        description=(
            "The caller hears dial tone, enters the password and #, hears dial tone again and dials an extension of "
            "'context' (disa), with the caller ID 'cid' if one is given. The password is the call's account code. "
            "passcode is a number, no-password, or a file whose lines are password[,context[,cid[,mailbox]]]. The tone "
            "is dialrecall while 'mailbox' has new messages. n: do not answer. p: # ends an extension."
        ),
        sets=("INVALID_EXTEN",),
        see_also=("Authenticate", "VMAuthenticate"),
    )
    async def app_disa(self, channel: Channel, args: Arguments) -> int:
        if not args.raw:
            raise ArgumentError("DISA requires an argument (passcode/passcode file)")
        channel.check()
        if "n" not in args.options:
            channel.answer()
        entry = _Entry(self, channel, Access.of(args.raw), pound_ends="p" in args.options)
        try:
            reached = await entry.run()
        finally:
            entry.silence()
        if reached is not None and self._send(channel, entry, reached, answered="n" not in args.options):
            return RESULT_OK
        # Unlike by Congestion the channel's state and cause stay as they are.
        channel.indicate(Control.CONGESTION)
        await channel.sleep(REORDER_SECONDS)
        return RESULT_HANGUP

    def _send(self, channel: Channel, entry: _Entry, exten: str, *, answered: bool) -> bool:
        """Send the caller to what it has dialled, or to ``i``; False where neither is."""
        engine, context, number = self.server.require(Engine), entry.access.context, channel.caller.id.number
        if not engine.exists(context, exten, 1, number):
            channel.set_variable("INVALID_EXTEN", exten)
            exten = "i"
            if not engine.exists(context, exten, 1, number):
                return False
        if entry.access.caller:
            party = parse_callerid(entry.access.caller)
            channel.caller = replace(channel.caller, id=party, ani=party)
        if entry.account:
            channel.accountcode = entry.account
        channel.changed()
        records = self.server.find(CdrEngine)
        if records is not None and records.ledger is not None:
            records.reset(channel.uniqueid)
            if answered:
                cdr.set_disabled(records.ledger, channel.uniqueid, disabled=False)
        engine.goto(channel, context, exten, 1)
        return True


class _Entry:
    """What one caller enters."""

    def __init__(self, module: DisaModule, channel: Channel, access: Access, *, pound_ends: bool) -> None:
        self._server = module.server
        self._engine = module.server.require(Engine)
        self._channel = channel
        self._pound_ends = pound_ends
        self._tone: PlayingTone | None = None
        self._first, self._next = timeouts_of(channel, PLAIN_FIRST, PLAIN_NEXT)
        #: Becomes that of the file's line, once the password is known.
        self.access = access
        self.account = ""

    async def run(self) -> str | None:
        """The extension dialled; None where the caller may not dial, or does not.

        Raises ArgumentError where the file of passwords cannot be read, and ChannelInterrupted.
        """
        self._dial_tone(self.access.mailbox)
        if self.access.password.lower() != NO_PASSWORD:
            entered = await self._password()
            if entered is None:
                return None
            access = await self._opened(entered)
            if access is None:
                log.warn("DISA on chan {channel} got bad password", channel=self._channel.name)
                return None
            self.access, self.account = access, entered[:MAX_ACCOUNT]
            self._dial_tone(access.mailbox)
            self._first = self._next
        return await self._extension()

    async def _digit(self, before: str) -> str:
        """The next digit behind ``before``, the first of which ends the tone; empty where none comes in time."""
        digit = await self._channel.read_digit(self._next if before else self._first) or ""
        if digit and not before:
            self.silence()
        return digit

    async def _password(self) -> str | None:
        """What was entered before ``#``; None when the caller gave up."""
        entered = ""
        while True:
            digit = await self._digit(entered)
            if not digit or digit == "#":
                return entered if digit else None
            if len(entered) < MAX_DIGITS:
                entered += digit
            self._first = self._next

    async def _opened(self, entered: str) -> Access | None:
        """What the password opens. Raises ArgumentError where its file cannot be read."""
        wanted = self.access.password
        if scan_int(wanted) is not None:
            return self.access if same_secret(wanted, entered) else None
        try:
            return find_access(await in_thread(self._server, lambda: read_lines(wanted)), entered)
        except (OSError, ValueError) as error:
            raise ArgumentError(f"DISA password file {wanted} cannot be read: {error}") from None

    async def _extension(self) -> str | None:
        """What is dialled, an extension or not; None where nothing is."""
        engine, context, number = self._engine, self.access.context, self._channel.caller.id.number
        digits, ignored = "", False
        while len(digits) < MAX_DIGITS:
            digit = await self._digit(digits)
            if not digit:
                return digits or None
            if digit == "#":
                # Alone it may be an extension, or the beginning of one.
                alone = engine.match_more(context, "#", number) or engine.exists(context, "#", 1, number)
                if digits or not alone or self._pound_ends:
                    break
            digits += digit
            if engine.contexts.ignores(context, digits):
                self._dial_tone("")
                ignored = True
            elif ignored:
                self.silence()
                ignored = False
            if not engine.match_more(context, digits, number):
                break
        return digits

    # The tone

    def _dial_tone(self, mailbox: str) -> None:
        self.silence()
        tones = self._server.find(Tones)
        if tones is None:
            return
        mailboxes = self._server.find(Mailboxes)
        found = None if mailboxes is None or not mailbox else mailboxes.find(mailbox)
        name, zone = "dialrecall" if found is not None and found.msgs_new else "dial", zone_of(self._channel)
        known = tones.zones.find(name, zone) is not None
        self._tone = tones.play(self._channel.audio, name if known else PLAIN_DIAL_TONE, zone)

    def silence(self) -> None:
        """End the tone."""
        tone, self._tone = self._tone, None
        if tone is not None:
            tone.stop()
