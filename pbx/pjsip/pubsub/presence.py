"""The packages ``presence`` (RFC 3856) and ``dialog`` (RFC 4235): extensions by their hints (res_pjsip_exten_state)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from pbx.core.device_state import DeviceState
from pbx.pjsip.pubsub.bodies import ExtensionBody
from pbx.pjsip.uri import SipUri

if TYPE_CHECKING:
    from pbx.core.channel import Channel
    from pbx.core.channels import Channels
    from pbx.core.hints import Hints, HintUpdate
    from pbx.core.party import PartyId
    from pbx.pjsip.objects import Endpoint
    from pbx.pjsip.pubsub.packages import Source, View

_RINGING = frozenset((DeviceState.RINGING, DeviceState.RINGINUSE))


def context_of(endpoint: Endpoint) -> str:
    """Where an endpoint's subscriptions look for hints."""
    return endpoint.subscribe_context or endpoint.context


class ExtensionPackage:
    """One of both packages: they differ in their name and their format."""

    kind = ExtensionBody

    def __init__(self, name: str, default_accept: str, hints: Hints, channels: Channels) -> None:
        self.name = name
        self.default_accept = default_accept
        self._hints = hints
        self._channels = channels

    def refusal(self, endpoint: Endpoint, resource: str) -> int:
        return 404 if not resource or self._hints.find(context_of(endpoint), resource) is None else 0

    def display_name(self, endpoint: Endpoint, resource: str) -> str:
        hint = self._hints.find(context_of(endpoint), resource)
        return "" if hint is None else hint.name

    def open(self, view: View, changed: Callable[[bool], object]) -> Source | None:
        source = ExtensionSource(self._hints, self._channels, view)
        return source if source.start(changed) else None


class ExtensionSource:
    """One extension for one subscriber."""

    def __init__(self, hints: Hints, channels: Channels, view: View) -> None:
        self._hints = hints
        self._channels = channels
        self._view = view
        self._context = context_of(view.endpoint)
        self._withdraw: Callable[[], None] | None = None
        self._version = -1

    def start(self, changed: Callable[[bool], object]) -> bool:
        """Watch the hint; False without one."""

        def told(update: HintUpdate) -> None:
            changed(update.reason == "removed")

        self._withdraw = self._hints.watch(self._context, self._view.resource, told, extended=True)
        return self._withdraw is not None

    def data(self) -> ExtensionBody | None:
        view, hints = self._view, self._hints
        hint = hints.find(self._context, view.resource)
        presence = hints.presence(self._context, view.resource)
        if hint is None or presence is None:
            return None
        self._version += 1
        ringing = self._ringing_channel(hints.devices_of(hint))
        host = SipUri.parse(view.entity).host
        return ExtensionBody(
            exten=view.resource,
            entity=view.entity,
            watcher=view.watcher,
            state=hints.state(self._context, view.resource),
            presence=presence,
            user_agent=view.user_agent,
            version=self._version,
            early_while_in_use=view.endpoint.notify_early_inuse_ringing,
            caller=None if ringing is None else _shown(ringing.connected.id, host),
            callee=None if ringing is None else _shown(ringing.caller.id, host),
        )

    def _ringing_channel(self, devices: tuple[tuple[str, DeviceState], ...]) -> Channel | None:
        """The oldest channel that makes a device ring."""
        found = [
            channel
            for device, state in devices
            if state in _RINGING
            for channel in self._channels.of_device(device)
            if channel.outgoing and channel.answered is None
        ]
        return min(found, key=lambda channel: channel.created, default=None)

    def close(self) -> None:
        if self._withdraw is not None:
            self._withdraw()
            self._withdraw = None


def _shown(party: PartyId, host: str) -> tuple[str, str]:
    """Name and URI of a party, withheld where it wants to be."""
    withheld = party.number_valid and party.restricted
    name = "anonymous" if withheld else (party.name if party.name_valid else "")
    user = "anonymous" if withheld else (party.number if party.number_valid else "invalid")
    return name, str(SipUri("sip", user, "anonymous.invalid" if withheld else host))
