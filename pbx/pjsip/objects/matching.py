"""What ``match`` and its companions of ``type=identify`` hold."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from pbx.config import types
from pbx.config.types import ValueType
from pbx.config.values import IPNetwork, parse_network

_HOST = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]{0,253}[A-Za-z0-9.])?")
_PORT = re.compile(r"(?P<host>\[[^\]]+\]|[^:/]+):(?P<port>[0-9]{1,5})(?P<mask>/[^/]+)?")
MAX_PATTERN_CHARS = 1024


@dataclass(frozen=True, slots=True)
class SourceMatch:
    """One word of ``match``: a network, or a host name that DNS turns into addresses; ``port`` 0 is any."""

    text: str = field(compare=False)
    network: IPNetwork | None
    host: str = ""
    negated: bool = False
    port: int = 0

    def __str__(self) -> str:
        """As Asterisk writes it: an address with its mask (IPv6: its bits), a name as it stands."""
        network = self.network
        if network is None:
            return self.text
        address = str(network.network_address)
        if self.port:
            address = f"[{address}]:{self.port}" if network.version == 6 else f"{address}:{self.port}"
        mask = network.prefixlen if network.version == 6 else network.netmask
        return f"{'!' if self.negated else ''}{address}/{mask}"


def parse_source(text: str) -> SourceMatch:
    """Read ``[!]address[:port]``, the same with ``/mask`` or ``/bits``, or ``[!]host[:port]``. Raises ValueError."""
    negated = text.startswith("!")
    word, port = _without_port(text[1:].strip() if negated else text)
    try:
        return SourceMatch(text, parse_network(word), negated=negated, port=port)
    except ValueError:
        if "/" in word or ":" in word or re.fullmatch(r"[0-9.]+", word) or not _HOST.fullmatch(word):
            raise ValueError(f"{text!r} is neither an address, a network nor a host name") from None
    return SourceMatch(text, None, host=word, negated=negated, port=port)


def _without_port(word: str) -> tuple[str, int]:
    """``word`` without its port, and that: ``10.0.0.0:5061/8``, ``[2001:db8::1]:5061``, ``host:5061``."""
    found = _PORT.fullmatch(word)
    if found is None or not 0 < int(found["port"]) < 65_536:
        return word, 0
    return found["host"] + (found["mask"] or ""), int(found["port"])


def _parse(text: str) -> tuple[SourceMatch, ...]:
    return tuple(parse_source(word) for word in filter(None, (word.strip() for word in text.split(","))))


MATCHES: ValueType[tuple[SourceMatch, ...]] = types.accumulate(
    types.custom("addresses", _parse, lambda value: ",".join(map(str, value)))
)


def pattern(text: str) -> re.Pattern[str] | str:
    """``/expression/`` as a compiled expression, anything else as the exact text. Raises ValueError."""
    if len(text) > MAX_PATTERN_CHARS:
        raise ValueError(f"longer than {MAX_PATTERN_CHARS} characters")
    if len(text) >= 2 and text[0] == text[-1] == "/":
        try:
            return re.compile(text[1:-1])
        except re.error as error:
            raise ValueError(f"bad regular expression: {error}") from error
    return text


def pattern_matches(wanted: re.Pattern[str] | str, value: str) -> bool:
    """Whether ``value`` is, or holds a match of, ``wanted``."""
    return value == wanted if isinstance(wanted, str) else wanted.search(value) is not None
