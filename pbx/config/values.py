"""Values that options are read into: access lists, codec lists, addresses. All immutable and comparable."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network

CODEC_NAMES = (
    *("ulaw", "alaw", "gsm", "g726", "g726aal2", "adpcm", "slin", "slin12", "slin16", "slin24", "slin32", "slin44"),
    *("slin48", "slin96", "slin192", "lpc10", "g729", "g723", "speex", "speex16", "speex32", "ilbc", "g722", "siren7"),
    *("siren14", "testlaw", "g719", "opus", "codec2", "silk8", "silk12", "silk16", "silk24", "none", "jpeg", "png"),
    *("h261", "h263", "h263p", "h264", "h265", "mpeg4", "vp8", "vp9", "red", "t140", "t38"),
)
"""Format names of Asterisk 22, in the order in which ``all`` lists them."""

MAX_FRAMING_MS = 300


@dataclass(frozen=True, slots=True)
class CodecList:
    """Codecs in order of preference. ``framing`` holds the packet lengths (milliseconds) that were asked for."""

    names: tuple[str, ...] = ()
    framing: tuple[tuple[str, int], ...] = ()

    def __contains__(self, name: str) -> bool:
        return name in self.names

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __bool__(self) -> bool:
        return bool(self.names)

    def contains(self, name: str) -> bool:
        return name in self.names

    def framing_ms(self, name: str, default: int = 20) -> int:
        return dict(self.framing).get(name, default)

    def updated(self, text: str, allow: bool) -> CodecList:
        """The list after ``allow = text`` or ``disallow = text`` (``!x`` reverses one word). Raises ValueError."""
        names = list(self.names)
        framing = dict(self.framing)
        text = text.strip()
        if text.startswith("(") and text.endswith(")"):  # as `formatted` writes it: the whole list
            text = text[1:-1].replace("|", ",")
            names, framing = [], {}
        for word in text.split(","):
            name = word.strip().lower()
            if not name:
                continue
            wanted = allow
            if name.startswith("!"):
                wanted, name = not allow, name[1:].strip()
            name, _, length = name.partition(":")
            if name == "all":
                names = [known for known in CODEC_NAMES if known != "none"] if wanted else []
                framing = framing if wanted else {}
                continue
            if name not in CODEC_NAMES:
                raise ValueError(f"unknown codec '{name}'")
            if name == "none":
                continue
            if wanted and name not in names:
                names.append(name)
            elif not wanted and name in names:
                names.remove(name)
                framing.pop(name, None)
            if wanted and length:
                if not length.isdecimal() or not 0 < int(length) <= MAX_FRAMING_MS:
                    raise ValueError(f"'{length}' is no packet length of 1 to {MAX_FRAMING_MS} ms")
                framing[name] = int(length)
        return CodecList(tuple(names), tuple(framing.items()))

    def formatted(self) -> str:
        """``(ulaw|alaw)``, as Asterisk shows it."""
        return f"({'|'.join(self.names)})" if self.names else "(nothing)"


@lru_cache(maxsize=4096)
def parse_address(text: str) -> IPAddress:
    """An IP address; IPv4 in IPv6 form becomes IPv4. Raises ValueError."""
    address = ipaddress.ip_address(text)
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def parse_network(text: str) -> IPNetwork:
    """``address``, ``address/bits`` or ``address/mask``; host bits are cut off. Raises ValueError."""
    address, slash, mask = text.strip().partition("/")
    try:
        return ipaddress.ip_network(f"{address.strip('[]')}{slash}{mask}", strict=False)
    except ValueError:
        raise ValueError(f"'{text}' is no network (address, address/bits or address/mask)") from None


@dataclass(frozen=True, slots=True)
class AccessRule:
    """One ``permit`` or ``deny``."""

    permit: bool
    network: IPNetwork


@dataclass(frozen=True, slots=True)
class AccessList:
    """Rules in order, as Asterisk applies them: all are tried, the last that matches decides, none means permit."""

    rules: tuple[AccessRule, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.rules)

    def permits(self, address: str) -> bool:
        """Whether ``address`` (text, without port) may pass. Raises ValueError when it is no IP address."""
        if not self.rules:
            return True
        parsed = parse_address(address)
        for rule in reversed(self.rules):
            if rule.network.version == parsed.version and parsed in rule.network:
                return rule.permit
        return True

    def updated(self, text: str, permit: bool) -> AccessList:
        """The list with the networks of ``text`` (commas between, ``!`` reverses one) added. Raises ValueError."""
        rules = list(self.rules)
        for word in text.split(","):
            network = word.strip()
            if not network:
                continue
            reverse = network.startswith("!")
            rules.append(AccessRule(permit is not reverse, parse_network(network.lstrip("!"))))
        return AccessList(tuple(rules))


_HOST_NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]{0,252}[A-Za-z0-9_.])?")
MAX_PORT = 65535


@dataclass(frozen=True, slots=True)
class HostPort:
    """An address or host name with a port; port 0 means that none was given."""

    host: str = ""
    port: int = 0

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}" if self.port else host

    @classmethod
    def parse(cls, text: str) -> HostPort:
        """``host``, ``host:port``, ``[v6]:port`` or bare ``v6``; nothing for none. Raises ValueError."""
        if not text.strip():
            return cls()
        host, port = text.strip(), ""
        if host.startswith("["):
            host, bracket, rest = host[1:].partition("]")
            if not bracket or (rest and not rest.startswith(":")):
                raise ValueError(f"'{text}' is no address")
            port = rest[1:]
            ipaddress.IPv6Address(host)
        elif host.count(":") == 1:
            host, _, port = host.partition(":")
        elif ":" in host:
            ipaddress.IPv6Address(host)
        if ":" not in host and not _HOST_NAME.fullmatch(host):
            raise ValueError(f"'{text}' is no address")
        if port and not (port.isascii() and port.isdecimal() and 0 <= int(port) <= MAX_PORT):
            raise ValueError(f"'{port}' is no port")
        return cls(host, int(port or 0))
