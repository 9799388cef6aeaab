"""How applications and functions take their arguments apart: Asterisk's comma rules and option letters."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from twisted.logger import Logger

from pbx.errors import ObeliskError

log = Logger()

#: Arguments one call may have; more than any application knows.
MAX_ARGUMENTS = 64


class ArgumentError(ObeliskError):
    """An application or function was called wrongly; the text names it and says how."""


def split_arguments(text: str, limit: int = MAX_ARGUMENTS, delimiter: str = ",", *, raw: bool = False) -> list[str]:
    """Split as AST_STANDARD_APP_ARGS does (``__ast_app_separate_args``).

    A delimiter inside parentheses, brackets or double quotes does not split; quotes are removed, and so is a backslash
    before any character, which it protects; with ``raw`` both stay, as by AST_STANDARD_RAW_ARGS. The argument number
    ``limit`` is the rest as it stands, quotes, backslashes and all.
    """
    if not text:
        return []
    if '"' not in text and "\\" not in text and "(" not in text and "[" not in text:
        return text.split(delimiter, limit - 1)
    found: list[str] = []
    current: list[str] = []
    parentheses = brackets = 0
    quoted = False
    at, length = 0, len(text)
    while at < length:
        if len(found) == limit - 1:
            found.append(text[at:])
            return found
        character = text[at]
        if character == "\\":
            if raw:
                current.append(character)
            at += 1
            if at < length:
                current.append(text[at])
        elif character == '"':
            if raw:
                current.append(character)
            quoted = not quoted
        elif character == delimiter and not (parentheses or brackets or quoted):
            found.append("".join(current))
            current = []
        else:
            if character == "(":
                parentheses += 1
            elif character == ")":
                parentheses = max(0, parentheses - 1)
            elif character == "[":
                brackets += 1
            elif character == "]":
                brackets = max(0, brackets - 1)
            current.append(character)
        at += 1
    found.append("".join(current))
    return found


def split_quoted(text: str, separator: str) -> list[str]:
    """The parts of ``one&two`` as ``ast_strsep`` finds them: at least one, and empty ones too.

    Single and double quotes, also one kind inside the other, keep what is between them together, and a backslash what
    follows it; both stay.
    """
    found: list[str] = []
    open_quotes: list[str] = []
    start = at = 0
    while at < len(text):
        character = text[at]
        if character == "\\":
            at += 2
            continue
        if character in "'\"":
            if open_quotes and open_quotes[-1] == character:
                open_quotes.pop()
            else:
                open_quotes.append(character)
        elif character == separator and not open_quotes:
            found.append(text[start:at])
            start = at + 1
        at += 1
    found.append(text[start:])
    return found


def join_arguments(arguments: Iterable[str | None]) -> str:
    """The inverse without quoting: what a Lua call does."""
    return ",".join("" if each is None else each for each in arguments)


class Options:
    """The option letters of one call. ``"t" in options`` asks for a letter, `argument` for what stood behind it."""

    __slots__ = ("_letters", "problem", "unknown")

    def __init__(self, letters: Mapping[str, str | None], unknown: tuple[str, ...] = (), problem: str = "") -> None:
        self._letters = letters
        #: Letters the application does not know.
        self.unknown = unknown
        #: A parenthesis that is not closed: what stands from its letter on does not count.
        self.problem = problem

    def __contains__(self, letter: object) -> bool:
        return letter in self._letters

    def __bool__(self) -> bool:
        return bool(self._letters)

    def argument(self, letter: str) -> str | None:
        """The text in parentheses behind the letter; None when the letter is absent or stood alone."""
        return self._letters.get(letter)

    def __repr__(self) -> str:
        return f"Options({dict(self._letters)!r})"


NO_OPTIONS = Options({})


def parse_options(text: str, known: str | Iterable[str]) -> Options:
    """Option letters with arguments in parentheses (``ast_app_parse_options``).

    ``known`` holds the letters the application has. Raises nothing: see `Options.problem`.
    """
    letters: dict[str, str | None] = {}
    unknown: list[str] = []
    at, length = 0, len(text)
    while at < length:
        letter = text[at]
        at += 1
        argument: str | None = None
        if at < length and text[at] == "(":
            end, argument = _option_argument(text, at + 1)
            if end < 0:
                problem = f"Missing closing parenthesis for argument '{letter}' in string '{text[at + 1 :]}'"
                return Options(letters, tuple(unknown), problem)
            at = end
        if letter in known:
            letters[letter] = argument
        elif not letter.isspace():
            unknown.append(letter)
    return Options(letters, tuple(unknown))


def _option_argument(text: str, start: int) -> tuple[int, str]:
    """The index behind the closing parenthesis, or -1, and the argument.

    Parentheses inside it are counted. An argument that begins with a double quote may hold others between quotes, which
    are removed; a backslash protects what follows it, and between quotes only a quote.
    """
    quotes, quoted, depth = text.startswith('"', start), False, 1
    kept: list[str] = []
    at = start
    while at < len(text):
        character = text[at]
        at += 1
        if character == '"' and quotes:
            quoted = not quoted
            continue
        if character == "\\":
            if quoted and not text.startswith('"', at):
                kept.append(character)
            kept.append(text[at : at + 1])
            at += 1
            continue
        if not quoted:
            depth += (character == "(") - (character == ")")
            if not depth:
                return at, "".join(kept)
        kept.append(character)
    return -1, ""


class Grammar:
    """The argument names of an application or function, from its synopsis form ``filenames[,options[,context]]``."""

    __slots__ = ("index", "letters", "names", "options", "text")

    def __init__(self, text: str, options: str = "", delimiter: str = ",") -> None:
        self.text = text
        self.names = tuple(
            name for part in re.sub(r"[\[\]\s]|\.\.\.", "", text).split(delimiter) if (name := part.strip())
        )
        self.index = {name: number for number, name in enumerate(self.names)}
        #: Each option as documented: ``("t", "L(x[:y][:z])", ...)``.
        self.options = tuple(option for option in options.split(";") if option)
        self.letters = frozenset(option[0] for option in self.options if len(option) == 1 or option[1] == "(")


class Arguments:
    """One call's arguments, taken apart when first looked at; ``raw`` is the text as given."""

    __slots__ = ("_grammar", "_options", "_parts", "raw")

    def __init__(self, grammar: Grammar, raw: str) -> None:
        self._grammar = grammar
        self.raw = raw
        self._parts: list[str] | None = None
        self._options: Options | None = None

    @property
    def parts(self) -> list[str]:
        """The arguments in order; the last keeps what the grammar has no name for."""
        parts = self._parts
        if parts is None:
            parts = self._parts = split_arguments(self.raw, len(self._grammar.names) or 1)
        return parts

    def __getitem__(self, name: str) -> str:
        """An argument by its name in the grammar; empty when it was not given."""
        parts = self.parts
        number = self._grammar.index[name]
        return parts[number] if number < len(parts) else ""

    def __len__(self) -> int:
        return len(self.parts)

    @property
    def options(self) -> Options:
        """The ``options`` argument, parsed. What is wrong with it is logged; few applications refuse it therefore."""
        options = self._options
        if options is None:
            text = self["options"]
            options = self._options = parse_options(text, self._grammar.letters) if text else NO_OPTIONS
            for letter in options.unknown:
                log.warn("Unrecognized option: '{letter}'", letter=letter)
            if options.problem:
                log.warn("{problem}", problem=options.problem)
        return options
