"""PJMEDIA's conference bridge and the C thread that is its clock.

Adding, removing and connecting ports is queued by PJMEDIA and done at the next tick (20 ms) in the clock's thread. A
port is counted by references: it may be given up (`pjmedia_port_destroy`, `pjmedia_stream_destroy`) right after
`remove`, and lives until the conference has let go of it.
"""

from __future__ import annotations

from pbx.media._native.library import CData, PjLibrary, check, pool
from pbx.media.errors import MediaError
from pbx.pjsip._abi import ffi

#: One tick of the clock, which is also how long a queued operation may wait.
TICK_MS = 20
#: pjmedia_conf_create: no sound device (without this option the call ends the process). Its options for cheaper
#: resampling are not used: the small filter loses 2 dB everywhere and 10 dB at 3.4 kHz, the linear one 12 dB there.
NO_DEVICE = 2
#: Legs, players and recorders together. Each port keeps 8 bytes per slot, so 1,600 cost it 12.5 KiB.
SLOTS = 1600
#: The conference's own port: whatever is connected to it is consumed in real time and thrown away.
NULL_SLOT = 0


class Conference:
    """A running bridge at ``rate`` Hz, mono. `start` makes it, `stop` ends it."""

    def __init__(self, library: PjLibrary, rate: int) -> None:
        self._library = library
        self._lib = library.lib
        self.rate = rate
        self._pool: CData = None
        self._conference: CData = None
        self._null: CData = None
        self._master: CData = None
        self._slot = ffi.new("unsigned *")
        self._levels = ffi.new("unsigned[2]")
        self.silence_slot = 0

    @property
    def running(self) -> bool:
        return self._master is not None

    def start(self) -> None:
        """Create the bridge, a null port as the far side of its clock, and a port that sources silence."""
        samples = self.rate * TICK_MS // 1000
        self._pool = pool(self._library, b"conference")
        made = ffi.new("pjmedia_conf **")
        check(
            self._lib,
            self._lib.pjmedia_conf_create(self._pool, SLOTS, self.rate, 1, samples, 16, NO_DEVICE, made),
            "pjmedia_conf_create",
        )
        self._conference = made[0]
        self._null = self._null_port(samples)
        silence = self._null_port(samples)
        self.silence_slot = self.add(silence, b"silence")
        self._lib.pjmedia_port_destroy(silence)
        master = ffi.new("pjmedia_master_port **")
        status = self._lib.pjmedia_master_port_create(
            self._pool, self._null, self._lib.pjmedia_conf_get_master_port(self._conference), 0, master
        )
        check(self._lib, status, "pjmedia_master_port_create")
        self._master = master[0]
        check(self._lib, self._lib.pjmedia_master_port_start(self._master), "pjmedia_master_port_start")

    def _null_port(self, samples: int) -> CData:
        port = ffi.new("pjmedia_port **")
        status = self._lib.pjmedia_null_port_create(self._pool, self.rate, 1, samples, 16, port)
        check(self._lib, status, "pjmedia_null_port_create")
        return port[0]

    def stop(self) -> None:
        """Stop the clock, then destroy the bridge; ports still in it lose the bridge's reference. Idempotent."""
        if self._master is not None:
            self._lib.pjmedia_master_port_stop(self._master)
            self._lib.pjmedia_master_port_destroy(self._master, 0)
            self._master = None
        if self._conference is not None:
            self._lib.pjmedia_conf_destroy(self._conference)
            self._conference = None
        if self._null is not None:
            self._lib.pjmedia_port_destroy(self._null)
            self._null = None
        if self._pool is not None:
            self._lib.pj_pool_release(self._pool)
            self._pool = None

    def add(self, port: CData, name: bytes) -> int:
        """Put a port into the bridge and return its slot. Raises MediaError when all slots are taken."""
        text = ffi.new("char[]", name[:30])
        label = ffi.new("pj_str_t *", {"ptr": text, "slen": len(name[:30])})
        status = self._lib.pjmedia_conf_add_port(self._conference, self._pool, port, label, self._slot)
        check(self._lib, status, "pjmedia_conf_add_port")
        return int(self._slot[0])

    def remove(self, slot: int) -> None:
        """Take a port out; its connections go with it."""
        self._check_slot(slot)
        if self._conference is not None:
            self._lib.pjmedia_conf_remove_port(self._conference, slot)

    def connect(self, source: int, sink: int) -> None:
        self._check_slot(source)
        self._check_slot(sink)
        status = self._lib.pjmedia_conf_connect_port(self._conference, source, sink, 0)
        check(self._lib, status, "pjmedia_conf_connect_port")

    def disconnect(self, source: int, sink: int) -> None:
        self._check_slot(source)
        self._check_slot(sink)
        status = self._lib.pjmedia_conf_disconnect_port(self._conference, source, sink)
        check(self._lib, status, "pjmedia_conf_disconnect_port")

    def level_to(self, slot: int) -> int:
        """Level of the last tick's audio to a port: 0 (silence) to 255, on the u-law scale."""
        self._check_slot(slot)
        self._lib.pjmedia_conf_get_signal_level(self._conference, slot, self._levels, self._levels + 1)
        return int(self._levels[0])

    @property
    def ports(self) -> int:
        """Ports in the bridge now, the null and the silence port included; removals count after the next tick."""
        return int(self._lib.pjmedia_conf_get_port_count(self._conference)) if self._conference is not None else 0

    @property
    def connections(self) -> int:
        return int(self._lib.pjmedia_conf_get_connect_count(self._conference)) if self._conference is not None else 0

    @staticmethod
    def _check_slot(slot: int) -> None:
        if not 0 <= slot < SLOTS:
            raise MediaError(f"there is no conference slot {slot}")
