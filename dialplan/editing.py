"""Changes to the running dialplan: extensions, includes and patterns to ignore.

Each is made in the name of a registrar; those of the console and the manager are pbx_config's, so a reload of
extensions.conf takes them away again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dialplan.extensions import HINT_PRIORITY, DuplicatePriority, Include, Priority, squeeze
from dialplan.patterns import places_of
from pbx.core.dialplan import AlreadyThere, NoSuchContext
from pbx.errors import ObeliskError

if TYPE_CHECKING:
    from dialplan.contexts import Contexts
    from dialplan.engine import Engine
    from dialplan.extensions import Fragment


class PlanEditor:
    """Changes contexts in the name of ``registrar``; `pbx.core.dialplan.DialplanEditor`."""

    def __init__(self, engine: Engine, registrar: str) -> None:
        self._engine = engine
        self._registrar = registrar

    @property
    def _contexts(self) -> Contexts:
        return self._engine.contexts

    def add_extension(
        self,
        context: str,
        exten: str,
        priority: int,
        application: str,
        data: str = "",
        *,
        caller_match: str | None = None,
        replace: bool = False,
    ) -> None:
        """Add a priority; the context is made if need be.

        Raises AlreadyThere unless it may be replaced, ObeliskError for a name that cannot be.
        """
        if not squeeze(exten) or (exten.startswith("_") and places_of(exten[1:]) is None):
            raise ObeliskError(f"'{exten}' is not an extension")
        held = self._contexts.context(context)
        for other in held.fragments if held is not None else ():
            if other.registrar == self._registrar or not other.has(exten, priority, caller_match):
                continue
            if not replace:
                raise AlreadyThere(f"Extension {exten}@{context} has priority {priority} already")
            other.remove(exten, priority, caller_match)
        if priority == HINT_PRIORITY and "${" in application and not exten.startswith("_"):
            application = self._engine.expand_hint(context, exten, application)
        try:
            self._contexts.fragment(self._registrar, context).add(
                exten, Priority(priority, application, data), caller_match, replace=replace
            )
        except DuplicatePriority as error:
            raise AlreadyThere(str(error)) from error
        self._contexts.refresh(context, hints=priority == HINT_PRIORITY)

    def remove_extension(self, context: str, exten: str, priority: int = 0, *, caller_match: str | None = None) -> bool:
        """Remove a priority, or the extension with 0; whether there was one of the registrar's."""
        fragment = self._contexts.find_fragment(self._registrar, context)
        if fragment is None or not fragment.remove(exten, priority, caller_match):
            return False
        self._contexts.refresh(context)
        return True

    def add_include(self, context: str, include: str) -> None:
        """Include a context; the context that includes is made if need be. Raises AlreadyThere."""
        made = Include.parse(include)
        held = self._contexts.context(context)
        if held is not None and any(each.name.lower() == made.name.lower() for each in held.includes):
            raise AlreadyThere(f"Context '{include}' already included in '{context}' context")
        self._contexts.fragment(self._registrar, context).includes.append(made)
        self._contexts.refresh(context, hints=False)

    def remove_include(self, context: str, include: str) -> bool:
        """Remove an include; whether the registrar had it."""
        fragment = self._contexts.find_fragment(self._registrar, context)
        found = [] if fragment is None else [each for each in fragment.includes if each.name == include]
        if fragment is None or not found:
            return False
        fragment.includes.remove(found[0])
        self._contexts.refresh(context, hints=False)
        return True

    def add_ignore_pattern(self, context: str, pattern: str) -> None:
        """Keep dial tone after ``pattern``. Raises NoSuchContext, AlreadyThere."""
        held = self._contexts.context(context)
        if held is None:
            raise NoSuchContext(f"There is no existence of '{context}' context")
        if any(each.lower() == pattern.lower() for each in held.ignore_patterns):
            raise AlreadyThere(f"Ignore pattern '{pattern}' already included in '{context}' context")
        self._contexts.fragment(self._registrar, context).ignore_patterns.append(pattern)
        self._contexts.refresh(context, hints=False)

    def remove_ignore_pattern(self, context: str, pattern: str) -> bool:
        """Remove a pattern; whether the registrar had it. Raises NoSuchContext."""
        if self._contexts.context(context) is None:
            raise NoSuchContext(f"There is no existence of '{context}' context")
        fragment: Fragment | None = self._contexts.find_fragment(self._registrar, context)
        if fragment is None or pattern not in fragment.ignore_patterns:
            return False
        fragment.ignore_patterns.remove(pattern)
        self._contexts.refresh(context, hints=False)
        return True

    def remove_context(self, context: str) -> bool:
        """Remove a context, whoever made it; whether there was one."""
        return self._contexts.remove(context)
