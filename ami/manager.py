"""The manager: its users, its actions, its sessions and the stream of events they share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, TypeVar

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger

from ami.events import ENCODERS, EventMaker, EventStream
from ami.link import Link
from ami.session import Session
from ami.table import Action, ActionTable
from ami.users import Account, General, ManagerConfig
from pbx.clock import cancel_timer
from pbx.core.snapshot import ChannelSnapshot
from pbx.errors import ObeliskError

if TYPE_CHECKING:
    from pbx.core.channel import Channel
    from pbx.server import Server

log = Logger()
T = TypeVar("T")


class Manager:
    """One for the exchange; the module makes it, protocols bring it connections."""

    def __init__(self, server: Server, config: ManagerConfig, actions: Iterable[Action]) -> None:
        self.server = server
        self.config = config
        self.actions = ActionTable(actions)
        self.sessions: list[Session] = []
        self.stream = EventStream(server.bus, ENCODERS, server.channels)
        self._unflushed: list[Session] = []
        self._flush_timer: IDelayedCall | None = None
        self._last_values: dict[str, dict[str, str]] = {}
        self.configure(config)

    # Configuration

    @property
    def general(self) -> General:
        return self.config.general

    @property
    def accounts(self) -> dict[str, Account]:
        return self.config.accounts

    def sessions_of(self, name: str) -> int | None:
        """How many sessions a user has; None where there is no such user."""
        if name not in self.accounts:
            return None
        return sum(each.account is not None and each.account.name == name for each in self.sessions)

    def configure(self, config: ManagerConfig) -> None:
        """Take a configuration; sessions keep the rights they logged in with."""
        self.config = config
        general = config.general
        self._last_values.clear()
        #: Makes events and the channels' part of list items.
        self.maker = EventMaker(
            self.server.clock.now,
            self._channel_variable,
            system_name=self.server.channels.system_name,
            timestamps=general.timestampevents,
            disabled=general.disabledevents,
            channel_variables=general.channelvars,
        )
        self.stream.use(self.maker)

    def _channel_variable(self, snapshot: ChannelSnapshot, name: str) -> str:
        """One of ``channelvars``. A channel that has just gone shows what it had at its last event."""
        channel = self.server.channels.find_id(snapshot.uniqueid)
        kept = self._last_values.setdefault(snapshot.uniqueid, {})
        if channel is not None:
            kept[name] = read_now(self.server, channel, name)
        value = kept.get(name, "")
        if not snapshot.alive and name == self.general.channelvars[-1]:
            self._last_values.pop(snapshot.uniqueid, None)
        return value

    # Actions

    def find_action(self, name: str) -> Action | None:
        """An action by name, unless the module it belongs to is not running."""
        found = self.actions.find(name)
        if found is None or (found.module and not self.server.modules.is_running(found.module)):
            return None
        return found

    def available(self) -> list[Action]:
        """Every action that works now, by name."""
        return [each for each in self.actions if not each.module or self.server.modules.is_running(each.module)]

    def in_thread(self, work: Callable[[], T]) -> Awaitable[T]:
        """Do slow work beside the reactor; in place where there is no thread pool, as under test."""
        reactor = self.server.reactor
        pool = getattr(reactor, "getThreadPool", None)
        if pool is None:
            done: Deferred[T] = maybeDeferred(work)
            return done
        return deferToThreadPool(reactor, pool(), work)

    # Sessions

    def connected(self, link: Link) -> Session | None:
        """A client has connected; None, and nothing was said to it, where too many have not logged in yet."""
        waiting = sum(not each.authenticated for each in self.sessions)
        if waiting >= self.general.authlimit:
            log.warn(
                "manager connection from {peer} refused: {count} others have not logged in (authlimit)",
                peer=link.peer.host,
                count=waiting,
            )
            return None
        session = Session(self, link)
        self.sessions.append(session)
        session.greet()
        return session

    def logged_in(self, session: Session) -> None:
        """A session may get events from now on."""
        self.stream.add(session)

    def lost(self, session: Session) -> None:
        """A session's connection has gone."""
        self.stream.remove(session)
        if session in self.sessions:
            self.sessions.remove(session)
        session.lost()

    def flush_soon(self, session: Session) -> None:
        """Write what the session has, once this turn of the reactor is over: events come in runs."""
        self._unflushed.append(session)
        if self._flush_timer is None:
            self._flush_timer = self.server.clock.call_later(0, self._flush)

    def _flush(self) -> None:
        self._flush_timer = None
        sessions, self._unflushed = self._unflushed, []
        for session in sessions:
            session.flush()

    def stop(self) -> None:
        """Close every session; what they were sent still goes out."""
        for session in list(self.sessions):
            session.close()
        self.stream.stop()
        cancel_timer(self._flush_timer)
        self._flush_timer = None


def read_now(server: Server, channel: Channel | None, expression: str) -> str:
    """A variable, or a function that answers without waiting; empty where there is none or it fails."""
    if not expression.endswith(")"):
        if channel is not None:
            return channel.get_variable(expression) or ""
        return server.channels.get_global(expression) or ""
    try:
        result = server.dialplan.read_function(channel, expression)
    except (ObeliskError, LookupError, ValueError):
        return ""
    if isinstance(result, str):
        return result
    close = getattr(result, "close", None)
    if close is not None:
        close()
    return ""


__all__ = ["Manager", "read_now"]
