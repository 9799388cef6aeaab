"""Changes configuration files and leaves alone whatever was not changed: comments, order, blank lines, spacing.

The editor works on a `Config` read with its sources. Each change is made in the file where the text stands, included
files too, and in the model, so that changes can follow one another; `ConfigEditor.save` writes the files concerned.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pbx.config.atomic import write_atomically
from pbx.config.lines import BLANKS, MAX_LINE_BYTES, escape, live_spans
from pbx.config.model import Config, Item, Section, SourceFile
from pbx.config.reader import load_config
from pbx.errors import ObeliskError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

_FORBIDDEN = frozenset("\0\n\r")


class EditError(ObeliskError):
    """A change that cannot be made: nothing there to change, or a text that the language cannot hold."""


class _Line:
    """A line of a file while it is edited. ``depth`` is how many block comments are open before it."""

    __slots__ = ("depth", "latin1", "text")

    def __init__(self, text: str, depth: int = 0, latin1: bool = False) -> None:
        self.text = text
        self.depth = depth
        self.latin1 = latin1

    @property
    def depth_after(self) -> int:
        return live_spans(self.text, self.depth)[1]

    @property
    def starts_something(self) -> bool:
        """Whether the line is a header or a directive."""
        spans, _ = live_spans(self.text, self.depth)
        live = "".join(self.text[start:end] for start, end in spans).strip(BLANKS)
        return live.startswith(("[", "#"))

    def replace_live(self, new: str) -> None:
        """Put ``new`` in the place of the live text; comments and indentation stay."""
        spans, _ = live_spans(self.text, self.depth)
        text = self.text
        for start, end in reversed(spans[1:]):
            text = text[:start] + text[start:end][len(text[start:end].rstrip("\r\n")) :] + text[end:]
        start, end = spans[0]
        live = text[start:end]
        blank_before = live[: len(live) - len(live.lstrip(BLANKS))] if live.strip(BLANKS) else ""
        blank_after = live[len(live.rstrip(BLANKS)) :]
        if new.endswith("\\") and not blank_after and text[end:].startswith(";"):
            blank_after = " "
        self.text = text[:start] + blank_before + new + blank_after + text[end:]

    def encoded(self) -> bytes:
        if self.latin1:
            try:
                return self.text.encode("latin-1")
            except UnicodeEncodeError:
                return self.text.encode()
        return self.text.encode()


class _File:
    """A file while it is edited."""

    def __init__(self, source: SourceFile) -> None:
        self.path = source.path
        self.has_bom = source.has_bom
        self.changed = False
        self.lines: list[_Line] = []
        depth = 0
        for number, text in enumerate(source.lines, 1):
            self.lines.append(_Line(text, depth, number in source.latin1))
            if depth or ";" in text:
                depth = live_spans(text, depth)[1]
        self.newline = "\r\n" if source.lines and source.lines[0].endswith("\r\n") else "\n"

    def insert_after(self, anchor: _Line | None, text: str) -> _Line:
        """A new line after ``anchor`` (at the end for None), and after the block comments that are open there."""
        at = len(self.lines) if anchor is None else self.lines.index(anchor) + 1
        while 0 < at < len(self.lines) and self.lines[at].depth:
            at += 1
        if at and at == len(self.lines) and self.lines[-1].depth_after:
            raise EditError(f"{self.path} ends within a block comment")
        if at and not self.lines[at - 1].text.endswith("\n"):
            self.lines[at - 1].text += self.newline
        line = _Line(text + self.newline)
        self.lines.insert(at, line)
        self.changed = True
        return line

    def insert_before(self, anchor: _Line, text: str) -> _Line:
        line = _Line(text + self.newline)
        self.lines.insert(self.lines.index(anchor), line)
        self.changed = True
        return line

    def remove(self, line: _Line) -> None:
        """Take a line out; where a block comment begins or ends on it, only its live text goes."""
        if line.depth or line.depth_after:
            if live_spans(line.text, line.depth)[0]:
                line.replace_live("")
        else:
            self.lines.remove(line)
        self.changed = True

    def encoded(self) -> bytes:
        return (b"\xef\xbb\xbf" if self.has_bom else b"") + b"".join([line.encoded() for line in self.lines])


class ConfigEditor:
    """Edits one configuration with its includes. Sections and items are those of `config`."""

    def __init__(self, config: Config) -> None:
        """``config`` was read with ``keep_sources``; `open` does so."""
        self.config = config
        self._files = {each: _File(source) for each, source in self.config.sources.items()}
        self._where: dict[int, tuple[_File, _Line]] = {}
        self._continued: dict[int, list[tuple[_File, _Line]]] = {}
        for section in self.config.everything:
            self._continued[id(section)] = [
                (self._files[path], self._files[path].lines[number - 1])
                for path, number in section.continuations
                if path in self._files
            ]
            self._note(section, section.path, section.line)
            for item in section.items:
                each: Item | None = item
                while each is not None and each.owner is section:
                    self._note(each, each.path, each.line)
                    each = each.previous

    def _note(self, thing: Section | Item, path: Path, line: int) -> None:
        file = self._files.get(path)
        if file is not None:
            self._where[id(thing)] = (file, file.lines[line - 1])

    def _place(self, thing: Section | Item) -> tuple[_File, _Line]:
        try:
            return self._where[id(thing)]
        except KeyError:
            raise EditError(f"{thing.path}: written by a program, cannot be changed") from None

    @classmethod
    def open(cls, path: Path, *, include_root: Path | None = None, exec_allowed: bool = False) -> ConfigEditor:
        """Reads ``path`` as `load_config` does, and raises what it raises; a file that is not there yet is empty."""
        if not path.exists():
            return cls(Config(path, sources={path: SourceFile(path, [])}))
        return cls(load_config(path, include_root=include_root, exec_allowed=exec_allowed, keep_sources=True))

    # Sections

    def section(self, name: str, *, template: bool | None = None) -> Section:
        """The first section of that name. Raises EditError when there is none."""
        for section in self.config.everything:
            if section.name.lower() == name.lower() and (template is None or section.is_template is template):
                return section
        raise EditError(f"there is no section [{name}]")

    def new_section(
        self, name: str, *, bases: Sequence[str] = (), is_template: bool = False, allow_duplicate: bool = False
    ) -> Section:
        """Add a section at the end of the main file. Raises EditError when it exists or a base does not."""
        _check_name(name)
        if not allow_duplicate and any(each.name.lower() == name.lower() for each in self.config.everything):
            raise EditError(f"section [{name}] exists already")
        found = [self.section(base) for base in bases]
        options = ",".join([*(["!"] if is_template else []), *(base.name for base in found)])
        file = self._files[self.config.path]
        if file.lines and file.lines[-1].text.strip(BLANKS):
            file.insert_after(None, "")
        line = file.insert_after(None, f"[{name}]" + (f"({options})" if options else ""))
        section = Section(name, file.path, len(file.lines), is_template)
        section.bases = found
        section.items = [item for base in found for item in base.items]
        self._where[id(section)] = (file, line)
        self.config.everything.append(section)
        return section

    def rename_section(self, section: Section, name: str) -> None:
        """Change a section's name. Raises EditError while other sections inherit from it."""
        _check_name(name)
        self._check_unused(section)
        for file, line in self._headers(section):
            start = line.text.index("[", live_spans(line.text, line.depth)[0][0][0])
            line.text = line.text[: start + 1] + name + line.text[line.text.index("]", start) :]
            file.changed = True
        section.name = name

    def delete_section(self, section: Section) -> None:
        """Remove a section, its lines and the comments among them. Raises EditError while others inherit from it."""
        self._check_unused(section)
        self.empty_section(section, comments=True)
        for file, line in self._headers(section):
            file.remove(line)
        self.config.everything.remove(section)

    def empty_section(self, section: Section, *, comments: bool = False) -> None:
        """Remove a section's own lines; with ``comments``, the comments among them too."""
        mine = {id(line): (file, line) for item in self._own(section) for file, line in self._chain(section, item)}
        for file, header in self._headers(section) if comments else ():
            between: list[_Line] = []
            for line in file.lines[file.lines.index(header) + 1 :]:
                if line.starts_something:
                    break
                between.append(line)
                if id(line) in mine:
                    mine.update((id(each), (file, each)) for each in between)
        for file, line in mine.values():
            file.remove(line)
        section.items = [item for item in section.items if section.is_inherited(item)]

    def _check_unused(self, section: Section) -> None:
        for other in self.config.everything:
            if section in other.bases:
                raise EditError(f"[{section.name}] is inherited by [{other.name}]")

    def _headers(self, section: Section) -> list[tuple[_File, _Line]]:
        return [self._place(section), *self._continued.get(id(section), ())]

    # Items

    def set(self, section: Section, key: str, value: str, *, match: str | None = None) -> None:
        """Give ``key`` the value: its first own line (of value ``match``, if given) changes, or one is added.

        Raises EditError when ``match`` is given and no line has it.
        """
        item = self._find(section, key, match)
        if item is None:
            if match is not None:
                raise EditError(f"[{section.name}] has no {key} = {match}")
            self.append(section, key, value)
            return
        value = _check_value(value)
        (file, line), *longer = self._chain(section, item)
        spans, _ = live_spans(line.text, line.depth)
        live = line.text[spans[0][0] : spans[0][1]].strip(BLANKS)
        at = live.find("=", 1)
        before, after = live[:at], live[at + 1 :]
        sign = "=>" if after.startswith(">") else "="
        after = after.removeprefix(">") if sign == "=>" else after
        gap = after[: len(after) - len(after.lstrip(BLANKS))]
        before = before.removesuffix("+")
        if value.startswith(">") and not gap and sign == "=":
            gap = " "
        line.replace_live(f"{before}{sign}{gap}{escape(value)}")
        _check_length(line.text)
        file.changed = True
        for other, extra in longer:
            other.remove(extra)
        fresh = Item(item.key, value, item.path, item.line, section, sign == "=>")
        section.items[section.items.index(item)] = fresh
        self._where[id(fresh)] = (file, line)

    def append(self, section: Section, key: str, value: str, *, is_object: bool = False) -> None:
        """Add a line after the section's last."""
        own = self._own(section)
        file, anchor = self._chain(section, own[-1])[-1] if own else self._place(section)
        line = file.insert_after(anchor, _assignment(key, value, is_object))
        self._add(section, len(section.items), key, value, is_object, file, line)

    def insert(self, section: Section, index: int, key: str, value: str, *, is_object: bool = False) -> None:
        """Add a line before the section's own line number ``index`` (from 0); at the end when there is no such line."""
        own = self._own(section)
        if not 0 <= index < len(own):
            self.append(section, key, value, is_object=is_object)
            return
        file, anchor = self._chain(section, own[index])[0]
        if anchor.depth:
            raise EditError(f"[{section.name}]: line {index} begins within a block comment")
        line = file.insert_before(anchor, _assignment(key, value, is_object))
        self._add(section, section.items.index(own[index]), key, value, is_object, file, line)

    def delete(self, section: Section, key: str, *, match: str | None = None) -> None:
        """Remove the first own line of ``key`` (of value ``match``, if given). Raises EditError when there is none."""
        item = self._find(section, key, match)
        if item is None:
            raise EditError(f"[{section.name}] has no {key}" + ("" if match is None else f" = {match}"))
        self.delete_item(section, item)

    def delete_item(self, section: Section, item: Item) -> None:
        """Remove one of the section's own items."""
        for file, line in self._chain(section, item):
            file.remove(line)
        section.items.remove(item)

    def _add(
        self, section: Section, index: int, key: str, value: str, is_object: bool, file: _File, line: _Line
    ) -> None:
        item = Item(key, value.strip(BLANKS), file.path, file.lines.index(line) + 1, section, is_object)
        section.items.insert(index, item)
        self._where[id(item)] = (file, line)

    @staticmethod
    def _own(section: Section) -> list[Item]:
        return [item for item in section.items if not section.is_inherited(item)]

    def _find(self, section: Section, key: str, match: str | None) -> Item | None:
        for item in self._own(section):
            if item.key.lower() == key.lower() and (match is None or item.value == match):
                return item
        return None

    def _chain(self, section: Section, item: Item) -> list[tuple[_File, _Line]]:
        """The lines that made ``item``: its own, and for ``+=`` those it lengthened; first one first."""
        places: list[tuple[_File, _Line]] = []
        each: Item | None = item
        while each is not None and each.owner is section:
            places.append(self._place(each))
            each = each.previous
        return places[::-1]

    # Files

    def render(self, path: Path | None = None) -> bytes:
        """A file (the main one by default) as `save` would write it."""
        return self._files[path or self.config.path].encoded()

    def changed(self) -> list[Path]:
        """The files that `save` would write."""
        return [file.path for file in self._files.values() if file.changed]

    def save(self, to: Path | None = None) -> list[Path]:
        """Write every changed file; the main one under another name when ``to`` is given. Gives the paths written.

        Each file is replaced whole or not at all. Raises EditError when one cannot be written.
        """
        written: list[Path] = []
        for file in self._files.values():
            elsewhere = to if file.path == self.config.path else None
            if not file.changed and elsewhere is None:
                continue
            target = elsewhere or file.path
            try:
                write_atomically(target, file.encoded())
            except OSError as error:
                raise EditError(f"{target} cannot be written: {error.strerror}") from error
            file.changed = False
            written.append(target)
        return written


def _check_text(text: str, what: str, also: Iterable[str] = ()) -> None:
    for character in (*_FORBIDDEN, *also):
        if character in text:
            raise EditError(f"{what} must not hold {character!r}")


def _check_name(name: str) -> None:
    _check_text(name, "a section's name", ("]", ";"))
    if not name:
        raise EditError("a section needs a name")


def _check_value(value: str) -> str:
    _check_text(value, "a value")
    return value.strip(BLANKS)


def _check_length(text: str) -> None:
    if len(text.encode()) > MAX_LINE_BYTES:
        raise EditError(f"a line must not be longer than {MAX_LINE_BYTES} bytes")


def _assignment(key: str, value: str, is_object: bool) -> str:
    """The text of a line that reads back as ``key`` and ``value``."""
    _check_text(key, "a name", ("=",))
    key, value = key.strip(BLANKS), _check_value(value)
    if not key:
        raise EditError("a value needs a name")
    if key.startswith("\\"):
        raise EditError("a name must not begin with a backslash")
    lead = "\\" if key[0] in "[#" else ""
    text = f"{lead}{escape(key)} {'=>' if is_object else '='} {escape(value)}".rstrip(BLANKS)
    _check_length(text + "\r\n")
    return text
