"""app_softhangup, app_channelredirect, app_chanisavail, app_reload: what one call does to others."""

from __future__ import annotations

from typing import NamedTuple

from twisted.logger import Logger

from dialplan.arguments import ArgumentError, Arguments, split_arguments
from dialplan.engine import Engine
from dialplan.registry import SYSTEM, DialplanModule, application
from dialplan.run import RESULT_HANGUP, RESULT_OK
from dialplan.verbosity import verbose
from pbx.core.causes import Cause
from pbx.core.channel import Channel
from pbx.core.device_state import DeviceState, calls_state
from pbx.core.technology import ChannelRequest, RequestFailed
from pbx.errors import ObeliskError

log = Logger()


class Place(NamedTuple):
    """Somewhere in the dialplan."""

    context: str
    exten: str
    priority: int


def place_of(engine: Engine, channel: Channel, text: str) -> Place | None:
    """``[[context,]exten,]priority`` as seen from ``channel``; None when there is no such place (pbx_parse_location).

    The priority may be a label, or relative as in ``+2``.
    """
    parts = [part.strip() for part in text.split(",", 2)]
    context = (parts[0] if len(parts) > 2 else "") or channel.context
    exten = (parts[-2] if len(parts) > 1 else "") or channel.exten
    last = parts[-1]
    if last[:1] in ("+", "-") and last[1:].isdecimal():
        priority: int | None = channel.priority + int(last)
    else:
        priority = engine.find_priority(context, exten, last, channel.caller.id.number)
    return Place(context, exten, priority) if priority is not None and priority > 0 else None


class SoftHangupModule(DialplanModule):
    """SoftHangup."""

    name = "app_softhangup"
    description = "Hangs up the requested channel"

    @application(
        "SoftHangup",
        "Technology/Resource[,options]",
        options="a",
        synopsis="Hangs up the requested channel.",
        description="The channel is named in full; with option a every channel of the device is hung up.",
    )
    def app_soft_hangup(self, channel: Channel, args: Arguments) -> int:
        name, every = args["Technology/Resource"].lower(), "a" in args.options
        if not args.raw:
            log.warn("{channel}: SoftHangup requires an argument (Technology/resource)", channel=channel.name)
            return RESULT_OK
        for each in list(self.server.channels):
            if (each.device if every else each.name).lower() == name:
                verbose(log, 4, "Soft hanging {channel} up.", channel=each.name)
                each.request_hangup()
                if not every:
                    break
        return RESULT_OK


class ChannelRedirectModule(DialplanModule):
    """ChannelRedirect."""

    name = "app_channelredirect"
    description = "Redirects a given channel to a dialplan target"

    @application(
        "ChannelRedirect",
        "channel,[[context,]extension,]priority",
        synopsis="Redirects given channel to a dialplan target.",
        description="The channel goes to the place named; what is left out is where it is now.",
        sets=("CHANNELREDIRECT_STATUS",),
    )
    def app_channel_redirect(self, channel: Channel, args: Arguments) -> int:
        name, _, label = args.raw.partition(",")
        if not name or not label:
            raise ArgumentError("ChannelRedirect requires an argument (channel,[[context,]exten,]priority)")
        target = self.server.channels.find(name)
        if target is None:
            log.warn("{channel}: No such channel: {name}", channel=channel.name, name=name)
            channel.set_variable("CHANNELREDIRECT_STATUS", "NOCHANNEL")
            return RESULT_OK
        engine = self.server.require(Engine)
        place = place_of(engine, target, label)
        # Asterisk says so even when the place is wrong, and then hangs up who asked.
        channel.set_variable("CHANNELREDIRECT_STATUS", "SUCCESS")
        if place is None:
            log.warn(
                "{channel}: Priority '{label}' must be a number > 0, or valid label", channel=channel.name, label=label
            )
            return RESULT_HANGUP
        if target is channel:
            engine.goto(channel, *place)
        else:
            target.redirect(*place)
        return RESULT_OK


class _Lists:
    """The answers of ChanIsAvail, one more at a time."""

    def __init__(self) -> None:
        self.channels: list[str] = []
        self.originals: list[str] = []
        self.states: list[str] = []
        self.causes: list[str] = []

    def set(self, channel: Channel) -> None:
        for name, values in (
            ("AVAILCHAN", self.channels),
            ("AVAILORIGCHAN", self.originals),
            ("AVAILSTATUS", self.states),
            ("AVAILCAUSECODE", self.causes),
        ):
            channel.set_variable(name, "&".join(values))


class ChanIsAvailModule(DialplanModule):
    """ChanIsAvail."""

    name = "app_chanisavail"
    description = "Check channel availability"

    @application(
        "ChanIsAvail",
        "[Technology/Resource[&Technology2/Resource2[&...]][,options]]",
        options="a;s;t",
        synopsis="Check channel availability.",
        description=(
            "Finds the first of several channels that can be requested, or all of them with option a. s: one that is "
            "in use does not count as available. t: the same, by the calls there are alone."
        ),
        sets=("AVAILCHAN", "AVAILORIGCHAN", "AVAILSTATUS", "AVAILCAUSECODE"),
    )
    def app_chan_is_avail(self, channel: Channel, args: Arguments) -> int:
        parts = split_arguments(args.raw, 2)
        letters = parts[1] if len(parts) > 1 else ""
        answers = _Lists()
        # As in Asterisk what is known of a device in use counts for those after it too.
        in_use = -1
        for each in (parts[0] if parts else "").split("&"):
            device = each.strip()
            technology, slash, resource = device.partition("/")
            if not slash:
                if device:
                    log.warn(
                        "{channel}: Invalid ChanIsAvail technology/resource argument: '{device}'",
                        channel=channel.name,
                        device=device,
                    )
                answers.states.append(str(int(DeviceState.INVALID)))
                continue
            state = DeviceState.UNKNOWN
            if "t" in letters:
                state = calls_state(self.server.channels.of_device(device)[:1], DeviceState.UNKNOWN)
                in_use = int(state)
            elif "s" in letters:
                state = self.server.devices.state(device)
                in_use = int(state)
            answers.states.append(str(int(state)))
            free = in_use <= DeviceState.NOT_INUSE
            if free and self._try(channel, technology, resource, answers) and "a" not in letters:
                break
        answers.set(channel)
        return RESULT_OK

    def _try(self, channel: Channel, technology: str, resource: str, answers: _Lists) -> bool:
        request = ChannelRequest(resource, requestor=channel, formats=channel.formats)
        try:
            made = self.server.technologies.request(technology, request)
        except RequestFailed as failure:
            log.info("{channel}: ChanIsAvail: {reason}", channel=channel.name, reason=str(failure))
            return False
        answers.channels.append(made.name)
        answers.originals.append(f"{technology}/{resource}")
        answers.causes.append("0")
        made.hangup(Cause.NOT_DEFINED)
        return True


class ReloadModule(DialplanModule):
    """Reload."""

    name = "app_reload"
    description = "Reload module(s)"
    support_level = "extended"

    @application(
        "Reload",
        "[module]",
        synopsis="Reloads an Asterisk module, blocking the channel until the reload has completed.",
        description="Several modules may be named, divided by commas; without one everything is reloaded.",
        sets=("RELOADSTATUS",),
        capability=SYSTEM,
    )
    async def app_reload(self, channel: Channel, args: Arguments) -> int:
        names: list[str | None] = [name.strip() for name in args.raw.split(",") if name.strip()]
        status = "SUCCESS"
        for name in names or [None]:
            try:
                await self.server.reload(name)
            except ObeliskError as error:
                log.warn("{channel}: Reload: {reason}", channel=channel.name, reason=str(error))
                status = "FAILURE"
        channel.set_variable("RELOADSTATUS", status)
        return RESULT_OK
