"""Actions on configuration files (main/manager.c): reading, listing, making and changing them.

A file is named relative to the configuration directory and must lie inside it, whatever links say; names that lead
elsewhere are refused before anything is opened.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from twisted.logger import Logger

from ami.config_filter import BadFilter, SectionFilter, split_quoted
from ami.context import Context
from ami.replies import ActionError, Reply
from ami.table import action
from pbx.config import Config, load_config
from pbx.config.editor import ConfigEditor, EditError
from pbx.config.types import is_true
from pbx.errors import ConfigError, ObeliskError

if TYPE_CHECKING:
    from pbx.config import Section

log = Logger()

NO_FILE_NAME = "Filename not specified"
NOT_FOUND = "Config file not found"
MALFORMED = "Config file has invalid format"
ELSEWHERE = "File requires escalated privileges"

#: Steps of one UpdateConfig: as many as six digits can number, bounded by the lines of a message anyway.
MAX_STEPS = 100


def _path(ctx: Context, parameter: str = "Filename") -> Path:
    """The file a parameter names. Raises ActionError when it lies outside the configuration directory."""
    name = ctx.get(parameter).strip()
    if not name:
        raise ActionError(NO_FILE_NAME)
    root = ctx.server.directories.etc.resolve()
    path = (root / name).resolve()
    if path == root or root not in path.parents:
        raise ActionError(ELSEWHERE)
    return path


def _load(ctx: Context) -> Config:
    path = _path(ctx)
    if not path.is_file():
        raise ActionError(NOT_FOUND)
    try:
        return load_config(path, include_root=ctx.server.directories.etc)
    except ConfigError as error:
        log.info("manager action {action}: {error}", action=ctx.action.name, error=str(error))
        raise ActionError(MALFORMED) from error


def _filtered(ctx: Context, config: Config) -> Iterator[Section]:
    """Sections by ``Category`` and ``Filter``. Raises ActionError."""
    try:
        return SectionFilter(ctx.get("Filter")).sections(config, ctx.get("Category"))
    except BadFilter as error:
        raise ActionError(str(error)) from error


@action(
    "GetConfig",
    "system,config",
    synopsis="Retrieve configuration.",
    required={"Filename": NO_FILE_NAME},
    optional=("Category", "Filter"),
)
def action_GetConfig(ctx: Context) -> Reply:
    headers = []
    for number, section in enumerate(_filtered(ctx, _load(ctx))):
        headers.append((f"Category-{number:06d}", section.name))
        if section.is_template:
            headers.append((f"IsTemplate-{number:06d}", "1"))
        if section.bases:
            headers.append((f"Templates-{number:06d}", ",".join(base.name for base in section.bases)))
        headers += [
            (f"Line-{number:06d}-{line:06d}", f"{item.key}={item.value}") for line, item in enumerate(section.items)
        ]
    if not headers and ctx.get("Category"):
        return Reply(text="No categories found\r\n")
    return Reply(headers=headers)


@action(
    "GetConfigJSON",
    "system,config",
    synopsis="Retrieve configuration (JSON format).",
    required={"Filename": NO_FILE_NAME},
    optional=("Category", "Filter"),
)
def action_GetConfigJSON(ctx: Context) -> Reply:
    found: dict[str, object] = {}
    for section in _filtered(ctx, _load(ctx)):
        values: dict[str, object] = {"istemplate": 1} if section.is_template else {}
        for item in section.items:
            values[item.key] = item.value
        found[section.name] = values
    return Reply(headers=(("JSON", json.dumps(found, ensure_ascii=False, separators=(",", ":"))),))


@action(
    "ListCategories",
    "config",
    synopsis="List categories in configuration file.",
    required={"Filename": NO_FILE_NAME},
    optional=("Match",),
)
def action_ListCategories(ctx: Context) -> Reply:
    try:
        wanted = re.compile(ctx.get("Match"), re.IGNORECASE)
    except re.error:
        raise ActionError("Match did not compile") from None
    names = [section.name for section in _load(ctx).sections if wanted.search(section.name)]
    if not names:
        return Reply(headers=(("Error", "no categories found"),))
    return Reply(headers=[(f"Category-{number:06d}", name) for number, name in enumerate(names)])


@action(
    "CreateConfig",
    "config",
    synopsis="Creates an empty file in the configuration directory.",
    required={"Filename": NO_FILE_NAME},
)
def action_CreateConfig(ctx: Context) -> Reply:
    path = _path(ctx)
    try:
        path.open("x").close()
    except OSError as error:
        raise ActionError(error.strerror or str(error)) from error
    return Reply("New configuration file created successfully")


@action(
    "UpdateConfig",
    "config",
    synopsis="Update basic configuration.",
    required={"SrcFilename": NO_FILE_NAME, "DstFilename": NO_FILE_NAME},
    optional=(
        "Reload",
        "Action-000000",
        "Cat-000000",
        "Var-000000",
        "Value-000000",
        "Match-000000",
        "Line-000000",
        "Options-000000",
    ),
)
async def action_UpdateConfig(ctx: Context) -> Reply:
    """Every step or none: the file is written, lines not touched as they were, once all have been done."""
    source, target = _path(ctx, "SrcFilename"), _path(ctx, "DstFilename")
    if not source.is_file():
        raise ActionError(NOT_FOUND)
    try:
        editor = ConfigEditor.open(source, include_root=ctx.server.directories.etc)
    except ConfigError as error:
        raise ActionError(MALFORMED) from error
    for number in range(MAX_STEPS):
        step = _Step(ctx, f"{number:06d}")
        if not step.verb:
            break
        try:
            step.apply(editor)
        except EditError as error:
            log.info("manager action UpdateConfig: {error}", error=str(error))
            raise ActionError(step.failure) from error
    try:
        editor.save(None if target == source else target)
    except (EditError, OSError) as error:
        raise ActionError("Save of config failed") from error
    reload = ctx.get("Reload")
    if reload:
        try:
            await ctx.server.reload(None if is_true(reload) else reload)
        except ObeliskError as error:
            raise ActionError(f"Reload failed: {error}") from error
    return Reply()


NO_CATEGORY = "Given category does not exist"
INCOMPLETE = "Problem with category, value, or line (if required)"

#: What Asterisk says when a step fails.
_FAILURES = {
    "newcat": "Create category did not complete successfully",
    "renamecat": NO_CATEGORY,
    "delcat": "Delete category did not complete successfully",
    "emptycat": "Empty category did not complete successfully",
    "update": "Update did not complete successfully",
    "delete": "Update did not complete successfully",
    "append": "Append did not complete successfully",
    "insert": "Append did not complete successfully",
}
#: Which of the other headers a step cannot do without.
_NEEDED = {
    "renamecat": ("value",),
    "update": ("variable",),
    "append": ("variable",),
    "insert": ("variable", "line"),
}


class _Step:
    """One numbered step of UpdateConfig; but for ``newcat`` it is done to every section that it is about."""

    def __init__(self, ctx: Context, number: str) -> None:
        self.verb = ctx.get(f"Action-{number}").lower()
        self.category = ctx.get(f"Cat-{number}")
        self.variable = ctx.get(f"Var-{number}")
        self.value = ctx.get(f"Value-{number}")
        self.match = ctx.get(f"Match-{number}") or None
        self.line = ctx.get(f"Line-{number}")
        self.failure = _FAILURES.get(self.verb, "Unknown action command")
        self.options: dict[str, str] = {}
        for option in split_quoted(ctx.get(f"Options-{number}"), ","):
            name, *values = split_quoted(option, "=")
            self.options[name.lower()] = values[0] if values else ""

    def apply(self, editor: ConfigEditor) -> None:
        """Do it. Raises EditError or ActionError."""
        if self.verb not in _FAILURES:
            raise ActionError("Unknown action command")
        if not self.category:
            raise ActionError("Category not specified")
        if not all(getattr(self, name) for name in _NEEDED.get(self.verb, ())):
            raise ActionError(INCOMPLETE)
        if self.verb == "delete" and not (self.variable or self.line):
            raise ActionError(INCOMPLETE)
        if self.verb == "newcat":
            self._new_category(editor)
            return
        try:
            found = list(SectionFilter(self.options.get("catfilter", "")).sections(editor.config, self.category))
        except BadFilter as error:
            raise ActionError(str(error)) from error
        lenient = "ignoreerror" in self.options
        if not found and not (lenient and self.verb == "delcat"):
            raise ActionError(NO_CATEGORY)
        if self.verb == "delete":
            deleted = [self._delete(editor, section) for section in found]
            if not any(deleted) and not lenient:
                raise EditError(f"[{self.category}] has no such line")
            return
        if self.verb == "update":
            updated = [self._update(editor, section) for section in found]
            if not any(updated):
                raise EditError(f"[{self.category}] has no such variable")
            return
        for section in found:
            self._change(editor, section)

    def _change(self, editor: ConfigEditor, section: Section) -> None:
        if self.verb == "renamecat":
            editor.rename_section(section, self.value)
        elif self.verb == "delcat":
            editor.delete_section(section)
        elif self.verb == "emptycat":
            editor.empty_section(section)
        elif self.verb == "append":
            editor.append(section, self.variable, self._plain_value(), is_object=self.value.startswith(">"))
        else:
            editor.insert(section, self._index(), self.variable, self._plain_value())

    def _update(self, editor: ConfigEditor, section: Section) -> bool:
        """Change the section's variable, or give it one of its own beside its template's; False when it has none."""
        name = self.variable.lower()
        meant = [i for i in section.items if i.key.lower() == name and self.match in (None, i.value)]
        if all(section.is_inherited(item) for item in meant):
            if meant:
                editor.append(section, self.variable, self._plain_value(), is_object=self.value.startswith(">"))
        else:
            editor.set(section, self.variable, self._plain_value(), match=self.match)
        return bool(meant)

    def _delete(self, editor: ConfigEditor, section: Section) -> bool:
        """Remove the section's own lines that are meant; False when there is none."""
        own = [item for item in section.items if not section.is_inherited(item)]
        if self.variable:
            name = self.variable.lower()
            meant = [i for i in own if i.key.lower() == name and self.match in (None, i.value)]
        else:
            meant = own[self._index() : self._index() + 1]
        for item in meant:
            editor.delete_item(section, item)
        return bool(meant)

    def _new_category(self, editor: ConfigEditor) -> None:
        options = self.options
        exists = any(each.name.lower() == self.category.lower() for each in editor.config.everything)
        if exists and "allowdups" not in options and "ignoreerror" in options:
            return
        bases = [name for name in split_quoted(options.get("inherit", ""), ",") if name]
        templates = {each.name.lower() for each in editor.config.everything if each.is_template}
        if not exists or "allowdups" in options:
            for base in bases:
                if base.lower() not in templates:
                    raise ActionError("Template category not found")
        editor.new_section(
            self.category, bases=bases, is_template="template" in options, allow_duplicate="allowdups" in options
        )

    def _plain_value(self) -> str:
        """Without the ``>`` that asks for ``=>``."""
        return self.value.removeprefix(">").lstrip()

    def _index(self) -> int:
        if not (self.line.isascii() and self.line.isdecimal()) or len(self.line) > 9:
            raise ActionError(INCOMPLETE)
        return int(self.line)
