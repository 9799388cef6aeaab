"""Typed options: a frozen dataclass declares an object's options, and is read from a section in one pass.

    @dataclass(frozen=True, slots=True)
    class Aor(ConfigObject):
        type_name: ClassVar[str] = "aor"
        max_contacts: int = option(types.integer(0, 65535), 0, help="contacts that may register")

Every wrong line of a section is reported, each with its file and line, and unknown words with the nearest known one.
"""

from __future__ import annotations

import difflib
import os
import re
from dataclasses import dataclass, field, fields
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar, cast

from typing_extensions import Self

from pbx.config.errors import raise_if_any
from pbx.config.model import Item, Section
from pbx.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from pbx.config.types import AnyValueType, ValueType

T = TypeVar("T")
O = TypeVar("O", bound="ConfigObject")
Pair = tuple[str, str]

_METADATA_KEY = "option"
MEMO_SIZE = 4096
_ENVIRONMENT = re.compile(r"\$\{ENV:([A-Za-z_][A-Za-z0-9_]*)\}")


class OptionError(ValueError):
    """A value that is wrong in company of others; raised by `ConfigObject.applied`. ``option`` is the word at fault."""

    def __init__(self, option: str, message: str) -> None:
        self.option = option
        self.message = message
        super().__init__(f"{option}: {message}")


@dataclass(frozen=True, slots=True)
class Source:
    """Where an object was written."""

    path: Path
    line: int


@dataclass(frozen=True, slots=True)
class ConfigObject:
    """Base of every object with options: compared by value, changed with `dataclasses.replace`.

    Subclasses are decorated ``@dataclass(frozen=True, slots=True)`` and use no zero-argument ``super()``.
    """

    type_name: ClassVar[str] = ""

    id: str = ""
    source: Source | None = field(default=None, compare=False, repr=False, kw_only=True)

    def applied(self) -> Self:
        """The object as it shall be kept, after all options are read. Raises OptionError or ValueError."""
        return self


@dataclass(frozen=True, slots=True)
class Option:
    """An option of a schema. ``words`` are its names, the first the one to write; ``attribute`` is the field."""

    attribute: str
    words: tuple[str, ...]
    value_type: AnyValueType
    default: Any
    help: str
    aliases: tuple[str, ...] = ()
    deprecated: tuple[str, ...] = ()
    prefix: str = ""
    secret: bool = False
    hidden: bool = False

    @property
    def name(self) -> str:
        return self.words[0]

    @property
    def type_name(self) -> str:
        return self.value_type.name


def option(
    value_type: ValueType[T],
    default: T,
    *,
    help: str,  # noqa: A002 - the word for it
    name: str | None = None,
    names: tuple[str, ...] = (),
    aliases: tuple[str, ...] = (),
    deprecated: tuple[str, ...] = (),
    prefix: str = "",
    secret: bool = False,
    hidden: bool = False,
) -> T:
    """Declare a field as an option. Its word is the field's name unless ``name`` (or ``names``, several) is given.

    ``aliases`` are other accepted spellings, ``deprecated`` ones are accepted with a warning. ``prefix`` takes every
    option that begins so. A ``secret`` is left out of repr and may be written ``${ENV:NAME}``; a ``hidden`` option is
    not documented.
    """
    words = names or ((name,) if name else ())
    settings = Option("", words, value_type, default, help, aliases, deprecated, prefix, secret, hidden)
    declared: Any = field(default=default, repr=not secret, metadata={_METADATA_KEY: settings})
    return cast("T", declared)


class Schema(Generic[O]):
    """The options of one class. Obtain it with `schema_of`."""

    def __init__(self, kind: type[O]) -> None:
        self.kind = kind
        self.options: dict[str, Option] = {}
        self._by_word: dict[str, tuple[Option, str]] = {}
        self._prefixes: list[Option] = []
        self._memo: dict[Pair, Any] = {}
        for each in fields(kind):
            declared = each.metadata.get(_METADATA_KEY)
            if declared is not None:
                self._add(each.name, declared)
        self._has_applied = kind.applied is not ConfigObject.applied

    def _add(self, attribute: str, declared: Option) -> None:
        words = declared.words or (attribute,)
        complete = Option(
            attribute, words, declared.value_type, declared.default, declared.help, declared.aliases,
            declared.deprecated, declared.prefix, declared.secret, declared.hidden,
        )  # fmt: skip
        self.options[words[0]] = complete
        if complete.prefix:
            self._prefixes.append(complete)
            return
        for word in words:
            self._by_word[word.lower()] = (complete, word)
        for alias in (*complete.aliases, *complete.deprecated):
            # An alias of a two-word option (allow, disallow) stands for the first; prefer one that ends alike.
            word = next((known for known in words if alias.lower().endswith(known.lower())), words[0])
            self._by_word[alias.lower()] = (complete, word)

    def find(self, word: str) -> Option | None:
        """The option that ``word`` names in any letter case, by alias or prefix too."""
        found = self._find(word)
        return None if found is None else found[0]

    def _find(self, word: str) -> tuple[Option, str] | None:
        lower = word.lower()
        found = self._by_word.get(lower)
        if found is None:
            for each in self._prefixes:
                if lower.startswith(each.prefix.lower()):
                    return each, word
        return found

    def build(
        self,
        id: str,  # noqa: A002 - the field's name
        values: Section | Iterable[Item | Pair],
        *,
        ignore: frozenset[str] = frozenset(),
        warnings: list[ConfigError] | None = None,
    ) -> O:
        """An object from a section or from (word, text) pairs. Raises ConfigErrors with everything that is wrong.

        Words in ``ignore`` (lower case) are passed over. Uses of deprecated words are added to ``warnings``.
        """
        section = values if isinstance(values, Section) else None
        items = values.items if isinstance(values, Section) else list(values)
        found: dict[str, Any] = {}
        errors: list[ConfigError] = []
        for item in items:
            word, text = (item.key, item.value) if isinstance(item, Item) else item
            known = self._find(word)
            if known is None:
                if word.lower() not in ignore:
                    errors.append(_place(item, section, self._unknown(word)))
                continue
            each, canonical = known
            try:
                self._take(each, canonical, text, found, trusted=section is not None)
            except ValueError as error:
                errors.append(_place(item, section, f"{word}: {error}{_quoted(text, each, str(error))}"))
            if each.deprecated and warnings is not None and word.lower() in each.deprecated:
                warnings.append(_place(item, section, f"option '{word}' is deprecated, write '{canonical}'"))
        raise_if_any(errors)
        source = None if section is None else Source(section.path, section.line)
        built = self.kind(id, source=source, **found)
        return self._apply(built, items, section) if self._has_applied else built

    def _take(self, each: Option, word: str, text: str, found: dict[str, Any], *, trusted: bool) -> None:
        """Read one value into ``found``. Only files (``trusted``) may look into the environment."""
        if each.secret and trusted and "${" in text:
            text = _from_environment(text)
        fold = each.value_type.fold
        if fold is not None:
            found[each.attribute] = fold(found.get(each.attribute, each.default), word, text)
            return
        memo_key = (word, text)
        if memo_key in self._memo:
            found[each.attribute] = self._memo[memo_key]
            return
        value = found[each.attribute] = each.value_type.parse(text)
        if not each.secret:
            if len(self._memo) >= MEMO_SIZE:
                self._memo.clear()
            self._memo[memo_key] = value

    def _apply(self, built: O, items: Iterable[Item | Pair], section: Section | None) -> O:
        try:
            return built.applied()
        except OptionError as error:
            at: Item | Pair | None = None
            for item in items:
                word = item.key if isinstance(item, Item) else item[0]
                known = self._find(word)
                if known is not None and error.option.lower() in (known[1].lower(), known[0].attribute):
                    at = item
            raise_if_any([_place(at, section, str(error))])
            raise
        except ValueError as error:
            raise_if_any([_place(None, section, str(error))])
            raise

    def _unknown(self, word: str) -> str:
        near = difflib.get_close_matches(word.lower(), self._by_word, 1, 0.7)
        hint = f" (did you mean '{self._by_word[near[0]][1]}'?)" if near else ""
        of = f" of type '{self.kind.type_name}'" if self.kind.type_name else ""
        return f"unknown option '{word}'{of}{hint}"

    def fields(self, built: O) -> list[Pair]:
        """The object as (option, text), every option, in the order declared. Secrets are included."""
        pairs: list[Pair] = []
        for each in self.options.values():
            value = getattr(built, each.attribute)
            if each.value_type.unfold is not None:
                pairs += each.value_type.unfold(value, each.words)
            else:
                pairs.append((each.words[0], each.value_type.format(value)))
        return pairs

    def changes(self, built: O) -> list[Pair]:
        """As `fields`, without the options that are at their defaults."""
        pairs: list[Pair] = []
        for each in self.options.values():
            value = getattr(built, each.attribute)
            if value == each.default:
                continue
            if each.value_type.unfold is not None:
                pairs += each.value_type.unfold(value, each.words)
            else:
                pairs.append((each.words[0], each.value_type.format(value)))
        return pairs

    def __iter__(self) -> Iterator[Option]:
        return iter(self.options.values())


_made: Any = cache(Schema)


def schema_of(kind: type[O]) -> Schema[O]:
    """The schema of a class, made once."""
    return cast("Schema[O]", _made(kind))


def parse_section(kind: type[O], section: Section | None, *, ignore: frozenset[str] = frozenset()) -> O:
    """An object from one section, such as rtp.conf's ``[general]``; None gives the defaults. Raises ConfigErrors."""
    return schema_of(kind).build("" if section is None else section.name, section or (), ignore=ignore)


def _place(item: Item | Pair | None, section: Section | None, message: str) -> ConfigError:
    if isinstance(item, Item):
        where = f"[{section.name}] " if section is not None else ""
        return item.error(where + message)
    return ConfigError(message) if section is None else section.error(f"[{section.name}] {message}")


def _quoted(text: str, each: Option, reason: str) -> str:
    if each.secret or not reason.startswith("must "):
        return ""
    return f", not '{text}'" if len(text) <= 60 else f", not '{text[:60]}...'"


def _from_environment(text: str) -> str:
    def value(match: re.Match[str]) -> str:
        found = os.environ.get(match[1])
        if found is None:
            raise ValueError(f"the environment has no variable {match[1]}")
        return found

    return _ENVIRONMENT.sub(value, text)
