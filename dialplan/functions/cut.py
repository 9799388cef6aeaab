"""func_cut and func_sprintf: CUT, SORT, SPRINTF."""

from __future__ import annotations

import math
import re
import struct

from twisted.logger import Logger

from dialplan.arguments import ArgumentError, Arguments, split_arguments
from dialplan.functions.base import FunctionModule, Reading, delimiter, scan_float, scan_int, wrapped
from dialplan.registry import DialplanModule, FunctionError, function
from pbx.core.channel import Channel

log = Logger()

#: Values one SPRINTF formats.
MAX_VALUES = 100
#: Width or precision of one value.
MAX_WIDTH = 4096

_RANGE = re.compile(r"\s*(?:([+-]?\d+)-\s*([+-]?\d+)|([+-]?\d+)(-)?)")
_UNTIL = re.compile(r"-\s*([+-]?\d+)")
_BITS = {"hh": 8, "h": 16}
_FORMAT = re.compile(r"%([#0\- +'I]*)(\d*)(\.\d*)?(hh|h|ll|l|L|q|j|z|t)?(.)?", re.DOTALL)


def ranges(text: str) -> list[tuple[int, int | None]]:
    """``1&3-5&7-`` as first and last field; None is the last there is. Raises ArgumentError."""
    found: list[tuple[int, int | None]] = []
    for part in text.split("&"):
        whole, until = _RANGE.match(part), _UNTIL.match(part)
        if whole is not None and whole[2] is not None:
            found.append((_field(whole[1]), _field(whole[2])))
        elif until is not None:
            found.append((1, _field(until[1])))
        elif whole is not None:
            alone = _field(whole[3])
            found.append((alone, None if whole[4] else alone))
        else:
            raise ArgumentError("Usage: CUT(<varname>,<char-delim>,<range-spec>)")
    return found


def _field(text: str) -> int:
    return scan_int(text) or 0


def cut(value: str, by: str, wanted: list[tuple[int, int | None]]) -> str:
    """The fields of ``value`` in ``wanted``, which only go forward, joined by ``by``."""
    if not value:
        return ""
    fields = value.split(by) if by else [value]
    at = 1
    out: list[str] = []
    for first, last in wanted:
        if at > first and at <= len(fields):
            log.warn("CUT: field {first} after field {last}: fields only go forward", first=first, last=at - 1)
        at = max(at, first)
        while at <= len(fields) and (last is None or at <= last):
            out.append(fields[at - 1])
            at += 1
    return by.join(out)


class CutModule(FunctionModule):
    """CUT and SORT."""

    name = "func_cut"
    description = "Cut out information from a string"

    @function(
        "CUT",
        "varname,char-delim,range-spec",
        synopsis="Slices and dices strings, based upon a named delimiter.",
        description="Of the value of a variable: 1-based fields and ranges joined by &, as 1-3&5 or 7-.",
    )
    def func_cut(self, channel: Channel | None, args: Arguments) -> Reading:
        if len(args) < 3:
            raise ArgumentError("Syntax: CUT(<varname>,<char-delim>,<range-spec>) - missing argument!")
        by, wanted = delimiter(args["char-delim"], "-"), ranges(args["range-spec"])
        return self.then_value(channel, args["varname"], lambda value: cut(value, by, wanted))

    @function(
        "SORT",
        "key1:val1[,...][,keyN:valN]",
        synopsis="Sorts a list of key/vals into a list of keys, based upon the vals.",
        description="Values are floating-point numbers.",
    )
    def func_sort(self, channel: Channel | None, args: Arguments) -> str:
        pairs = [(key, _single(scan_float(value) or 0.0)) for key, colon, value in _pairs(args.raw) if colon]
        return ",".join([key for key, _ in sorted(pairs, key=lambda pair: pair[1])])


def _single(value: float) -> float:
    """The value in single precision, which is all that SORT compares."""
    try:
        return float(struct.unpack("f", struct.pack("f", value))[0])
    except OverflowError:
        return math.copysign(math.inf, value)


def _pairs(text: str) -> list[tuple[str, str, str]]:
    return [each.partition(":") for each in text.split(",")]


def sprintf(form: str, values: list[str]) -> str:
    """C's sprintf with texts for values. Raises FunctionError for what cannot be formatted."""
    left = iter(values)

    def value(conversion: str) -> str:
        found = next(left, None)
        if found is None:
            raise FunctionError(f"SPRINTF() has more format specifiers than arguments ('{conversion}')")
        return found

    def write(match: re.Match[str]) -> str:
        flags, width, precision, length, letter = match.groups()
        whole = match.group()
        if letter is None:
            return ""
        if letter == "%":
            return "%"
        if int(width or 0) > MAX_WIDTH or int((precision or ".0")[1:] or 0) > MAX_WIDTH:
            raise FunctionError(f"SPRINTF: '{whole}' is wider than {MAX_WIDTH}")
        shape = "%" + re.sub("['I]", "", flags) + width + (precision or "")
        if letter == "s":
            return (shape + "s") % next(left, "(null)")
        if letter in "diouxXc":
            text = value(whole)
            number = scan_int(text)
            if number is None:
                raise FunctionError(f"Argument '{text}' is not an integer number for format '{whole}'")
            if letter == "c":
                return (shape + "s") % chr(number & 0xFF)
            bits = _BITS.get(length or "", 32)
            number = wrapped(number, bits) if letter in "di" else number & ((1 << bits) - 1)
            if letter == "o" and "#" in flags:
                return (shape.replace("#", "") + "s") % f"0{number:o}"
            return (shape + ("d" if letter in "diu" else letter)) % number
        if letter in "eEfFgGaA":
            text = value(whole)
            real = scan_float(text)
            if real is None:
                raise FunctionError(f"Argument '{text}' is not a floating point number for format '{whole}'")
            if letter in "aA":
                shown = re.sub(r"\.?0+p", "p", real.hex()) if math.isfinite(real) else str(real)
                return (f"%{width}s") % (shown.upper() if letter == "A" else shown)
            return (shape + letter) % real
        raise FunctionError(f"Format type not supported: '{whole}'")

    return _FORMAT.sub(write, form)


class SprintfModule(DialplanModule):
    """SPRINTF."""

    name = "func_sprintf"
    description = "SPRINTF dialplan function"

    @function(
        "SPRINTF",
        "format,arg1[,arg2[,...][,argN]]",
        synopsis="Format a variable according to a format string.",
        description="As sprintf(3).",
    )
    def func_sprintf(self, channel: Channel | None, args: Arguments) -> str:
        form, *values = split_arguments(args.raw, MAX_VALUES + 1) or [""]
        return sprintf(form, values)
