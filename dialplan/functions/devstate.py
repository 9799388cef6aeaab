"""func_devstate and func_extstate: DEVICE_STATE, HINT, EXTENSION_STATE, and the devices ``Custom:NAME``."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from dialplan.arguments import ArgumentError, Arguments
from dialplan.registry import DialplanModule, FunctionError, function
from pbx.cli.registry import Command, CommandError, UsageError
from pbx.core.channel import Channel
from pbx.core.device_state import DeviceState
from pbx.core.hints import split_hint

PREFIX = "Custom:"
#: Where the custom devices are kept in the AstDB.
FAMILY = "CustomDevstate"
_RULE = "-" * 69

#: EXTENSION_STATE's words by the number of the state (func_extstate).
EXTENSION_WORDS: dict[int, str] = {
    0: "NOT_INUSE",
    1: "INUSE",
    2: "BUSY",
    4: "UNAVAILABLE",
    8: "RINGING",
    9: "RINGINUSE",
    16: "ONHOLD",
    17: "HOLDINUSE",
}


def place(text: str, name: str) -> tuple[str, str]:
    """``extension[@context]`` as (context, extension). Raises ArgumentError when there is no extension."""
    exten, _, context = text.strip().partition("@")
    if not exten:
        raise ArgumentError(f"{name} requires an extension")
    return context or "default", exten


class DeviceStateModule(DialplanModule):
    """DEVICE_STATE, HINT, and the console's ``devstate`` commands."""

    name = "func_devstate"
    description = "Gets or sets a device state in the dialplan"

    async def load(self) -> None:
        devices = self.server.devices
        self._withdrawals: list[Callable[[], None]] = [
            devices.add_provider("Custom", self._custom),
            self.server.cli.register(
                Command("devstate list", "devstate list", "List currently known custom device states", self._list)
            ),
            self.server.cli.register(
                Command(
                    "devstate change",
                    "devstate change <device> <state>",
                    "Change a custom device state",
                    self._change,
                    lambda words: tuple(DeviceState.__members__) if len(words) == 2 else (),
                )
            ),
        ]
        for name in self.server.astdb.keys(FAMILY):
            devices.remember(PREFIX + name)
        self.register()

    async def unload(self) -> None:
        await super().unload()
        for withdraw in self._withdrawals:
            withdraw()

    def _custom(self, name: str) -> DeviceState:
        return DeviceState.parse(self.server.astdb.get(FAMILY, name) or "")

    def _set(self, name: str, value: str) -> None:
        self.server.astdb.put(FAMILY, name, value)
        self.server.devices.set(PREFIX + name, DeviceState.parse(value))

    @function(
        "DEVICE_STATE",
        "device",
        synopsis="Get or Set a device state.",
        description=(
            "Reads UNKNOWN, NOT_INUSE, INUSE, BUSY, INVALID, UNAVAILABLE, RINGING, RINGINUSE or ONHOLD. A device "
            "Custom:NAME can be set to each of these but UNKNOWN, and keeps its state across restarts."
        ),
        see_also=("HINT", "EXTENSION_STATE"),
    )
    def func_device_state(self, channel: Channel | None, args: Arguments) -> str:
        return self.server.devices.state(args.raw.strip()).name

    @func_device_state.writer
    def set_device_state(self, channel: Channel | None, args: Arguments, value: str) -> None:
        device = args.raw.strip()
        if not device.lower().startswith(PREFIX.lower()):
            raise ArgumentError("The DEVICE_STATE function can only be used to set 'Custom:' device state!")
        name = device[len(PREFIX) :]
        if not name:
            raise ArgumentError("DEVICE_STATE function called with no custom device name!")
        if DeviceState.parse(value) is DeviceState.UNKNOWN:
            raise ArgumentError(f"DEVICE_STATE function given invalid state value '{value}'")
        self._set(name, value)

    @function(
        "HINT",
        "extension[@context][,options]",
        synopsis="Get the devices set for a dialplan hint.",
        description="n: the name of the hint instead of its devices. The context is default unless given.",
        see_also=("EXTENSION_STATE",),
    )
    def func_hint(self, channel: Channel | None, args: Arguments) -> str:
        text, _, options = args.raw.partition(",")
        context, exten = place(text, "The HINT function")
        found = self.server.hints.finder and self.server.hints.finder.find_hint(context, exten)
        if not found:
            raise FunctionError(f"extension {exten}@{context} has no hint")
        plain, _devices, _presence, name = split_hint(found.text)
        return name if "n" in options else plain

    # Console

    def _list(self, words: Sequence[str]) -> str:
        """``devstate list``."""
        if words:
            raise UsageError
        lines = ["", _RULE, "--- Custom Device States ".ljust(69, "-"), _RULE, "---"]
        for path, value in self.server.astdb.show(FAMILY):
            lines += [f"--- Name: 'Custom:{path.rpartition('/')[2]}'  State: '{value}'", "---"]
        return "\n".join((*lines, _RULE, _RULE, ""))

    def _change(self, words: Sequence[str]) -> str:
        """``devstate change DEVICE STATE``."""
        if len(words) != 2:
            raise UsageError
        device, value = words
        if not device.lower().startswith(PREFIX.lower()):
            raise CommandError("The devstate command can only be used to set 'Custom:' device state!")
        name = device[len(PREFIX) :]
        if not name or DeviceState.parse(value) is DeviceState.UNKNOWN:
            raise UsageError
        self._set(name, value)
        return f"Changing {name} to {value}"


class ExtensionStateModule(DialplanModule):
    """EXTENSION_STATE."""

    name = "func_extstate"
    description = "Gets an extension's state in the dialplan"

    @function(
        "EXTENSION_STATE",
        "extension[@context]",
        synopsis="Get an extension's state.",
        description=(
            "UNKNOWN where it has no hint, else NOT_INUSE, INUSE, BUSY, UNAVAILABLE, RINGING, RINGINUSE, HOLDINUSE or "
            "ONHOLD. The context is default unless given."
        ),
        see_also=("HINT", "DEVICE_STATE"),
    )
    def func_extension_state(self, channel: Channel | None, args: Arguments) -> str:
        context, exten = place(args.raw, "EXTENSION_STATE")
        return EXTENSION_WORDS.get(self.server.hints.state(context, exten), "UNKNOWN")
