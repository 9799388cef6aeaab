"""http.conf: where the HTTP server listens and what it allows, as typed options."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from pbx.config import types
from pbx.config.options import ConfigObject, OptionError, option, parse_section
from pbx.version import ASTERISK_VERSION

if TYPE_CHECKING:
    from pbx.config import ConfigLoader

FILE = "http.conf"
DEFAULT_PORT = 8088
DEFAULT_TLS_PORT = 8089
_LATER = "accepted from Asterisk's file; changes nothing here yet"


@dataclass(frozen=True, slots=True)
class HttpSettings(ConfigObject):
    """``[general]`` of http.conf."""

    type_name: ClassVar[str] = "general"

    enabled: bool = option(types.YESNO, False, help="whether the HTTP server listens")
    bindaddr: str = option(types.STRING, "127.0.0.1", help="address it listens on")
    bindport: int = option(types.integer(0, 65535), DEFAULT_PORT, help="TCP port")
    prefix: str = option(types.STRING, "", help="path before all others, such as /asterisk")
    servername: str = option(types.STRING, f"Asterisk/{ASTERISK_VERSION}", help="the Server header; empty for none")
    session_limit: int = option(types.integer(1, 100_000), 100, help="connections at one time")
    sessions_per_address: int = option(
        types.integer(1, 100_000), 80, help="connections from one address at one time (an option of Obelisk's own)"
    )
    session_inactivity: int = option(
        types.integer(100, 3_600_000), 30_000, help="milliseconds a request may take to come in whole"
    )
    session_keep_alive: int = option(
        types.integer(0, 3_600_000), 15_000, help="milliseconds a connection may idle between requests; 0: one request"
    )
    tlsenable: bool = option(types.YESNO, False, aliases=("sslenable",), help="whether it listens for TLS as well")
    tlsbindaddr: str = option(
        types.STRING, "", aliases=("sslbindaddr",), help="address or address:port for TLS (bindaddr and 8089)"
    )
    tlscertfile: str = option(types.STRING, "", aliases=("sslcert", "tlscert"), help="certificate chain, PEM")
    tlsprivatekey: str = option(types.STRING, "", help="private key, PEM; by default in tlscertfile")
    enable_static: bool = option(types.YESNO, False, aliases=("enablestatic",), hidden=True, help=_LATER)
    enable_status: bool = option(types.YESNO, False, hidden=True, help=_LATER)
    redirect: tuple[str, ...] = option(types.accumulate(types.COMMA_LIST), (), hidden=True, help=_LATER)
    tls_options: tuple[tuple[str, str], ...] = option(types.PREFIXED, (), prefix="tls", hidden=True, help=_LATER)

    def applied(self) -> HttpSettings:
        """Check the options against each other. Raises OptionError."""
        if self.tlsenable and not self.tlscertfile:
            raise OptionError("tlscertfile", "is needed where tlsenable is yes")
        return self

    @property
    def root(self) -> str:
        """``prefix`` as it begins paths: empty, or with a slash in front and none behind."""
        inner = self.prefix.strip("/")
        return f"/{inner}" if inner else ""


def read_http_conf(loader: ConfigLoader) -> HttpSettings:
    """http.conf; without the file the server is off. Raises ConfigErrors with everything that is wrong."""
    config = loader.load_optional(FILE)
    return HttpSettings() if config is None else parse_section(HttpSettings, config.section("general"))
