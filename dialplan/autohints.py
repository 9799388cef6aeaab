"""``autohints = yes``: a hint for each device whose state changes, made in the contexts that ask for it.

Source: device_state_cb of main/pbx.c. The extension is the device's name without its technology or provider.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.logger import Logger

from dialplan.extensions import HINT_PRIORITY
from pbx.core import messages
from pbx.core.devices import PASSING

if TYPE_CHECKING:
    from dialplan.engine import Engine
    from pbx.bus import Bus, Subscription

log = Logger()

#: Hints that one context may be given so.
MAX_HINTS = 10_000


class AutoHints:
    """Makes hints while some context wants them."""

    def __init__(self, bus: Bus, engine: Engine) -> None:
        self._bus = bus
        self._engine = engine
        self._subscription: Subscription | None = None
        self._contexts: tuple[str, ...] = ()

    def refresh(self) -> None:
        """Look again which contexts want hints."""
        self._contexts = tuple(each.name for each in self._engine.contexts if each.autohints)
        if self._contexts and self._subscription is None:
            self._subscription = self._bus.subscribe(messages.DeviceStateChanged, self._changed)
        elif not self._contexts:
            self.stop()

    def stop(self) -> None:
        """Make no more."""
        if self._subscription is not None:
            self._subscription.cancel()
            self._subscription = None

    def _changed(self, message: messages.DeviceStateChanged) -> None:
        device = message.device
        at = min((at for at in (device.find("/"), device.find(":")) if at >= 0), default=-1)
        name = device[at + 1 :]
        if at < 0 or not name or device.partition("/")[0] in PASSING:
            return
        contexts = self._engine.contexts
        for context in self._contexts:
            held = contexts.context(context)
            if held is None or contexts.find_hint(context, name) is not None:
                continue
            if len(held.hints) >= MAX_HINTS:
                log.warn("{context}: no more than {count} hints are made of devices", context=context, count=MAX_HINTS)
                continue
            self._engine.editor(held.registrar).add_extension(context, name, HINT_PRIORITY, device)
