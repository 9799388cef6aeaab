"""indications.conf: the tones of countries (Asterisk: main/indications.c)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pbx.config.errors import raise_if_any
from pbx.errors import ConfigError
from pbx.media.tones.tone import ToneItem, parse_tone

if TYPE_CHECKING:
    from pbx.config import ConfigLoader, Section

FILE = "indications.conf"
#: Where a channel keeps the country of its tone zone (`Channel.extra`).
TONE_ZONE = "tone_zone"
_GENERAL = "general"
#: Options of a country that are no tones.
_OTHER = frozenset(("description", "ringcadence", "alias"))
#: The older word of a tone.
_SAME = {"callwait": "callwaiting"}

#: The zone there is without indications.conf: that of North America.
BUILT_IN = {
    "dial": "350+440",
    "busy": "480+620/500,0/500",
    "ring": "440+480/2000,0/4000",
    "congestion": "480+620/250,0/250",
    "callwaiting": "440/300,0/10000",
    "dialrecall": "!350+440/100,!0/100,!350+440/100,!0/100,!350+440/100,!0/100,350+440",
    "record": "1400/500,0/15000",
    "info": "!950/330,!1400/330,!1800/330,0",
    "stutter": "!350+440/100,!0/100,!350+440/100,!0/100,!350+440/100,!0/100,350+440",
}


@dataclass(frozen=True, slots=True)
class ToneZone:
    """A country's tones by name."""

    country: str
    description: str = ""
    tones: dict[str, tuple[ToneItem, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ToneZones:
    """All zones by the name of their country, and which one counts where none is named."""

    zones: dict[str, ToneZone]
    default: str

    def find(self, name: str, country: str = "") -> tuple[ToneItem, ...] | None:
        """A tone by name, in a country or, where that has no zone, in the default one; None where there is none."""
        zone = self.zones.get(country) or self.zones.get(self.default)
        return None if zone is None else zone.tones.get(name)


def built_in_zones() -> ToneZones:
    """What there is without a file."""
    zone = ToneZone("us", "United States / North America", {name: parse_tone(t) for name, t in BUILT_IN.items()})
    return ToneZones({"us": zone}, "us")


def read_indications_conf(loader: ConfigLoader) -> ToneZones:
    """indications.conf, or the built-in zone without it. Raises ConfigErrors with everything that is wrong."""
    config = loader.load_optional(FILE)
    if config is None:
        return built_in_zones()
    errors: list[ConfigError] = []
    zones: dict[str, ToneZone] = {}
    aliases: dict[str, str] = {}
    general = config.section(_GENERAL)
    default = (general.get("country") if general is not None else None) or ""
    for section in config.sections:
        if section.name.lower() == _GENERAL:
            continue
        alias = section.get("alias")
        if alias:
            aliases[section.name] = alias
        else:
            zones[section.name] = _zone(section, errors)
    for name, target in aliases.items():
        if target in zones:
            zones[name] = zones[target]
    if default and default not in zones and general is not None:
        item = general.last("country")
        errors.append(
            ConfigError(f"country: there is no [{default}]", general.path, item.line if item else general.line)
        )
    raise_if_any(errors)
    return ToneZones(zones, default or next(iter(zones), "")) if zones else built_in_zones()


def _zone(section: Section, errors: list[ConfigError]) -> ToneZone:
    tones: dict[str, tuple[ToneItem, ...]] = {}
    for item in section.items:
        if item.key in _OTHER:
            continue
        try:
            tones[_SAME.get(item.key, item.key)] = parse_tone(item.value)
        except ValueError as error:
            errors.append(ConfigError(f"{item.key}: {error}", section.path, item.line))
    return ToneZone(section.name, section.get("description") or "", tones)
