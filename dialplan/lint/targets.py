"""Where steps go: Goto and its kin, subroutines of Dial, handlers, channels of Local; and whether that exists."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from dialplan.arguments import ArgumentError, parse_options
from dialplan.lint.text import Text
from dialplan.lint.world import Step, Target, World

#: Applications that dial: which argument holds the options, and which of them name ``[[context^]exten^]priority``.
_PLACE_OPTIONS = {"dial": (2, "bBGF"), "page": (1, "bB"), "queue": (1, "bBF"), "bridge": (1, "F")}


def _place(step: Step, text: Text, what: str) -> Target:
    """``[[context,]exten,]priority[(arguments)]``."""
    head = text.skeleton.partition("(")[0]
    parts = [part.strip() for part in text.piece(head).split(3)]
    priority = parts[-1] if parts else text.piece("")
    exten = parts[-2] if len(parts) > 1 else text.piece("")
    context = parts[-3] if len(parts) > 2 else text.piece("")
    return Target(
        step,
        what,
        context.constant if context else step.context or None,
        exten.constant if exten else step.exten or None,
        priority.constant,
        own_context=not context,
        own_exten=not exten,
    )


def _goto(step: Step) -> Iterator[Target]:
    if step.data:
        yield _place(step, step.data, step.application)


def _branches(step: Step) -> Iterator[Target]:
    """``condition?place[:place]``."""
    _condition, found, branches = step.data.partition("?")
    if not found:
        return
    then, _, otherwise = branches.partition(":")
    for branch in (then.strip(), otherwise.strip()):
        if branch:
            yield _place(step, branch, step.application)


def _carets(text: Text) -> Text:
    return text.piece(text.skeleton.replace("^", ","))


def _dial(step: Step) -> Iterator[Target]:
    number, letters = _PLACE_OPTIONS[step.application.lower()]
    parts = step.data.split(64)
    for destination in parts[0].split(64, "&") if parts else ():
        yield from local(step, destination.strip())
    if len(parts) <= number:
        return
    try:
        options = parse_options(parts[number].skeleton, letters + "U")
    except ArgumentError:
        return
    for letter in letters:
        argument = options.argument(letter)
        if argument:
            yield _place(step, _carets(step.data.piece(argument)), f"{step.application}, option {letter},")
    argument = options.argument("U")
    if argument:
        context = step.data.piece(argument.partition("^")[0].strip())
        yield Target(step, f"{step.application}, option U,", context.constant, "s", "1")


def local(step: Step, destination: Text) -> Iterator[Target]:
    """``Local/exten@context[/options]``."""
    technology, slash, resource = destination.skeleton.partition("/")
    if technology.lower() != "local" or not slash:
        return
    address = resource.partition("/")[0]
    exten, at, context = address.partition("@")
    piece = destination.piece
    yield Target(
        step,
        step.application,
        piece(context).constant if at else "default",
        piece(exten).constant,
        "1",
    )


def _set(step: Step) -> Iterator[Target]:
    """A handler that is run when the call ends."""
    name, equals, value = step.data.partition("=")
    if equals and name.skeleton.strip().upper() in (
        "CHANNEL(HANGUP_HANDLER_PUSH)",
        "CHANNEL(HANGUP_HANDLER_WIPE)",
    ):
        yield _place(step, value, "hangup handler")


def _originate(step: Step) -> Iterator[Target]:
    parts = step.data.split(8)
    if parts:
        yield from local(step, parts[0].strip())
    if len(parts) > 2 and (parts[1].constant or "").strip().lower() == "exten":
        place = [each.strip() for each in parts[2:5]]
        exten = place[1].constant if len(place) > 1 and place[1] else "s"
        priority = place[2].constant if len(place) > 2 and place[2] else "1"
        yield Target(step, step.application, place[0].constant, exten, priority)


def _redirect(step: Step) -> Iterator[Target]:
    parts = [each.strip() for each in step.data.split(4)]
    if len(parts) == 4:
        yield Target(step, step.application, parts[1].constant, parts[2].constant, parts[3].constant)


def _background(step: Step) -> Iterator[Target]:
    parts = step.data.split(4)
    if len(parts) == 4 and parts[3]:
        yield Target(step, step.application, parts[3].strip().constant, None, None)


_TARGETS: dict[str, Callable[[Step], Iterator[Target]]] = {
    "goto": _goto,
    "gosub": _goto,
    "gotoif": _branches,
    "gosubif": _branches,
    "gotoiftime": _branches,
    "dial": _dial,
    "page": _dial,
    "bridge": _dial,
    "queue": _dial,
    "set": _set,
    "originate": _originate,
    "channelredirect": _redirect,
    "background": _background,
}


def targets_of(step: Step) -> Iterator[Target]:
    """Where a step may go, as far as that can be read."""
    find = _TARGETS.get(step.application.lower())
    if find is not None:
        yield from find(step)


def check_target(world: World, target: Target) -> None:
    """Tell of a target that does not exist."""
    step, context, exten, priority = target.step, target.context, target.exten, target.priority
    if context is None and not (step.is_lua and target.own_context):
        return
    if context and not world.has_context(context):
        if not target.own_context:
            world.tell("no-such-context", step.place, f"{target.what}: there is no context '{context}'")
        return
    if exten is None or (step.is_lua and target.own_exten):
        return
    names = _candidates(world, target)
    if any(world.is_opaque(name) for name in names):
        return
    found = [each for name in names for each in world.extensions_for(name, exten)]
    in_lua = any(world.lua_has(name, exten) for name in names)
    where = f"'{exten}' in context '{context}'" if context else f"'{exten}' in any context"
    if not found and not in_lua:
        world.tell("no-such-extension", step.place, f"{target.what}: there is no extension {where}")
        return
    if priority is None or not priority:
        return
    if priority[:1] in "+-" and priority[1:].isdecimal():
        if not target.own_exten or not step.number:
            return
        number = step.number + int(priority)
        if not any(number in each.priorities for each in found):
            world.tell("no-such-priority", step.place, f"{target.what}: {where} has no priority {number}")
    elif priority.isdecimal():
        if not any(int(priority) in each.priorities for each in found) and not (in_lua and int(priority) == 1):
            world.tell("no-such-priority", step.place, f"{target.what}: {where} has no priority {priority}")
    elif not any(each.labelled(priority) is not None for each in found):
        world.tell("no-such-priority", step.place, f"{target.what}: {where} has no label '{priority}'")


def _candidates(world: World, target: Target) -> list[str]:
    """The contexts a target may be in: a step of an included context runs in the one that includes it."""
    if target.context is None:
        return [*(each.name for each in world.contexts), *world.lua.contexts]
    if target.own_context:
        return sorted(world.includers(target.context))
    return [target.context]
