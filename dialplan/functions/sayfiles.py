"""func_sayfiles: SAYFILES."""

from __future__ import annotations

import re
from collections.abc import Callable

from twisted.logger import Logger

from dialplan.arguments import Arguments
from dialplan.registry import DialplanModule, FunctionError, function
from dialplan.say import character_names, digits_names, money_names, number_names, ordinal_names, phonetic_names
from pbx.core.channel import Channel

log = Logger()

_WHOLE = re.compile(r"\s*[+-]?[0-9]{1,30}", re.ASCII)
_LEAST, _MOST = -(1 << 31), (1 << 31) - 1
#: What is said of a text, by type; only what there is a prompt of.
_SPELLED: dict[str, Callable[[str], list[str]]] = {
    "alpha": character_names,
    "phonetic": phonetic_names,
    "digits": digits_names,
}
_COUNTED: dict[str, Callable[[int], list[str]]] = {
    "number": number_names,
    "ordinal": lambda value: ordinal_names(value) if value else [],
}


class SayFilesModule(DialplanModule):
    """SAYFILES."""

    name = "func_sayfiles"
    description = "Say application files"
    support_level = "extended"

    @function(
        "SAYFILES",
        "value[,type]",
        synopsis="Returns the ampersand-delimited file names that would be played by the Say applications.",
        description=(
            "Types: alpha (the default), digits, money, number, ordinal, phonetic. What it gives can be played with "
            "others by one Playback or Read."
        ),
        see_also=("Playback",),
    )
    def func_sayfiles(self, channel: Channel | None, args: Arguments) -> str:
        if not args.raw:
            log.warn("SAYFILES requires an argument")
            return ""
        value, kind = args["value"], args["type"] or "alpha"
        if kind in _SPELLED:
            return "&".join(self._existing(channel, _SPELLED[kind](value)))
        if kind in _COUNTED:
            return "&".join(self._counted(channel, kind, value))
        if kind == "money":
            return "&".join(money_names(value))
        raise FunctionError(f"Invalid say type specified: {kind}")

    def _counted(self, channel: Channel | None, kind: str, text: str) -> list[str]:
        number = int(text) if _WHOLE.fullmatch(text) else None
        if number is None or not _LEAST <= number <= _MOST:
            raise FunctionError(f"Invalid numeric argument: {text}")
        if not number:
            return self._existing(channel, _COUNTED[kind](number))
        if abs(number) < _MOST:
            return _COUNTED[kind](number)
        log.warn("Number '{number}' is too big to be said", number=number)
        return ["digits/minus"] if number < 0 else []

    def _existing(self, channel: Channel | None, names: list[str]) -> list[str]:
        language = "en" if channel is None else channel.language
        return [name for name in names if self.server.switchboard.find_sound(name, language) is not None]
