"""res_mwi_external: mailboxes whose counts of messages others set, by the manager or by ARI.

They are kept in the AstDB under Asterisk's own family, so both programs read each other's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from pbx.config import types
from pbx.config.options import ConfigObject, option
from pbx.core.messages import MailboxChanged
from pbx.errors import ObeliskError
from pbx.modules import Module

if TYPE_CHECKING:
    from pbx.bus import Bus
    from pbx.sorcery import Sorcery

#: The longest name of a mailbox, and how many there may be.
MAX_NAME = 255
MAX_MAILBOXES = 100_000
MAX_COUNT = 2**31 - 1


class MailboxError(ObeliskError):
    """A mailbox cannot be kept; the text says why."""


@dataclass(frozen=True, slots=True)
class Mailbox(ConfigObject):
    """A mailbox; ``id`` is its name, such as ``100@default``."""

    type_name: ClassVar[str] = "mailboxes"

    msgs_new: int = option(types.integer(0, MAX_COUNT), 0, help="messages not heard yet")
    msgs_old: int = option(types.integer(0, MAX_COUNT), 0, help="messages heard")


class Mailboxes:
    """All mailboxes whose counts are set from outside."""

    def __init__(self, sorcery: Sorcery, bus: Bus) -> None:
        self._sorcery = sorcery
        self._bus = bus

    def find(self, name: str) -> Mailbox | None:
        """By name."""
        return self._sorcery.get(Mailbox, name)

    def all(self) -> list[Mailbox]:
        """By name."""
        return sorted(self._sorcery.all(Mailbox), key=lambda each: each.id)

    def set(self, name: str, new: int, old: int) -> None:
        """Set a mailbox's counts, making it if need be. Raises MailboxError."""
        present = self.find(name)
        if present is None:
            if not name or len(name) > MAX_NAME or "/" in name or not name.isprintable():
                raise MailboxError(f"a mailbox's name has 1 to {MAX_NAME} characters and no slash")
            if len(self._sorcery.all(Mailbox)) >= MAX_MAILBOXES:
                raise MailboxError(f"{MAX_MAILBOXES} mailboxes are kept at most")
        if not (0 <= new <= MAX_COUNT and 0 <= old <= MAX_COUNT):
            raise MailboxError(f"a count is 0 to {MAX_COUNT}")
        built = replace(present or Mailbox(name), msgs_new=new, msgs_old=old)
        self._sorcery.save(built)
        self._tell(built)

    def delete(self, name: str) -> bool:
        """Forget a mailbox; False where there is none."""
        if self.find(name) is None:
            return False
        self._sorcery.delete(Mailbox, name)
        self._tell(Mailbox(name))
        return True

    def _tell(self, mailbox: Mailbox) -> None:
        if self._bus.wanted(MailboxChanged):
            self._bus.publish(MailboxChanged(mailbox.id, mailbox.msgs_new, mailbox.msgs_old))


class MwiExternalModule(Module):
    """Mailboxes set from outside."""

    name = "res_mwi_external"
    description = "Core external MWI resource"

    async def load(self) -> None:
        sorcery = self.server.sorcery
        self._withdraw: Callable[[], None] = sorcery.register_type(
            Mailbox, module=self.name, default="astdb,mwi_external"
        )
        sorcery.start(Mailbox)
        self.server.provide(Mailboxes, Mailboxes(sorcery, self.server.bus))

    async def unload(self) -> None:
        self.server.withdraw(Mailboxes)
        self._withdraw()


MODULES: tuple[type[Module], ...] = (MwiExternalModule,)
