"""Reads Asterisk's .conf language: sections, templates, appends, comments and includes.

The rules are those of Asterisk 22's own reader (main/config.c). What that reader refuses is an error here; what it
passes over with a warning (a line without ``=``, an unknown directive, an overlong line) is a warning here. Beyond it,
NUL bytes and include loops are errors too, and all errors of a file are reported, not the first only.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Generator, Iterator
from pathlib import Path

from pbx.config.errors import MAX_REPORTED_ERRORS, raise_if_any
from pbx.config.includes import expand_pattern, run_program
from pbx.config.lines import BLANKS, MAX_LINE_BYTES, decode_source, live_text, read_source
from pbx.config.model import Config, Include, Item, Section, SourceFile
from pbx.errors import ConfigError
from pbx.stages import at_once

MAX_INCLUDE_LEVEL = 10
"""Files within files, as in Asterisk."""
SLICE_LINES = 500
"""Lines that `read_config` takes at a stretch: a few milliseconds' work."""


def load_config(
    path: Path | str, *, include_root: Path | None = None, exec_allowed: bool = False, keep_sources: bool = False
) -> Config:
    """Read ``path`` with its includes, which are looked up in ``include_root`` (default: the file's own directory).

    ``#exec`` runs programs only with ``exec_allowed`` (asterisk.conf's execincludes). ``keep_sources`` keeps the lines
    as they stand, for `pbx.config.editor`. Raises ConfigErrors with everything that is wrong.
    """
    return at_once(read_config(path, include_root=include_root, exec_allowed=exec_allowed, keep_sources=keep_sources))


def read_config(
    path: Path | str, *, include_root: Path | None = None, exec_allowed: bool = False, keep_sources: bool = False
) -> Generator[None, None, Config]:
    """`load_config` in slices: yields when other work may take its turn, and returns the configuration."""
    path = Path(path)
    reader = _Reader(path, include_root or path.parent, exec_allowed, keep_sources)
    yield from reader.read_file(path, None)
    raise_if_any(reader.errors)
    return reader.config


class _Reader:
    """The state of one load; nested files share it."""

    def __init__(self, path: Path, root: Path, exec_allowed: bool, keep_sources: bool) -> None:
        self.config = Config(path)
        self.root = root
        self.exec_allowed = exec_allowed
        self.keep_sources = keep_sources
        self.errors: list[ConfigError] = []
        self.stack: list[Path] = []
        self.by_name: dict[str, list[Section]] = {}
        # What a file that starts without a header continues; not reset when an included file ends, as in Asterisk.
        self.current: Section | None = None

    def error(self, message: str, path: Path, line: int) -> None:
        self.errors.append(ConfigError(message, path, line))

    def warn(self, message: str, path: Path, line: int) -> None:
        self.config.warnings.append(ConfigError(message, path, line))

    def read_file(self, path: Path, asked: Include | None) -> Iterator[None]:
        """Parse one file into the configuration; ``asked`` is the directive that wanted it."""
        try:
            source = read_source(path)
        except ConfigError as error:
            if asked is not None and error.line is None:
                error = ConfigError(f"#{asked.directive} {path}: {error.message}", asked.path, asked.line)
            self.errors.append(error)
            return
        self.config.stamps[path] = source.stamp
        if self.keep_sources:
            self.config.sources[path] = source
        self.stack.append(path)
        yield from self.parse(source)
        self.stack.pop()

    def parse(self, source: SourceFile) -> Iterator[None]:
        path = source.path
        section = self.current
        depth = opened_at = 0
        stray = False
        for number, text in enumerate(source.lines, 1):
            if not number % SLICE_LINES:
                yield
            if number in source.overlong:
                self.warn(f"more than {MAX_LINE_BYTES} bytes, line ignored", path, number)
                continue
            if depth == 0 and ";" not in text:
                live = text.strip(BLANKS)
            else:
                was = depth
                try:
                    live, depth = live_text(text, depth)
                except ValueError as error:
                    self.error(str(error), path, number)
                    return
                if depth > 0 and not was:
                    opened_at = number
                elif depth < 0 and was >= 0:
                    self.warn("a block comment ends here that never began: nothing more is read", path, number)
            if not live:
                continue
            if live[0] == "[":
                section = self.header(live, path, number)
            elif live[0] == "#":
                yield from self.directive(live, path, number)
            elif section is None:
                if not stray:  # once is enough: what follows, up to a header, is stray as well
                    self.error(f"'{_shown(live)}' stands before any [section]", path, number)
                stray = True
            else:
                self.assignment(live, section, path, number)
            if len(self.errors) >= MAX_REPORTED_ERRORS:
                return
        if depth > 0:
            self.warn("the block comment opened here is never closed", path, opened_at)

    def header(self, live: str, path: Path, number: int) -> Section:
        """``[name]``, ``[name](!)``, ``[name](base,...)``, ``[name](+)``, ``[name](+filter)``."""
        name, bracket, rest = live[1:].partition("]")
        section = Section(name, path, number)
        if not bracket:
            self.error("no closing ']'", path, number)
        if rest.startswith("("):
            options, closing, rest = rest[1:].partition(")")
            if not closing:
                self.error("no closing ')'", path, number)
                options = ""
            for option in options.split(","):
                section = self.header_option(option.strip(BLANKS), section)
        if rest.strip(BLANKS):
            self.warn(f"'{_shown(rest.strip(BLANKS))}' after the section header is ignored", path, number)
        self.current = section
        if section.line == number and section.path is path:
            self.config.everything.append(section)
            self.by_name.setdefault(name.lower(), []).append(section)
        return section

    def header_option(self, option: str, section: Section) -> Section:
        if option == "!":
            section.is_template = True
        elif option.startswith("+"):
            existing = self.find(section, option[1:])
            if existing is None:
                return section
            existing.is_template |= section.is_template
            existing.items += section.items
            existing.bases += section.bases
            existing.continuations.append((section.path, section.line))
            return existing
        elif option:
            bases = self.by_name.get(option.lower())
            if not bases:
                self.errors.append(
                    section.error(f"[{section.name}] inherits from '{option}', which is not defined above")
                )
                return section
            section.bases.append(bases[0])
            section.items += bases[0].items
        return section

    def find(self, section: Section, conditions: str) -> Section | None:
        """The section that ``[name](+conditions)`` adds to; None, with an error noted, when there is none."""
        try:
            for candidate in self.by_name.get(section.name.lower(), ()):
                if _matches(candidate, conditions, section):
                    return candidate
        except ConfigError as error:
            self.errors.append(error)
            return None
        suffix = f" with {conditions}" if conditions else ""
        self.errors.append(section.error(f"[{section.name}](+) adds to a section that does not exist{suffix}"))
        return None

    def assignment(self, live: str, section: Section, path: Path, number: int) -> None:
        """``key = value``, ``key => value`` or ``key += value``; a leading backslash makes ``[`` and ``#`` plain."""
        escaped = live[0] == "\\"
        if escaped:
            live = live[1:]
            if not live or live[0] in BLANKS:
                self.error("a backslash before nothing", path, number)
                return
        at = live.find("=", 1 if escaped else 0)
        if at < 0:
            self.warn(f"no '=' in '{_shown(live)}', line ignored", path, number)
            return
        key, value = live[:at], live[at + 1 :]
        is_object = False
        if key.endswith("+") and at > (1 if escaped else 0):
            key = key[:-1].strip(BLANKS)
            if self.append_value(section, key, value, path, number):
                return
        elif value.startswith(">"):
            is_object, value = True, value[1:]
        key = key.strip(BLANKS)
        if not key:
            self.warn("a value without a name, line ignored", path, number)
            return
        section.items.append(Item(sys.intern(key), value.strip(BLANKS), path, number, section, is_object))

    def append_value(self, section: Section, key: str, value: str, path: Path, number: int) -> bool:
        """``key += value`` lengthens the last value of that very name; False when there is none yet.

        Of several that say the same the first is replaced, as Asterisk looks for the value (in any case) again.
        """
        items = section.items
        last = next((item for item in reversed(items) if item.key == key), None)
        if last is None:
            return False
        index = next(index for index, item in enumerate(items) if _is_same(item, last))
        longer = Item(key, (last.value + value).strip(BLANKS), path, number, section, items[index].is_object)
        longer.previous = items[index]
        items[index] = longer
        return True

    def directive(self, live: str, path: Path, number: int) -> Iterator[None]:
        """``#include``, ``#tryinclude`` and ``#exec``."""
        word, argument = _split_word(live[1:])
        word = word.lower()
        if word not in ("include", "tryinclude", "exec"):
            self.warn(f"unknown directive '#{_shown(word)}' ignored", path, number)
            return
        argument = _unquote(argument)
        if not argument:
            self.warn(f"'#{word}' without a name is ignored", path, number)
            return
        include = Include(path, number, word, argument)
        self.config.includes.append(include)
        if len(self.stack) > MAX_INCLUDE_LEVEL:
            self.error(f"files include each other more than {MAX_INCLUDE_LEVEL} deep", path, number)
        elif word == "exec":
            yield from self.execute(include)
        else:
            yield from self.include(include)

    def include(self, include: Include) -> Iterator[None]:
        include.files = expand_pattern(include.pattern, self.root)
        if not include.files and include.directive == "include":
            self.error(f"#include: there is no '{include.pattern}'", include.path, include.line)
        for file in include.files:
            if file in self.stack:
                chain = " -> ".join(str(each) for each in (*self.stack[self.stack.index(file) :], file))
                self.error(f"include loop: {chain}", include.path, include.line)
            else:
                yield from self.read_file(file, include)

    def execute(self, include: Include) -> Iterator[None]:
        if not self.exec_allowed:
            self.warn("#exec is ignored: execincludes is off in asterisk.conf", include.path, include.line)
            return
        try:
            output = run_program(include.pattern)
            self.stack.append(Path(f"#exec {include.pattern}"))
            yield from self.parse(decode_source(self.stack[-1], output))
            self.stack.pop()
        except ConfigError as error:
            self.error(f"#exec {include.pattern}: {error.message}", include.path, include.line)


def _is_same(item: Item, wanted: Item) -> bool:
    """Whether ast_variable_update takes ``item`` for the one with ``wanted``'s name and value."""
    same_name = item.key.lower() == wanted.key.lower()
    return same_name and (not wanted.value or item.value.lower() == wanted.value.lower())


def _matches(section: Section, conditions: str, asked: Section) -> bool:
    """Asterisk's category filter: ``name=value`` regular expressions joined by ``&``; TEMPLATES=include|restrict."""
    if not conditions:
        return not section.is_template
    template_ok = not section.is_template
    for condition in conditions.split("&"):
        name, equals, value = (part.strip(BLANKS) for part in condition.partition("="))
        if not equals:
            return False
        if name == "TEMPLATES":
            if value.lower() == "restrict" and not section.is_template:
                return False
            template_ok = template_ok or value.lower() in ("include", "restrict")
            continue
        try:
            name_re, value_re = re.compile(name), re.compile(value)
        except re.error as error:
            raise asked.error(f"bad expression '{condition}': {error}") from error
        if not any(name_re.search(item.key) and value_re.search(item.value) for item in section.items):
            return False
    return template_ok


def _split_word(text: str) -> tuple[str, str]:
    for index, character in enumerate(text):
        if character in BLANKS:
            return text[:index], text[index:].strip(BLANKS)
    return text, ""


def _unquote(text: str) -> str:
    closing = {'"': '"', "<": ">"}.get(text[:1])
    if closing is not None and len(text) > 1 and text.endswith(closing):
        return text[1:-1]
    return text


def _shown(text: str) -> str:
    """Text of a file fit for a message: short and printable."""
    cut = text if len(text) <= 40 else text[:40] + "..."
    return "".join(character if character.isprintable() else "?" for character in cut)
