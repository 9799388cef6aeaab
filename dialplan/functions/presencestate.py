"""func_presencestate: PRESENCE_STATE, and the presence providers ``CustomPresence:NAME``."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence

from dialplan.arguments import ArgumentError, Arguments
from dialplan.functions.encoding import decode_base64, to_bytes, to_text
from dialplan.registry import DialplanModule, FunctionError, function
from pbx.cli.registry import Command, CommandError, UsageError
from pbx.core.channel import Channel
from pbx.core.presence import INVALID, Presence, PresenceState

PREFIX = "CustomPresence:"
#: Where custom presence is kept in the AstDB.
FAMILY = "CustomPresence"
_RULE = "-" * 69


def parse(text: str) -> tuple[Presence, str]:
    """``state[,subtype[,message[,options]]]`` as given (not decoded), and the options.

    Raises ArgumentError for an unknown state and for options other than ``e``.
    """
    word, subtype, message, options = (*text.split(",", 4)[:4], "", "", "", "")[:4]
    state = PresenceState.parse(word)
    if not word or state is PresenceState.INVALID:
        raise ArgumentError(f"Unknown presence state value {word}")
    if options and "e" not in options:
        raise ArgumentError(f"Invalid options '{options}'")
    return Presence(state, subtype, message), options


def decoded(text: str) -> Presence:
    """What a stored or given value means. Raises ArgumentError as `parse`."""
    presence, options = parse(text)
    if "e" not in options:
        return presence
    subtype, message = (to_text(decode_base64(to_bytes(part))) for part in (presence.subtype, presence.message))
    return Presence(presence.state, subtype, message)


class PresenceStateModule(DialplanModule):
    """PRESENCE_STATE, and the console's ``presencestate`` commands."""

    name = "func_presencestate"
    description = "Gets or sets a presence state in the dialplan"

    async def load(self) -> None:
        self._withdrawals: list[Callable[[], None]] = [
            self.server.presences.add_provider("CustomPresence", self._custom),
            self.server.cli.register(
                Command(
                    "presencestate list", "presencestate list", "List currently know custom presence states", self._list
                )
            ),
            self.server.cli.register(
                Command(
                    "presencestate change",
                    "presencestate change <entity> <state>[,<subtype>[,message[,options]]]",
                    "Change a custom presence state",
                    self._change,
                    lambda words: [each.name for each in PresenceState][:-1] if len(words) == 2 else (),
                )
            ),
        ]
        for name in self.server.astdb.keys(FAMILY):
            presence = self._custom(name)
            if presence.state is not PresenceState.INVALID:
                self.server.presences.changed(PREFIX + name, presence)
        self.register()

    async def unload(self) -> None:
        await super().unload()
        for withdraw in self._withdrawals:
            withdraw()

    def _custom(self, name: str) -> Presence:
        kept = self.server.astdb.get(FAMILY, name)
        if kept is None:
            return Presence(PresenceState.NOT_SET)
        try:
            return decoded(kept)
        except ArgumentError:
            return INVALID

    @function(
        "PRESENCE_STATE",
        "provider,field[,options]",
        synopsis="Get or Set a presence state.",
        description=(
            "Fields to read: value, subtype, message; e gives the last two in base64. "
            "PRESENCE_STATE(CustomPresence:NAME)=state[,subtype[,message[,options]]] sets not_set, unavailable, "
            "available, away, xa, chat or dnd; with the option e, subtype and message are given in base64."
        ),
        see_also=("HINT",),
    )
    def func_presence_state(self, channel: Channel | None, args: Arguments) -> str:
        provider, field = args["provider"], args["field"].strip().lower()
        if not provider or not field:
            raise ArgumentError("PRESENCE_STATE reading requires both presence provider and presence field arguments")
        presence = self.server.presences.get(provider)
        if presence.state is PresenceState.INVALID:
            raise FunctionError("PRESENCE_STATE unknown")
        if field == "value":
            return presence.state.text
        found = {"subtype": presence.subtype, "message": presence.message}.get(field, "")
        return base64.b64encode(to_bytes(found)).decode() if found and "e" in args["options"] else found

    @func_presence_state.writer
    def set_presence_state(self, channel: Channel | None, args: Arguments, value: str) -> None:
        provider = args.raw.strip()
        if not provider.lower().startswith(PREFIX.lower()):
            raise ArgumentError("The PRESENCE_STATE function can only set CustomPresence: presence providers.")
        name = provider[len(PREFIX) :]
        if not name:
            raise ArgumentError("PRESENCE_STATE function called with no custom device name!")
        self._set(name, value)

    def _set(self, name: str, value: str) -> None:
        presence = decoded(value)
        self.server.astdb.put(FAMILY, name, value)
        self.server.presences.changed(PREFIX + name, presence)

    # Console

    def _list(self, words: Sequence[str]) -> str:
        """``presencestate list``."""
        if words:
            raise UsageError
        lines = ["", _RULE, "--- Custom Presence States ".ljust(69, "-"), _RULE, "---"]
        entries = self.server.astdb.show(FAMILY)
        if not entries:
            return "\n".join((*lines, "No custom presence states defined"))
        for path, value in entries:
            try:
                presence, options = parse(value)
            except ArgumentError:
                continue
            lines += [
                f"--- Name: 'CustomPresence:{path.rpartition('/')[2]}'",
                f"    --- State: '{presence.state.text}'",
                f"    --- Subtype: '{presence.subtype}'",
                f"    --- Message: '{presence.message}'",
                f"    --- Base64 Encoded: '{'Yes' if 'e' in options else 'No'}'",
                "---",
            ]
        return "\n".join((*lines, _RULE, _RULE, ""))

    def _change(self, words: Sequence[str]) -> str:
        """``presencestate change ENTITY STATE...``."""
        if len(words) != 2:
            raise UsageError
        provider, value = words
        if not provider.lower().startswith(PREFIX.lower()):
            raise CommandError("The presencestate command can only be used to set 'CustomPresence:' presence state!")
        name = provider[len(PREFIX) :]
        if not name:
            raise UsageError
        try:
            self._set(name, value)
        except ArgumentError as error:
            raise UsageError(str(error)) from None
        return f"Changing {name} to {value.partition(',')[0]}"
