"""func_strings: functions of a text."""

from __future__ import annotations

from twisted.logger import Logger

from dialplan.arguments import ArgumentError, Arguments, split_arguments
from dialplan.engine import Engine
from dialplan.functions.base import (
    FunctionModule,
    Reading,
    decoded,
    encoded_character,
    matcher,
    narrow,
    scan_int,
    then,
    widen,
)
from dialplan.functions.hashes import HashFunctions
from dialplan.functions.lists import ListFunctions
from dialplan.functions.times import TimeFunctions
from dialplan.registry import SYSTEM, FunctionError, function
from pbx.core.channel import Channel

log = Logger()

_SPACE = " \t\n\v\f\r"
_UPPER = {code: code - 32 for code in range(ord("a"), ord("z") + 1)}
_LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}
_KEYS = ("0", "1", "2ABC", "3DEF", "4GHI", "5JKL", "6MNO", "7PQRS", "8TUV", "9WXYZ")
_KEYPAD: dict[str, str] = {letter: keys[0] for keys in _KEYS for letter in (*keys, *keys.lower())}


class StringsModule(ListFunctions, HashFunctions, TimeFunctions, FunctionModule):
    """String functions."""

    name = "func_strings"
    description = "String handling dialplan functions"

    @function(
        "EVAL",
        "variable",
        synopsis="Evaluate stored variables.",
        description="Its argument has been substituted once; what comes of that is substituted again.",
        see_also=("EVAL_EXTEN", "EVAL_SUB"),
        capability=SYSTEM,
    )
    def func_eval(self, channel: Channel | None, args: Arguments) -> Reading:
        if not args.raw:
            raise ArgumentError("EVAL requires an argument: EVAL(<string>)")
        return self.server.require(Engine).substitute(channel, args.raw)

    @function("LEN", "string", synopsis="Return the length of the string given.", description="In bytes.")
    def func_len(self, channel: Channel | None, args: Arguments) -> str:
        return str(len(args.raw.encode("utf-8", "surrogateescape")))

    @function("TOUPPER", "string", synopsis="Convert string to all uppercase letters.", description="A to Z only.")
    def func_toupper(self, channel: Channel | None, args: Arguments) -> str:
        return args.raw.translate(_UPPER)

    @function("TOLOWER", "string", synopsis="Convert string to all lowercase letters.", description="A to Z only.")
    def func_tolower(self, channel: Channel | None, args: Arguments) -> str:
        return args.raw.translate(_LOWER)

    @function("TRIM", "string", synopsis="Trim leading and trailing whitespace in a string.")
    def func_trim(self, channel: Channel | None, args: Arguments) -> str:
        return args.raw.strip(_SPACE)

    @function("LTRIM", "string", synopsis="Trim leading whitespace in a string.")
    def func_ltrim(self, channel: Channel | None, args: Arguments) -> str:
        return args.raw.lstrip(_SPACE)

    @function("RTRIM", "string", synopsis="Trim trailing whitespace in a string.")
    def func_rtrim(self, channel: Channel | None, args: Arguments) -> str:
        # Of white space alone the first character stays, as in Asterisk.
        return args.raw.rstrip(_SPACE) or args.raw[:1]

    @function("PASSTHRU", "[string]", synopsis="Pass the given argument back as a value.")
    def func_passthru(self, channel: Channel | None, args: Arguments) -> str:
        return args.raw

    @function(
        "QUOTE",
        "string",
        synopsis="Quotes a given string, escaping embedded quotes as necessary.",
        description="Backslashes and double quotes get a backslash before them.",
    )
    def func_quote(self, channel: Channel | None, args: Arguments) -> str:
        return '"{}"'.format(args.raw.replace("\\", "\\\\").replace('"', '\\"'))

    @function(
        "CSV_QUOTE",
        "string",
        synopsis="Quotes a given string for use in a CSV file, escaping embedded quotes as necessary.",
        description="Double quotes are doubled.",
    )
    def func_csv_quote(self, channel: Channel | None, args: Arguments) -> str:
        return '"{}"'.format(args.raw.replace('"', '""'))

    @function(
        "KEYPADHASH",
        "string",
        synopsis="Hash the letters in string into equivalent keypad numbers.",
        description="What is neither letter nor digit is left out.",
    )
    def func_keypadhash(self, channel: Channel | None, args: Arguments) -> str:
        return "".join([_KEYPAD.get(character, "") for character in args.raw])

    @function(
        "FILTER",
        "allowed-chars,string",
        synopsis="Filter the string to include only the allowed characters.",
        description="Ranges as in a-z; \\- for a hyphen, \\x41 for a character by its code.",
    )
    def func_filter(self, channel: Channel | None, args: Arguments) -> str:
        parts = split_arguments(args.raw, 2, raw=True)
        if len(parts) < 2:
            raise ArgumentError("Usage: FILTER(<allowed-chars>,<string>)")
        allowed, text = parts
        if allowed.startswith('"'):
            log.warn('FILTER: the allowed characters include the quote ("); that may not be what you want')
        members = allowed_characters(narrow(allowed))
        return widen("".join([character for character in narrow(text) if character in members]))

    @function(
        "REGEX",
        '"regular expression" string',
        synopsis="Check string against a regular expression.",
        description="1 when the POSIX extended expression matches somewhere in the string, otherwise 0.",
    )
    def func_regex(self, channel: Channel | None, args: Arguments) -> str:
        parts = split_quoted(args.raw)
        if len(parts) != 3:
            raise ArgumentError("Unexpected arguments: should have been in the form '\"<regex>\" <string>'")
        text = parts[2][1:] if parts[2][:1] in (" ", "\t") else parts[2]
        return str(int(matcher(parts[1])(text)))

    @function(
        "REPLACE",
        "varname,find-chars[,replace-char]",
        synopsis="Replace a set of characters in a given string with another character.",
        description="In the value of a variable; without replace-char they are taken out.",
    )
    def func_replace(self, channel: Channel | None, args: Arguments) -> Reading:
        if len(args) < 2:
            raise ArgumentError("Usage: REPLACE(<varname>,<search-chars>[,<replace-char>])")
        find, name = decoded(args["find-chars"]), args["varname"]
        if not find or not name:
            raise ArgumentError("REPLACE: the characters to search for and the variable name must not be empty")
        find, by = narrow(find), encoded_character(narrow(args["replace-char"]))[0]

        def replace(value: str) -> str:
            return widen("".join([by if character in find else character for character in narrow(value)]))

        return then(self.value_of(channel, name), replace)

    @function(
        "STRREPLACE",
        "varname,find-string[,replace-string[,max-replacements]]",
        synopsis="Replace instances of a substring within a string with another string.",
        description="In the value of a variable; all of them unless max-replacements says how many.",
    )
    def func_strreplace(self, channel: Channel | None, args: Arguments) -> Reading:
        name, find = args["varname"], args["find-string"]
        if not name or not find:
            raise ArgumentError("Usage: STRREPLACE(<varname>,<find-string>[,<replace-string>,[<max-replacements>]])")
        limit = scan_int(args["max-replacements"]) or 0
        by = args["replace-string"]
        return then(self.value_of(channel, name), lambda value: value.replace(find, by, limit if limit > 0 else -1))

    @function(
        "STRBETWEEN",
        "varname,insert-string",
        synopsis="Inserts a substring between each character in a string.",
        description="The string is the value of a variable.",
    )
    def func_strbetween(self, channel: Channel | None, args: Arguments) -> Reading:
        parts = split_arguments(args.raw, 3)
        if len(parts) != 2 or not parts[0]:
            raise ArgumentError("Usage: STRBETWEEN(<varname>,<insert-string>)")
        between = narrow(parts[1])
        return then(self.value_of(channel, parts[0]), lambda value: widen(between.join(narrow(value))))


def split_quoted(text: str) -> list[str]:
    """Split at double quotes into at most three parts; a backslash protects what follows it and goes."""
    found: list[str] = []
    current: list[str] = []
    at = 0
    while at < len(text):
        if text[at] == "\\" and at + 1 < len(text):
            current.append(text[at + 1])
            at += 2
            continue
        if text[at] == '"' and len(found) < 2:
            found.append("".join(current))
            current = []
        else:
            current.append(text[at])
        at += 1
    return [*found, "".join(current)]


def allowed_characters(text: str) -> frozenset[str]:
    """The bytes FILTER's first argument stands for. A range that runs backwards wraps around at code 255."""
    members: set[str] = set()
    at = 0
    while at < len(text):
        first, at = encoded_character(text, at)
        if at < len(text) and text[at] == "-":
            try:
                last, at = encoded_character(text, at + 1)
            except FunctionError:
                # What is behind the hyphen cannot be read: the range ends where it begins.
                last, at = first, at + 3
            low, high = ord(first), ord(last or first)
            if low <= high:
                members.update(map(chr, range(low, high + 1)))
            else:
                log.warn(
                    "FILTER: the range {first}-{last} wraps around; is that meant?",
                    first=first,
                    last=last,
                )
                members.update(map(chr, (*range(low, 256), *range(1, high + 1))))
        else:
            members.add(first)
    return frozenset(members)
