"""app_authenticate: Authenticate."""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path

from twisted.logger import Logger

from dialplan.applications.entry import enter_digits
from dialplan.applications.sound import file_names, play_all
from dialplan.arguments import ArgumentError, Arguments, Options
from dialplan.functions.base import in_thread, scan_int
from dialplan.registry import DialplanModule, application
from dialplan.run import RESULT_HANGUP, RESULT_OK
from pbx.core.channel import Channel

log = Logger()

#: How often a caller may try, and the digits one try can hold.
ATTEMPTS = 3
MAX_DIGITS = 254
#: Bytes of a file of passwords; what is longer is refused.
MAX_FILE = 1 << 20


def same_secret(one: str, other: str) -> bool:
    """Whether two secrets are equal, in a time that does not tell how much of them is."""
    return hmac.compare_digest(one.encode("utf-8", "surrogateescape"), other.encode("utf-8", "surrogateescape"))


def account_of(lines: list[str], password: str, *, hashed: bool) -> str | None:
    """What the account becomes by the line that lets ``password`` in; None where none does.

    A line is a password, or with ``hashed`` an account and the MD5 of its password (``account:md5``).
    """
    digest = hashlib.md5(password.encode(), usedforsecurity=False).hexdigest()
    for line in lines:
        if hashed:
            account, colon, wanted = line.partition(":")
            if colon and same_secret(wanted, digest):
                return account
        elif line and same_secret(line, password):
            return line
    return None


def read_lines(path: str) -> list[str]:
    """The lines of a file. Raises OSError, and ValueError for one that is too long."""
    with Path(path).open("rb") as file:
        content = file.read(MAX_FILE + 1)
    if len(content) > MAX_FILE:
        raise ValueError(f"it is longer than {MAX_FILE} bytes")
    return content.decode("utf-8", "surrogateescape").split("\n")


class AuthenticateModule(DialplanModule):
    """Authenticate."""

    name = "app_authenticate"
    description = "Authentication Application"

    @application(
        "Authenticate",
        "password[,options[,maxdigits[,prompt]]]",
        options="a;d;m;r",
        synopsis="Authenticate a user.",
        description=(
            "The caller enters the password, ended by #, and has three attempts; then the call ends. A password that "
            "begins with / is a file with one password a line; with d it is a family of the AstDB whose keys are the "
            "passwords, and r removes the key that was used. m: each line of the file is an account code, a colon and "
            "the MD5 of the password. a: the password becomes the account code, with m the line's account does."
        ),
        see_also=("VMAuthenticate", "DISA"),
    )
    async def app_authenticate(self, channel: Channel, args: Arguments) -> int:
        if not args.raw:
            raise ArgumentError("Authenticate requires an argument(password)")
        channel.check()
        channel.answer()
        limit = scan_int(args["maxdigits"]) or MAX_DIGITS
        if not 0 < limit <= MAX_DIGITS:
            limit = MAX_DIGITS
        prompts = file_names(args["prompt"]) if args["prompt"] else self._own_prompt(channel, "agent-pass")
        for _attempt in range(ATTEMPTS):
            entry = await enter_digits(self.server.switchboard, channel, prompts, limit)
            if entry.status in ("ERROR", "HANGUP"):
                break
            account = await self._check(channel, args["password"], args.options, entry.digits)
            if account is not None:
                if "a" in args.options:
                    channel.accountcode = account
                    channel.changed()
                await play_all(self.server.switchboard, channel, ["auth-thankyou"])
                return RESULT_OK
            prompts = self._own_prompt(channel, "auth-incorrect")
        await play_all(self.server.switchboard, channel, ["vm-goodbye"])
        return RESULT_HANGUP

    def _own_prompt(self, channel: Channel, name: str) -> list[str]:
        """A prompt that nobody asked for: where it is not installed, the caller may enter all the same."""
        if self.server.switchboard.find_sound(name, channel.language) is not None:
            return [name]
        log.warn("{channel}: File {name} does not exist in any format", channel=channel.name, name=name)
        return [""]

    async def _check(self, channel: Channel, password: str, options: Options, entered: str) -> str | None:
        """The account code that what was entered stands for; None when it is wrong."""
        if not password.startswith("/"):
            return entered if same_secret(password, entered) else None
        if "d" in options:
            family, astdb = password[1:], self.server.astdb
            if not entered or astdb.get(family, entered) is None:
                return None
            if "r" in options:
                astdb.delete(family, entered)
            return entered
        try:
            lines = await in_thread(self.server, lambda: read_lines(password))
        except (OSError, ValueError) as error:
            log.warn(
                "{channel}: Unable to open file '{path}' for authentication: {reason}",
                channel=channel.name,
                path=password,
                reason=str(error),
            )
            return None
        return account_of(lines, entered, hashed="m" in options)
