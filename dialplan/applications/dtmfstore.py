"""app_dtmfstore: StoreDTMF."""

from __future__ import annotations

from dataclasses import dataclass, field

from twisted.internet.defer import Deferred, DeferredLock
from twisted.logger import Logger

from dialplan.arguments import ArgumentError, Arguments, split_arguments
from dialplan.engine import Engine
from dialplan.functions.base import scan_int
from dialplan.registry import DialplanModule, application
from dialplan.run import RESULT_HANGUP, RESULT_OK
from dialplan.variables import write_expression
from pbx.bus import Subscription
from pbx.core.channel import Channel, settle
from pbx.core.messages import DigitEnded

log = Logger()


@dataclass(slots=True)
class _Store:
    """What is kept of one channel: ``direction`` is that of the bus; 0 digits is no limit."""

    direction: str
    variable: str
    limit: int
    #: Digits one after the other, as a function that holds them may have to be waited for.
    order: DeferredLock = field(default_factory=DeferredLock)


class DtmfStoreModule(DialplanModule):
    """StoreDTMF. Reads the digits of the bus while some channel's are stored."""

    name = "app_dtmfstore"
    description = "Technology independent async DTMF storage"
    support_level = "extended"

    async def load(self) -> None:
        self._stores: dict[str, _Store] = {}
        self._reading: Subscription | None = None
        await super().load()

    async def unload(self) -> None:
        await super().unload()
        self._stores.clear()
        self._read()

    @property
    def use_count(self) -> int:
        return len(self._stores)

    @application(
        "StoreDTMF",
        "direction[,varname[,maxdigits]]",
        synopsis="Stores DTMF digits transmitted or received on a channel.",
        description=(
            "TX or RX as direction appends what is sent or received to the variable, which may be a function, until it "
            "has 'maxdigits' digits; 'remove' ends that."
        ),
    )
    def app_store_dtmf(self, channel: Channel, args: Arguments) -> int:
        direction, variable, limit = (*split_arguments(args.raw, 3), "", "", "")[:3]
        if not args.raw:
            raise ArgumentError("StoreDTMF requires an argument")
        if direction.lower() == "remove":
            return self._remove(channel)
        if channel.uniqueid in self._stores:
            log.warn("StoreDTMF already set on '{channel}'", channel=channel.name)
            return RESULT_OK
        received = {"rx": "Received", "tx": "Sent"}.get(direction.lower())
        if received is None:
            raise ArgumentError("StoreDTMF: direction must be either RX or TX")
        most = scan_int(limit) if limit.strip() else 0
        if most is None or most < 0:
            raise ArgumentError(f"StoreDTMF: invalid number of digits '{limit}'")
        if not variable:
            raise ArgumentError("StoreDTMF requires a variable")
        self._stores[channel.uniqueid] = _Store(received, variable, most)
        channel.on_end.append(self._forget)
        self._read()
        return RESULT_OK

    def _remove(self, channel: Channel) -> int:
        if channel.uniqueid not in self._stores:
            log.warn("Cannot remove StoreDTMF from {channel}: StoreDTMF not currently enabled", channel=channel.name)
            return RESULT_HANGUP
        channel.on_end.remove(self._forget)
        self._forget(channel)
        return RESULT_OK

    def _forget(self, channel: Channel) -> None:
        self._stores.pop(channel.uniqueid, None)
        self._read()

    def _read(self) -> None:
        """Be a reader of the bus exactly while there is something to store."""
        if self._stores and self._reading is None:
            self._reading = self.server.bus.subscribe(DigitEnded, self._digit)
        elif not self._stores and self._reading is not None:
            self._reading.cancel()
            self._reading = None

    def _digit(self, message: DigitEnded) -> None:
        store = self._stores.get(message.channel.uniqueid)
        channel = self.server.channels.find_id(message.channel.uniqueid)
        if store is None or channel is None or store.direction != message.direction:
            return
        store.order.run(lambda: Deferred.fromCoroutine(self._append(channel, store, message.digit))).addErrback(
            lambda failure: log.failure("{channel}: StoreDTMF failed", failure=failure, channel=channel.name)
        )

    async def _append(self, channel: Channel, store: _Store, digit: str) -> None:
        engine = self.server.require(Engine)
        present = await settle(engine.substitute(channel, f"${{{store.variable}}}"))
        if self._stores.get(channel.uniqueid) is not store:
            return
        if store.limit and len(present) >= store.limit:
            self._remove(channel)
        elif store.variable.endswith(")"):
            await write_expression(engine.registry, channel, store.variable, present + digit)
        else:
            channel.set_variable(store.variable, present + digit)
