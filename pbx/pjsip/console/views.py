"""Objects as the console shows them: an endpoint with its tree, an address of record with its contacts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pbx.pjsip.console import layout
from pbx.pjsip.host import PjsipHost
from pbx.pjsip.location import TECHNOLOGY, Location
from pbx.pjsip.objects import Aor, Auth, Contact, Endpoint, Identify, Transport

if TYPE_CHECKING:
    from pbx.config.options import ConfigObject
    from pbx.core.snapshot import ChannelSnapshot
    from pbx.server import Server


class Views:
    """Builds rows from the server's present state."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._sorcery = server.sorcery
        self._location = server.require(Location)

    # Rows. ``recurse`` adds what hangs below; ``details`` the table of options.

    def endpoint(self, endpoint: Endpoint, *, recurse: bool, details: bool = False) -> str:
        device = f"{TECHNOLOGY}/{endpoint.id}"
        channels = self._server.channels.of_device(device)
        state = self._server.devices.state(device)
        text = layout.endpoint_row(endpoint, layout.EndpointRow(state.text, len(channels)))
        if recurse:
            text += self._auths(endpoint.outbound_auth, "Out") + self._auths(endpoint.auth, "In")
            for name in endpoint.aors:
                aor = self._sorcery.get(Aor, name)
                if aor is not None:
                    text += self.aor(aor, level=1, recurse=True)
            transport = self._sorcery.get(Transport, endpoint.transport) if endpoint.transport else None
            if transport is not None:
                text += self.transport(transport, level=1)
            text += "".join(
                layout.identify_row(each, 1, recurse=True) for each in self.identifies() if each.endpoint == endpoint.id
            )
            now = self._server.clock.now()
            for channel in channels:
                text += layout.channel_row(channel.snapshot(), now, 1, recurse=True)
            text += "\n"
        return text + self._details(endpoint, details)

    def _auths(self, names: tuple[str, ...], direction: str) -> str:
        auths = [self._sorcery.get(Auth, name) for name in names]
        return "".join(layout.auth_row(auth, 1, direction) for auth in auths if auth is not None)

    def aor(self, aor: Aor, *, level: int = 0, recurse: bool, details: bool = False) -> str:
        text = layout.aor_row(aor, level)
        if recurse:
            text += "".join(self.contact(each, level=level + 1) for each in self._location.contacts(aor.id))
            text += "\n" if level == 0 else ""
        return text + self._details(aor, details)

    def contact(self, contact: Contact, *, level: int = 0, details: bool = False) -> str:
        text = layout.contact_row(contact, self._location.status(contact), level)
        return text + self._details(contact, details)

    def auth(self, auth: Auth, *, details: bool = False) -> str:
        return layout.auth_row(auth, 0) + self._details(auth, details)

    def transport(self, transport: Transport, *, level: int = 0, details: bool = False) -> str:
        info = self._server.require(PjsipHost).transport(transport.id)
        if info is None:
            bound = f"{transport.bind} (not listening)"
        else:
            bound = f"[{info.host}]:{info.port}" if ":" in info.host else f"{info.host}:{info.port}"
        return layout.transport_row(transport, level, bound) + self._details(transport, details)

    def identify(self, identify: Identify, *, recurse: bool, details: bool = False) -> str:
        text = layout.identify_row(identify, 0, recurse=recurse)
        return text + ("\n" if recurse else "") + self._details(identify, details)

    def channel(self, channel: ChannelSnapshot, *, recurse: bool) -> str:
        text = layout.channel_row(channel, self._server.clock.now(), 0, recurse=recurse)
        return text + ("\n" if recurse else "")

    @staticmethod
    def _details(item: ConfigObject, details: bool) -> str:
        return f"\n{layout.parameters(item)}" if details else ""

    # What there is

    def endpoints(self) -> list[Endpoint]:
        return sorted(self._sorcery.all(Endpoint), key=lambda each: each.id)

    def aors(self) -> list[Aor]:
        return sorted(self._sorcery.all(Aor), key=lambda each: each.id)

    def auths(self) -> list[Auth]:
        return sorted(self._sorcery.all(Auth), key=lambda each: each.id)

    def transports(self) -> list[Transport]:
        return sorted(self._sorcery.all(Transport), key=lambda each: each.id)

    def identifies(self) -> list[Identify]:
        """None while res_pjsip_endpoint_identifier_ip is not loaded."""
        if Identify not in self._sorcery.types():
            return []
        return sorted(self._sorcery.all(Identify), key=lambda each: each.id)

    def contacts(self) -> list[Contact]:
        return self._location.all_contacts()

    def channels(self) -> list[ChannelSnapshot]:
        snapshots = [channel.snapshot() for channel in self._server.channels]
        return sorted((each for each in snapshots if each.technology == TECHNOLOGY), key=lambda each: each.name)
