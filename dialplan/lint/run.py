"""Runs the checks over a configuration directory."""

from __future__ import annotations

import time
from pathlib import Path

import dialplan
from dialplan.arguments import Grammar
from dialplan.contexts import Contexts
from dialplan.functions.odbc_conf import read_databases, read_queries
from dialplan.lint.blocks import check_blocks
from dialplan.lint.calls import check_call
from dialplan.lint.conf import ConfReader
from dialplan.lint.findings import Place, Report
from dialplan.lint.flow import check_flow
from dialplan.lint.lua import LuaReader
from dialplan.lint.targets import check_target, targets_of
from dialplan.lint.text import parse_text
from dialplan.lint.traps import check_traps, note_filled
from dialplan.lint.unsafe import check_unsafe, follow
from dialplan.lint.world import World
from dialplan.registry import Declaration, Help
from pbx.config import ConfigLoader, load_config
from pbx.config.errors import flatten
from pbx.errors import ConfigError
from pbx.modules import ModulePolicy, read_policy

#: Switches that the exchange has.
SWITCHES = frozenset(("lua",))


def check_directory(directory: Path) -> Report:
    """Check the dialplan of a configuration directory. Raises ConfigError when there is none."""
    directory = directory.absolute()
    if not any((directory / name).exists() for name in ("extensions.conf", "extensions.lua")):
        raise ConfigError("there is neither extensions.conf nor extensions.lua", directory)
    report = Report()
    config = ConfigLoader(directory)
    world = _world(report, config)
    _add_queries(world, config)
    # Lua first: what a line of extensions.conf goes to may be there.
    LuaReader(world, directory, config).read()
    ConfReader(world, directory).read()
    for step in world.steps:
        note_filled(world, step)
    for step in world.steps:
        check_call(world, step)
        check_traps(world, step)
        world.targets += targets_of(step)
    if not world.incomplete:
        for target in world.targets:
            check_target(world, target)
        _check_switches(world)
        check_flow(world)
        check_blocks(world)
        _check_endpoints(world, directory)
    follow(world, world.steps)
    for step in world.steps:
        check_unsafe(world, step)
    report.apply_suppressions(directory)
    return report


def _world(report: Report, config: ConfigLoader) -> World:
    found = config.load_optional("modules.conf")
    policy = ModulePolicy() if found is None else read_policy(found)
    everything = list(dialplan.declarations())
    loaded = list(dialplan.declarations(without=policy.noload))
    kept = {(each.name, each.is_function) for each in loaded}
    return World(
        report,
        applications={each.name.lower(): each for each in loaded if not each.is_function},
        functions={each.name: each for each in loaded if each.is_function},
        unloaded={
            each.name.lower(): each.module for each in everything if (each.name, each.is_function) not in kept
        },
        contexts=Contexts(time.time),
    )  # fmt: skip


def _add_queries(world: World, config: ConfigLoader) -> None:
    """The functions that func_odbc.conf makes."""
    try:
        queries = read_queries(config, read_databases(config))
    except ConfigError as error:
        for each in flatten(error):
            world.tell("syntax", Place(Path(each.path or "func_odbc.conf").name, each.line or 0), each.message)
        return
    for query in queries:
        world.functions[query.name] = Declaration(
            query.name, Grammar(query.syntax), Help(query.synopsis), "func_odbc", True, bool(query.writesql)
        )
        for statement in (query.readsql, query.writesql, query.insertsql):
            if any(
                part.kind == "variable" and part.name.startswith(("ARG", "VAL"))
                for part in parse_text(statement).parts()
            ):
                world.raw_sql.add(query.name)


def _check_switches(world: World) -> None:
    for context in world.contexts:
        for entry in context.switches:
            if entry.name.lower() not in SWITCHES:
                place = world.include_places.get((context.name, f"switch:{entry.text}"), Place("extensions.conf"))
                world.tell("unknown-switch", place, f"there is no switch '{entry.name}'")


def _check_endpoints(world: World, directory: Path) -> None:
    """Contexts that endpoints name: a call of such an endpoint would find nothing."""
    path = directory / "pjsip.conf"
    if not path.exists():
        return
    try:
        config = load_config(path, include_root=directory)
    except ConfigError:
        return  # told by `obelisk check`
    for section in config.sections:
        if section.is_template or section.get("type") != "endpoint":
            continue
        item = section.last("context")
        name = "default" if item is None else item.value
        if world.has_context(name):
            continue
        shown = Path(item.path if item is not None else section.path)
        file = str(shown.relative_to(directory)) if shown.is_relative_to(directory) else str(shown)
        line = item.line if item is not None else section.line
        world.tell("no-such-context", Place(file, line), f"endpoint {section.name}: there is no context '{name}'")
