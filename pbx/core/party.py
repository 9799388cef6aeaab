"""Who is on the line: caller, connected line, redirecting and dialled party, as immutable values.

Presentation follows Q.951/RFC 3323 as Asterisk encodes it: two bits of presentation, two of screening.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

#: Asterisk's names for number and name presentation, by value.
PRESENTATIONS: dict[int, str] = {
    0x00: "allowed_not_screened",
    0x01: "allowed_passed_screen",
    0x02: "allowed_failed_screen",
    0x03: "allowed",
    0x20: "prohib_not_screened",
    0x21: "prohib_passed_screen",
    0x22: "prohib_failed_screen",
    0x23: "prohib",
    0x43: "unavailable",
}
#: ast_describe_caller_presentation's texts.
PRESENTATION_TEXTS: dict[int, str] = {
    0x00: "Presentation Allowed, Not Screened",
    0x01: "Presentation Allowed, Passed Screen",
    0x02: "Presentation Allowed, Failed Screen",
    0x03: "Presentation Allowed, Network Number",
    0x20: "Presentation Prohibited, Not Screened",
    0x21: "Presentation Prohibited, Passed Screen",
    0x22: "Presentation Prohibited, Failed Screen",
    0x23: "Presentation Prohibited, Network Number",
    0x43: "Number Unavailable",
}
#: Asterisk's names of character sets, by number.
CHARSETS = (
    "unknown",
    "iso8859-1",
    "withdrawn",
    "iso8859-2",
    "iso8859-3",
    "iso8859-4",
    "iso8859-5",
    "iso8859-7",
    "bmp",
    "utf8",
)
#: Asterisk's names of reasons for redirecting, by number.
REASONS = (
    "unknown",
    "cfb",
    "cfnr",
    "unavailable",
    "cfu",
    "time_of_day",
    "dnd",
    "deflection",
    "follow_me",
    "out_of_order",
    "away",
    "cf_dte",
    "send_to_vm",
)
#: What SIP calls some of them (RFC 5806).
REASON_ALIASES: dict[str, int] = {
    "user-busy": 1,
    "no-answer": 2,
    "unconditional": 4,
    "time-of-day": 5,
    "do-not-disturb": 6,
    "follow-me": 8,
    "out-of-service": 9,
}
PRESENTATION_VALUES: dict[str, int] = {name: value for value, name in PRESENTATIONS.items()}

ALLOWED = 0x00
RESTRICTED = 0x20
UNAVAILABLE = 0x43


def _strictness(value: int | None) -> int:
    """The order in which presentations win: restricted, allowed, unavailable, unknown."""
    return 3 if value is None else {RESTRICTED: 0, ALLOWED: 1}.get(value, 2)


@dataclass(frozen=True, slots=True)
class PartyId:
    """A name and a number; ``valid`` tells a known empty value from an unknown one."""

    name: str = ""
    number: str = ""
    name_valid: bool = False
    number_valid: bool = False
    name_presentation: int = ALLOWED
    number_presentation: int = ALLOWED
    number_plan: int = 0
    subaddress: str = ""
    subaddress_valid: bool = False
    #: 0: NSAP, 2: user specified.
    subaddress_type: int = 0
    subaddress_odd: bool = False
    tag: str = ""
    #: An index of `CHARSETS`.
    name_charset: int = 1

    @property
    def presentation(self) -> int:
        """The stricter of both presentations: what CALLERID(pres) reads (ast_party_id_presentation)."""
        name = self.name_presentation & 0x60 if self.name_valid else None
        number = self.number_presentation & 0x60 if self.number_valid else None
        value = number if _strictness(number) <= _strictness(name) else name
        if value is None or value not in (ALLOWED, RESTRICTED):
            return UNAVAILABLE
        return value | (self.number_presentation & 0x03 if self.number_valid else 0)

    @property
    def restricted(self) -> bool:
        return (self.presentation & 0x60) != 0

    def __str__(self) -> str:
        if self.name and self.number:
            return f'"{self.name}" <{self.number}>'
        return self.number or (f'"{self.name}"' if self.name else "")


def party_id(number: str = "", name: str = "") -> PartyId:
    """A PartyId whose given parts are valid."""
    return PartyId(name=name, number=number, name_valid=bool(name), number_valid=bool(number))


#: What a bare text consists of that is taken for a number (ast_isphonenumber).
_PHONE_NUMBER = frozenset("0123456789*#+")


def parse_callerid(text: str) -> PartyId:
    """Split ``"Name" <number>``, ``Name <number`` or a bare number or name (ast_callerid_split).

    Whatever is in quotes as a whole is a name, and so is a bare text with anything but ``0-9*#+`` in it.
    """
    stripped = text.strip()
    whole = strip_quoted(stripped)
    name, bracket, number = whole.rpartition("<")
    if bracket:
        return party_id(
            shrink_number(number.rpartition(">")[0] if ">" in number else number), _unescaped(strip_quoted(name))
        )
    number = shrink_number(whole)
    if whole == stripped and _PHONE_NUMBER.issuperset(number):
        return party_id(number)
    return party_id(name=_unescaped(strip_quoted(whole)))


def strip_quoted(text: str, quotes: str = '"') -> str:
    """Without white space around, and without one pair of one of ``quotes`` (ast_strip_quoted)."""
    text = text.strip()
    return text[1:-1] if len(text) > 1 and text[0] in quotes and text[-1] == text[0] else text


def _unescaped(text: str) -> str:
    r"""``\x`` as ``x`` (ast_unescape_quoted)."""
    return re.sub(r"\\(.?)", r"\1", text, flags=re.DOTALL)


def shrink_number(number: str) -> str:
    """A number without what people write for the eye: ``(``, ``)``, white space, ``-`` and ``.`` but at the end.

    In square brackets, which quote an IPv6 address or a pattern, a ``-`` stays (ast_shrink_phone_number).
    """
    kept, depth = [], 0
    for index, character in enumerate(number):
        depth += (character == "[") - (character == "]")
        if character in "( )" or (character == "-" and not depth) or (character == "." and index < len(number) - 1):
            continue
        kept.append(character)
    return "".join(kept)


EMPTY = PartyId()


@dataclass(frozen=True, slots=True)
class Caller:
    """The party at a channel's far end: its identity, its ANI and how it was reached."""

    id: PartyId = EMPTY
    ani: PartyId = EMPTY
    ani2: int = 0
    private: PartyId = EMPTY


@dataclass(frozen=True, slots=True)
class Connected:
    """The party that the channel's far end is, or will be, talking to."""

    id: PartyId = EMPTY
    ani: PartyId = EMPTY
    source: int = 0
    private: PartyId = EMPTY


@dataclass(frozen=True, slots=True)
class Dialed:
    """The number as the far end dialled it (DNID)."""

    number: str = ""
    plan: int = 0
    #: Holds the subaddress and nothing else.
    subaddress_party: PartyId = EMPTY
    transit_network_select: int = 0

    def with_subaddress(self, party: PartyId) -> Dialed:
        """The same with the subaddress of ``party``."""
        return replace(self, subaddress_party=party)


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a call was redirected: Q.952 code and, for SIP, its text."""

    code: int = 0
    text: str = ""

    def __str__(self) -> str:
        """Asterisk's name for it."""
        return self.text or (REASONS[self.code] if 0 <= self.code < len(REASONS) else "not-known")


@dataclass(frozen=True, slots=True)
class Redirecting:
    """A call's history of forwarding (RFC 5806)."""

    orig: PartyId = EMPTY
    source: PartyId = EMPTY
    to: PartyId = EMPTY
    reason: Reason = Reason()
    orig_reason: Reason = Reason()
    count: int = 0
    private_orig: PartyId = EMPTY
    private_source: PartyId = EMPTY
    private_to: PartyId = EMPTY


#: What a channel begins with: values never change, so all channels share them.
NO_CALLER, NO_CONNECTED, NO_DIALED, NO_REDIRECTING = Caller(), Connected(), Dialed(), Redirecting()
