"""The table of actions: each registers with a decorator that carries its name, classes and parameters.

ListCommands, ``manager show command`` and docs/ami.md are made from it, and `Session` checks by it, in one place,
whether a user may take an action and whether the parameters it needs are there.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any

from ami.classes import parse_classes
from ami.codec import Message

if TYPE_CHECKING:
    from ami.context import Context
    from ami.replies import AnyReply

Handler = Callable[["Context"], "AnyReply | Awaitable[AnyReply | None] | None"]

_MARK = "_obelisk_manager_action"


@dataclass(frozen=True, slots=True)
class Action:
    """An action. ``required`` maps each parameter that must be given to the text of the Error where it is not."""

    name: str
    privilege: int
    synopsis: str
    required: Mapping[str, str]
    optional: tuple[str, ...]
    handler: Handler
    #: The module that must run for the action to be known; empty for the manager's own.
    module: str = ""
    #: Whether it works before a login.
    before_login: bool = False
    #: Events that a list reply consists of, the closing one last.
    list_events: tuple[str, ...] = ()

    def first_missing(self, request: Message) -> str:
        """The Error text for the first required parameter that is absent or empty; empty when none is."""
        for name, text in self.required.items():
            if not request.get(name):
                return text
        return ""


def action(
    name: str,
    privilege: str = "",
    *,
    synopsis: str,
    required: Mapping[str, str] | Iterable[str] = (),
    optional: Iterable[str] = (),
    module: str = "",
    before_login: bool = False,
    list_events: Iterable[str] = (),
) -> Callable[[Handler], Handler]:
    """Make a function ``(context) -> reply`` the action ``name``; a coroutine function where it has to wait.

    ``privilege`` is the classes of which a user must have one to take it; empty: every user may. ``required`` maps
    parameters to Error texts, or just names them.
    """
    texts = dict(required) if isinstance(required, Mapping) else {each: f"{each} not specified" for each in required}

    def decorate(handler: Handler) -> Handler:
        made = Action(
            name,
            parse_classes(privilege),
            synopsis,
            texts,
            tuple(optional),
            handler,
            module,
            before_login,
            tuple(list_events),
        )
        setattr(handler, _MARK, made)
        return handler

    return decorate


def actions_of(module: ModuleType) -> list[Action]:
    """The actions a Python module declares, in its order."""
    found: list[Any] = [getattr(value, _MARK, None) for value in vars(module).values()]
    return [each for each in found if isinstance(each, Action)]


class ActionTable:
    """The actions that exist now, by name without regard to case."""

    def __init__(self, actions: Iterable[Action] = ()) -> None:
        self._actions: dict[str, Action] = {}
        for each in actions:
            self.add(each)

    def add(self, each: Action) -> Callable[[], None]:
        """Add an action; the result withdraws it. Raises ValueError when the name is taken."""
        key = each.name.lower()
        if key in self._actions:
            raise ValueError(f"manager action {each.name} is registered twice")
        self._actions[key] = each

        def withdraw() -> None:
            if self._actions.get(key) is each:
                del self._actions[key]

        return withdraw

    def find(self, name: str) -> Action | None:
        return self._actions.get(name.lower())

    def __iter__(self) -> Iterator[Action]:
        """By name."""
        return iter([each for _, each in sorted(self._actions.items())])

    def __len__(self) -> int:
        return len(self._actions)
