"""app_read: Read."""

from __future__ import annotations

from twisted.logger import Logger

from dialplan.applications.durations import MAX_SECONDS
from dialplan.applications.entry import PLAIN_FIRST, PLAIN_NEXT, Entry, enter_digits, first_digit, read_digits, zone_of
from dialplan.applications.sound import file_names
from dialplan.arguments import Arguments
from dialplan.functions.base import scan_float, scan_int
from dialplan.registry import DialplanModule, application
from dialplan.run import RESULT_OK, timeouts_of
from pbx.core.channel import Channel, ChannelInterrupted
from pbx.core.states import ChannelState
from pbx.media.tones import Tones

log = Logger()

#: Digits one Read can hold.
MAX_DIGITS = 255


class ReadModule(DialplanModule):
    """Read."""

    name = "app_read"
    description = "Read Variable Application"

    @application(
        "Read",
        "variable[,filenames[,maxdigits[,options[,attempts[,timeout]]]]]",
        options="s;i;n;t(x);e",
        synopsis="Read digits into a variable.",
        description=(
            "s: leave at once when the call is not up. n: read even then, without answering. "
            "t(x): the digits that end the entry, # unless given; t() for none. e: an entry of nothing but the "
            "terminator gives the terminator. i: the file is the name of a tone of indications.conf. READSTATUS is OK, "
            "TIMEOUT, SKIPPED, HANGUP, or ERROR where the last file cannot be played, behind which nobody waits."
        ),
        sets=("READSTATUS",),
    )
    async def app_read(self, channel: Channel, args: Arguments) -> int:
        channel.set_variable("READSTATUS", "ERROR")
        variable = args["variable"]
        if not variable:
            log.warn("{channel}: Read requires an argument (variable)", channel=channel.name)
            return RESULT_OK
        options = args.options
        if channel.state is not ChannelState.UP:
            if "s" in options:
                channel.set_variable(variable, "")
                channel.set_variable("READSTATUS", "SKIPPED")
                return RESULT_OK
            if "n" not in options:
                channel.answer()
        terminators = "#" if "t" not in options else (options.argument("t") or "")
        answer = Entry("ERROR", "")
        for _attempt in range(max(1, scan_int(args["attempts"]) or 1)):
            answer = await self._ask(channel, args, terminators)
            if answer.status == "TERMINATED":
                answer = Entry("OK", terminators if "e" in options else "")
            channel.set_variable(variable, answer.digits)
            if answer.digits or answer.status in ("ERROR", "HANGUP"):
                break
        # A hangup does not end what runs, as in h: the dialplan sees it by the status.
        channel.set_variable("READSTATUS", "HANGUP" if channel.interrupted else answer.status)
        return RESULT_OK

    async def _ask(self, channel: Channel, args: Arguments, terminators: str) -> Entry:
        limit = scan_int(args["maxdigits"]) or MAX_DIGITS
        if not 0 < limit <= MAX_DIGITS:
            limit = MAX_DIGITS
        timeout = min(scan_float(args["timeout"]) or 0.0, MAX_SECONDS)
        name = args["filenames"].strip()
        tones = self.server.find(Tones)
        if "i" in args.options and tones is not None and tones.zones.find(name, zone_of(channel)) is not None:
            wait = timeout if timeout > 0 else timeouts_of(channel, PLAIN_FIRST, PLAIN_NEXT)[0]
            try:
                digit = await first_digit(tones, channel, name, wait)
            except ChannelInterrupted:
                return Entry("HANGUP", "")
            entry = await read_digits(channel, digit, limit, wait, terminators)
            return Entry("OK", "") if entry.status == "TERMINATED" else entry
        return await enter_digits(
            self.server.switchboard, channel, file_names(name), limit, timeout=timeout, terminators=terminators
        )
