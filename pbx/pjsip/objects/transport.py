"""``type=transport``: an address on which the exchange hears SIP."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from typing import ClassVar

from pbx.config import types
from pbx.config.options import ConfigObject, OptionError, option
from pbx.config.values import IPNetwork
from pbx.pjsip.objects.enums import TlsMethod, TransportProtocol
from pbx.pjsip.objects.types import choice

DEFAULT_PORTS = {
    TransportProtocol.UDP: 5060,
    TransportProtocol.TCP: 5060,
    TransportProtocol.TLS: 5061,
    TransportProtocol.WS: 5060,
    TransportProtocol.WSS: 5061,
    TransportProtocol.FLOW: 0,
}


def split_bind(text: str) -> tuple[str, int | None]:
    """``host``, ``host:port``, ``[v6]`` or ``[v6]:port`` as (host, port or None). Raises ValueError."""
    host, port_text = text.strip(), ""
    if host.startswith("["):
        host, _, rest = host[1:].partition("]")
        port_text = rest.removeprefix(":")
    elif host.count(":") == 1:
        host, _, port_text = host.partition(":")
    ip_address(host)
    if port_text and not (port_text.isdigit() and int(port_text) < 65_536):
        raise ValueError(f"{port_text!r} is not a port")
    return host, int(port_text) if port_text else None


def _parse_bind(text: str) -> str:
    split_bind(text)
    return text.strip()


@dataclass(frozen=True, slots=True)
class Transport(ConfigObject):
    """A listener, and how it names itself to the outside."""

    type_name: ClassVar[str] = "transport"

    protocol: TransportProtocol = option(
        choice(TransportProtocol), TransportProtocol.UDP, help="udp, tcp, tls, ws or wss"
    )
    bind: str = option(types.custom("address[:port]", _parse_bind), "", help="address and port to listen on")
    domain: str = option(types.STRING, "", help="domain added when endpoints are looked up as user@domain")
    external_signaling_address: str = option(
        types.STRING, "", help="address shown in Via and Contact outside local_net"
    )
    external_signaling_port: int = option(types.integer(0, 65_535), 0, help="port shown outside local_net")
    external_signaling_hostname: str = option(types.STRING, "", help="host name shown outside local_net")
    external_media_address: str = option(types.STRING, "", help="address shown in SDP outside local_net")
    local_net: tuple[IPNetwork, ...] = option(
        types.NETWORKS, (), help="networks reached without translation; may be repeated"
    )
    symmetric_transport: bool = option(types.BOOL, False, help="send requests by the transport a phone registered on")
    allow_reload: bool = option(types.BOOL, False, help="open the listener anew when its section changes on reload")
    tcp_keepalive_enable: bool = option(types.BOOL, False, help="TCP keepalive")
    tcp_keepalive_idle_time: int = option(types.integer(1, 32_767), 30, help="idle seconds before the first probe")
    tcp_keepalive_interval_time: int = option(types.integer(1, 32_767), 1, help="seconds between probes")
    tcp_keepalive_probe_count: int = option(types.integer(1, 127), 5, help="probes before the connection is given up")
    websocket_write_timeout: int = option(types.integer(1, 2**31 - 1), 100, help="milliseconds for a WebSocket write")
    cert_file: str = option(types.STRING, "", help="certificate (PEM)")
    priv_key_file: str = option(types.STRING, "", help="private key (PEM)")
    password: str = option(types.STRING, "", secret=True, help="password of the private key")
    ca_list_file: str = option(types.STRING, "", help="file of trusted authorities")
    ca_list_path: str = option(types.STRING, "", help="directory of trusted authorities")
    method: TlsMethod = option(choice(TlsMethod), TlsMethod.UNSPECIFIED, help="lowest TLS version")
    cipher: tuple[str, ...] = option(types.accumulate(types.COMMA_LIST), (), help="TLS ciphers by their OpenSSL names")
    verify_server: bool = option(types.BOOL, False, help="check certificates of servers we connect to")
    verify_client: bool = option(types.BOOL, False, help="check certificates of clients")
    require_client_cert: bool = option(types.BOOL, False, help="refuse clients without a certificate")
    allow_wildcard_certs: bool = option(types.BOOL, False, help="accept certificates for *.domain")
    async_operations: int = option(types.integer(1, 2**31 - 1), 1, help="kept for compatibility")
    tos: int = option(types.TOS, 0, help="type of service of signalling")
    cos: int = option(types.integer(0, 7), 0, help="802.1p priority of signalling")

    @property
    def bind_host(self) -> str:
        """The address to listen on."""
        return split_bind(self.bind)[0]

    @property
    def bind_port(self) -> int:
        """The port to listen on: the protocol's default when none is written; 0 lets the system choose."""
        port = split_bind(self.bind)[1]
        return DEFAULT_PORTS[self.protocol] if port is None else port

    def applied(self) -> Transport:
        if self.protocol is not TransportProtocol.FLOW and not self.bind:
            raise OptionError("bind", "a transport must say where it listens, such as bind=127.0.0.1")
        return self
