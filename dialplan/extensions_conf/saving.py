"""``dialplan save``: brings extensions.conf up to the running dialplan and leaves alone what did not change.

Only extensions that differ are written anew, with their priorities as numbers, in the place where they stood; comments,
order and included files stay. The result is compiled again and compared until it says what runs.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dialplan.extensions import HINT_PRIORITY, Extension, Fragment, caller_key
from dialplan.extensions_conf.compiler import Origin, Plan
from dialplan.patterns import sort_key
from pbx.config.editor import ConfigEditor, EditError

if TYPE_CHECKING:
    from pbx.config import Config, Item, Section

#: How often the file may be compared anew: a change of one extension can move the next one's ``n``.
MAX_ROUNDS = 50

Key = tuple[object, object]
Rows = dict[int, tuple[str, str, str]]
Compile = Callable[["Config", list[Origin]], Awaitable[Plan]]


@dataclass(slots=True)
class _Said:
    """What a fragment says, to be compared."""

    extensions: dict[Key, Extension] = field(default_factory=dict)
    includes: list[str] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)


def _said(fragment: Fragment | None) -> _Said:
    if fragment is None:
        return _Said()
    return _Said(
        {_key(each): each for each in fragment},
        [each.name for each in fragment.includes],
        list(fragment.ignore_patterns),
    )


def _key(each: Extension) -> Key:
    return sort_key(each.name), caller_key(each.caller_match)


def _rows(each: Extension | None) -> Rows:
    steps = {} if each is None else each.priorities
    return {number: (step.application, step.data, step.label) for number, step in steps.items()}


async def bring_up_to_date(editor: ConfigEditor, running: Mapping[str, Fragment], compile_plan: Compile) -> None:
    """Change the editor's configuration until it compiles to ``running``.

    Raises EditError when it cannot be: what a template says can be changed only there.
    """
    for _ in range(MAX_ROUNDS):
        origins: list[Origin] = []
        plan = await compile_plan(editor.config, origins)
        if not _Round(editor, running, plan.fragments, origins).run():
            return
    raise EditError("the file does not come to say what runs; nothing was written")


class _Round:
    """One comparison."""

    def __init__(
        self,
        editor: ConfigEditor,
        running: Mapping[str, Fragment],
        written: Mapping[str, Fragment],
        origins: list[Origin],
    ) -> None:
        self._editor = editor
        self._running = running
        self._written = written
        self._origins = origins
        self._changes = 0

    def run(self) -> int:
        """Make the changes; how many."""
        for name in {**self._written, **self._running}:
            fragment = self._running.get(name)
            if fragment is None:
                for section in self._sections(name):
                    self._editor.delete_section(section)
                    self._changes += 1
                continue
            if name not in self._written:
                self._editor.new_section(name)
                self._changes += 1
            self._context(name, _said(self._written.get(name)), _said(fragment))
        return self._changes

    def _sections(self, name: str) -> list[Section]:
        return [each for each in self._editor.config.sections if each.name == name]

    def _context(self, name: str, before: _Said, after: _Said) -> None:
        for key in {**before.extensions, **after.extensions}:
            if _rows(before.extensions.get(key)) != _rows(after.extensions.get(key)):
                self._extension(name, key, after.extensions.get(key))
        self._lines(name, "include", before.includes, after.includes)
        self._lines(name, "ignorepat", before.ignored, after.ignored)

    def _extension(self, name: str, key: Key, wanted: Extension | None) -> None:
        """Take the lines of an extension out and put those of ``wanted`` in their place."""
        self._changes += 1
        lines = [each for each in self._origins if each.section.name == name and _key(each.extension) == key]
        section = lines[0].section if lines else self._sections(name)[-1]
        own = [each for each in section.items if not section.is_inherited(each)]
        at = own.index(lines[0].item) if lines and lines[0].item in own else len(own)
        for text in () if wanted is None else _texts(wanted):
            self._editor.insert(section, at, "exten", text, is_object=True)
            at += 1
        for each in lines:
            self._delete(each.section, each.item)

    def _lines(self, name: str, key: str, before: list[str], after: list[str]) -> None:
        for value in before:
            if value not in after:
                for section in self._sections(name):
                    for item in list(section.items):
                        if item.key.lower() == key and item.value == value:
                            self._delete(section, item)
                            self._changes += 1
        for value in after:
            if value not in before:
                self._editor.append(self._sections(name)[-1], key, value, is_object=True)
                self._changes += 1

    def _delete(self, section: Section, item: Item) -> None:
        if section.is_inherited(item):
            raise EditError(
                f"{item.path.name}:{item.line}: '{item.value}' of [{section.name}] is from the template "
                f"[{item.owner.name}] and can be changed only there"
            )
        self._editor.delete_item(section, item)


def _texts(each: Extension) -> Iterator[str]:
    """The values of an extension's lines."""
    name = each.name if each.caller_match is None else f"{each.name}/{each.caller_match}"
    for number, step in sorted(each.priorities.items()):
        if number == HINT_PRIORITY:
            yield f"{name},hint,{step.application}"
        else:
            label = f"({step.label})" if step.label else ""
            yield f"{name},{number}{label},{step.application}({step.data})"
