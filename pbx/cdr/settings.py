"""cdr.conf."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from pbx.config import types
from pbx.config.options import ConfigObject, option, parse_section

if TYPE_CHECKING:
    from pbx.config import ConfigLoader

FILE = "cdr.conf"


@dataclass(frozen=True, slots=True)
class CdrSettings(ConfigObject):
    """``[general]`` of cdr.conf. ``time`` is seconds."""

    type_name: ClassVar[str] = "general"

    enable: bool = option(types.BOOL, True, help="whether records are made")
    channeldefaultenabled: bool = option(types.BOOL, True, help="whether a channel has records unless CDR_PROP says so")
    unanswered: bool = option(
        types.BOOL, False, help="keep records of calls that nobody answered and nobody was called"
    )
    congestion: bool = option(types.BOOL, False, help="congestion is a disposition of its own, not FAILED")
    endbeforehexten: bool = option(types.BOOL, True, help="records end before hangup handlers and the extension h run")
    initiatedseconds: bool = option(types.BOOL, False, help="billsec is rounded up at half a second")
    ignorestatechanges: bool = option(types.BOOL, False, help="bridges make no further records")
    ignoredialchanges: bool = option(types.BOOL, False, help="dials make no further records")
    canceldispositionenabled: bool = option(types.BOOL, False, help="CANCEL is a disposition, not NO ANSWER")
    batch: bool = option(types.BOOL, False, help="give records to the backends several at once")
    size: int = option(types.integer(0, 1000), 100, help="records that make a batch")
    time: int = option(types.integer(1, 86_400), 300, help="seconds after which a batch is given on anyhow")
    scheduleronly: bool = option(types.BOOL, False, help="accepted; backends never block calls here")
    safeshutdown: bool = option(types.BOOL, True, help="give the last batch on when the exchange ends")
    debug: bool = option(types.BOOL, False, help="log what becomes of each record")


def read_cdr_conf(loader: ConfigLoader) -> CdrSettings | None:
    """The settings; None without the file. Raises ConfigErrors."""
    config = loader.load_optional(FILE)
    if config is None:
        return None
    return parse_section(CdrSettings, config.section("general"))


def default_settings() -> CdrSettings:
    """What counts without the file: records are made, as in Asterisk, though nobody may keep them."""
    return CdrSettings(id="general")
