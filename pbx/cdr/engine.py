"""What runs the ledger: lets it see the calls, and gives finished records to the backends, singly or in batches."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from twisted.logger import Logger

from pbx.cdr.ledger import Ledger
from pbx.cdr.operations import reset
from pbx.cdr.record import SECOND, Cdr, Disposition
from pbx.cdr.settings import CdrSettings
from pbx.clock import cancel_timer

if TYPE_CHECKING:
    from twisted.internet.interfaces import IDelayedCall

    from pbx.clock import Clock
    from pbx.core.channels import Channels

log = Logger()

Backend = Callable[[Cdr], object]


class CdrEngine:
    """Call detail records. While they are disabled nobody accompanies the calls, which costs nothing."""

    def __init__(self, clock: Clock, channels: Channels) -> None:
        self._clock = clock
        self._channels = channels
        self.settings = CdrSettings(enable=False)
        self.ledger: Ledger | None = None
        self.backends: dict[str, Backend] = {}
        self.batch: list[Cdr] = []
        self._timer: IDelayedCall | None = None

    def now(self) -> int:
        """Microseconds since the epoch."""
        return round(self._clock.now() * SECOND)

    # Backends

    def add_backend(self, name: str, backend: Backend) -> Callable[[], None]:
        """Give every record to ``backend`` too; the result ends that. Raises ValueError when the name is taken."""
        if name in self.backends:
            raise ValueError(f"CDR backend {name} is registered twice")
        self.backends[name] = backend

        def withdraw() -> None:
            if self.backends.get(name) is backend:
                del self.backends[name]

        return withdraw

    # Life

    def apply(self, settings: CdrSettings | None) -> None:
        """Take settings, None for no records at all. Calls there are keep their records while enabled."""
        self.settings = settings or CdrSettings(enable=False)
        if not self.settings.batch:
            self.submit()
        if not self.settings.enable:
            self.stop()
            return
        if self.ledger is None:
            self._start()
        else:
            self.ledger.settings = self.settings
            for chain in self.ledger.chains():
                for entry in chain:
                    entry.settings = self.settings

    def _start(self) -> None:
        self.ledger = Ledger(self.settings, self._clock.now, self._wanted, self._finished)
        self._channels.observe(self.ledger)

    def stop(self) -> None:
        """Give out what there is, and read no more."""
        ledger, self.ledger = self.ledger, None
        if ledger is not None:
            self._channels.observe(None)
            ledger.finish()
        if self.settings.safeshutdown:
            self.submit()

    def reset(self, uniqueid: str, *, keep_variables: bool = False) -> bool:
        """Begin a channel's records anew, see `pbx.cdr.operations.reset`; False where there are none."""
        return self.ledger is not None and reset(self.ledger, uniqueid, self.now(), keep_variables=keep_variables)

    # Records

    def _wanted(self) -> bool:
        return bool(self.backends or self.settings.batch or self.settings.debug)

    def _finished(self, records: list[Cdr]) -> None:
        if not self.settings.batch:
            for record in records:
                self._post(record)
            return
        self.batch += records
        if len(self.batch) >= self.settings.size:
            self.submit()
        elif self._timer is None:
            self._timer = self._clock.call_later(self.settings.time, self.submit)

    def submit(self) -> None:
        """Give the batch to the backends now."""
        cancel_timer(self._timer)
        self._timer = None
        batch, self.batch = self.batch, []
        for record in batch:
            self._post(record)

    @property
    def next_batch_seconds(self) -> float:
        """When the batch is given on at the latest; 0 while there is none."""
        return 0.0 if self._timer is None else max(0.0, self._timer.getTime() - self._clock.monotonic())

    def _post(self, record: Cdr) -> None:
        unanswered = record.disposition < Disposition.ANSWERED
        if unanswered and not self.settings.unanswered and not (record.channel and record.dstchannel):
            return
        if self.settings.debug:
            log.info("CDR of {channel}: {record!r}", channel=record.channel, record=record)
        if record.disabled:
            return
        for name, backend in list(self.backends.items()):
            try:
                backend(record)
            except Exception:  # one backend's defect must not keep the record from the others, nor end the call badly
                log.failure("the CDR backend {name} failed", name=name)
