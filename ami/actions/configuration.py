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

from ami.context import Context
from ami.lists import split_list
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
    """Sections by ``Category`` and ``Filter`` (``name=regex`` with commas between; all must match)."""
    category = ctx.get("Category")
    conditions = []
    for condition in split_list(ctx.get("Filter")) if ctx.get("Filter") else ():
        name, equals, pattern = condition.partition("=")
        try:
            conditions.append((name.strip(), re.compile(pattern if equals else ".*")))
        except re.error:
            raise ActionError(f"Filter did not compile: {condition}") from None
    templates = any(name == "TEMPLATES" for name, _ in conditions)
    sections = [*config.templates, *config.sections] if templates else config.sections
    for section in sections:
        if category and section.name.lower() != category.lower():
            continue
        if all(name == "TEMPLATES" or pattern.search(section.get(name) or "") for name, pattern in conditions):
            yield section


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
            headers.append((f"Templates-{number:06d}", ",".join(f'"{base.name}"' for base in section.bases)))
        headers += [
            (f"Line-{number:06d}-{line:06d}", f"{item.key}={item.value}") for line, item in enumerate(section.items)
        ]
    if not headers:
        raise ActionError("No categories found")
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
            await ctx.server.reload(None if is_true(reload) else reload.removesuffix(".so"))
        except ObeliskError as error:
            raise ActionError(f"Reload failed: {error}") from error
    return Reply()


#: What Asterisk says when a step fails.
_FAILURES = {
    "newcat": "Create category did not complete successfully",
    "renamecat": "Given category does not exist",
    "delcat": "Delete category did not complete successfully",
    "emptycat": "Empty category did not complete successfully",
    "update": "Update did not complete successfully",
    "delete": "Delete did not complete successfully",
    "append": "Append did not complete successfully",
    "insert": "Append did not complete successfully",
}


class _Step:
    """One numbered step of UpdateConfig."""

    def __init__(self, ctx: Context, number: str) -> None:
        self.verb = ctx.get(f"Action-{number}").lower()
        self.category = ctx.get(f"Cat-{number}")
        self.variable = ctx.get(f"Var-{number}")
        self.value = ctx.get(f"Value-{number}")
        self.match = ctx.get(f"Match-{number}") or None
        self.line = ctx.get(f"Line-{number}")
        self.options = ctx.get(f"Options-{number}")
        self.failure = _FAILURES.get(self.verb, "Unknown action command")

    def apply(self, editor: ConfigEditor) -> None:
        """Do it. Raises EditError or ActionError."""
        if self.verb not in _FAILURES:
            raise ActionError("Unknown action command")
        if not self.category:
            raise ActionError("Category not specified")
        if self.verb == "newcat":
            self._new_category(editor)
            return
        section = editor.section(self.category)
        if self.verb == "renamecat":
            self._need(self.value)
            editor.rename_section(section, self.value)
        elif self.verb == "delcat":
            editor.delete_section(section)
        elif self.verb == "emptycat":
            editor.empty_section(section)
        elif self.verb == "update":
            self._need(self.variable)
            editor.set(section, self.variable, self._plain_value(), match=self.match)
        elif self.verb == "append":
            self._need(self.variable)
            editor.append(section, self.variable, self._plain_value(), is_object=self.value.startswith(">"))
        elif self.verb == "insert":
            self._need(self.variable, self.line)
            editor.insert(section, self._index(), self.variable, self._plain_value())
        elif self.variable:
            editor.delete(section, self.variable, match=self.match)
        else:
            self._need(self.line)
            own = [item for item in section.items if not section.is_inherited(item)]
            index = self._index()
            if index >= len(own):
                raise EditError(f"[{section.name}] has no line {index}")
            editor.delete_item(section, own[index])

    def _new_category(self, editor: ConfigEditor) -> None:
        bases: list[str] = []
        template = duplicate = False
        for option in split_list(self.options) if self.options else ():
            name, _, value = option.partition("=")
            match name.strip().lower():
                case "template":
                    template = True
                case "allowdups":
                    duplicate = True
                case "inherit":
                    bases += [each.strip(" \"'") for each in value.split(":") if each.strip()]
                case _:
                    raise ActionError("Problem with category, value, or line (if required)")
        editor.new_section(self.category, bases=bases, is_template=template, allow_duplicate=duplicate)

    @staticmethod
    def _need(*values: str) -> None:
        if not all(values):
            raise ActionError("Problem with category, value, or line (if required)")

    def _plain_value(self) -> str:
        """Without the ``>`` that asks for ``=>``."""
        return self.value.removeprefix(">").lstrip()

    def _index(self) -> int:
        if not (self.line.isascii() and self.line.isdecimal()) or len(self.line) > 9:
            raise ActionError("Problem with category, value, or line (if required)")
        return int(self.line)
