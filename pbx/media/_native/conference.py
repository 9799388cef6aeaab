"""PJMEDIA's conference bridges and the C thread that is their clock.

There are two bridges: one mixes at 8 kHz, one at 16 kHz, and one clock drives both, one after the other, so a port may
be moved between them safely. Adding, removing and connecting ports is queued by PJMEDIA and done at the next tick (20
ms) in the clock's thread. A port is counted by references: it may be given up (`pjmedia_port_destroy`,
`pjmedia_stream_destroy`) right after `Bridge.remove`, and lives until the bridge has let go of it.
"""

from __future__ import annotations

from pbx.media._native.library import CData, PjLibrary, check, pool
from pbx.media.errors import MediaError
from pbx.pjsip._abi import ffi

#: One tick of the clock, which is also how long a queued operation may wait.
TICK_MS = 20
NARROW_RATE = 8000
WIDE_RATE = 16000
#: pjmedia_conf_create: no sound device (without this option the call ends the process). Its options for cheaper
#: resampling are not used: the small filter loses 2 dB everywhere and 10 dB at 3.4 kHz, the linear one 12 dB there.
_NO_DEVICE = 2
_KEEP_OTHER_PORT = 4
#: Legs, players and recorders together. Each port keeps 8 bytes per slot, so 1,600 cost it 12.5 KiB.
SLOTS = 1600
#: A bridge's own port: whatever is connected to it is consumed in real time and thrown away.
NULL_SLOT = 0


class Bridge:
    """One conference bridge at ``rate`` Hz, mono, with a port that sources silence. `Conference` clocks it."""

    def __init__(self, library: PjLibrary, memory: CData, rate: int) -> None:
        self._lib = library.lib
        self._pool = memory
        self.rate = rate
        self.samples = rate * TICK_MS // 1000
        self._slot = ffi.new("unsigned *")
        self._levels = ffi.new("unsigned[2]")
        made = ffi.new("pjmedia_conf **")
        status = self._lib.pjmedia_conf_create(memory, SLOTS, rate, 1, self.samples, 16, _NO_DEVICE, made)
        check(self._lib, status, "pjmedia_conf_create")
        self._handle: CData = made[0]
        silence = self.null_port()
        self.silence_slot = self.add(silence, b"silence")
        self.master: CData = self._lib.pjmedia_conf_get_master_port(self._handle)
        # Nobody speaks into a bridge's own port. The clock would hand it frames of the other bridge's size, over which
        # PJMEDIA ends the process: let it do with them what the null port does, which is nothing.
        self.master.put_frame = silence.put_frame
        self._lib.pjmedia_port_destroy(silence)

    def null_port(self) -> CData:
        port = ffi.new("pjmedia_port **")
        status = self._lib.pjmedia_null_port_create(self._pool, self.rate, 1, self.samples, 16, port)
        check(self._lib, status, "pjmedia_null_port_create")
        return port[0]

    def destroy(self) -> None:
        """Only after the clock has stopped."""
        self._lib.pjmedia_conf_destroy(self._handle)
        self._handle = None

    def add(self, port: CData, name: bytes) -> int:
        """Put a port into the bridge and return its slot. Raises MediaError when all slots are taken."""
        text = ffi.new("char[]", name[:30])
        label = ffi.new("pj_str_t *", {"ptr": text, "slen": len(name[:30])})
        status = self._lib.pjmedia_conf_add_port(self._handle, self._pool, port, label, self._slot)
        check(self._lib, status, "pjmedia_conf_add_port")
        return int(self._slot[0])

    def remove(self, slot: int) -> None:
        """Take a port out; its connections go with it."""
        self._check_slot(slot)
        check(self._lib, self._lib.pjmedia_conf_remove_port(self._handle, slot), "pjmedia_conf_remove_port")

    def connect(self, source: int, sink: int) -> None:
        self._check_slot(source)
        self._check_slot(sink)
        status = self._lib.pjmedia_conf_connect_port(self._handle, source, sink, 0)
        check(self._lib, status, "pjmedia_conf_connect_port")

    def disconnect(self, source: int, sink: int) -> None:
        self._check_slot(source)
        self._check_slot(sink)
        status = self._lib.pjmedia_conf_disconnect_port(self._handle, source, sink)
        check(self._lib, status, "pjmedia_conf_disconnect_port")

    def level_to(self, slot: int) -> int:
        """Level of the last tick's audio to a port: 0 (silence) to 255, on the u-law scale."""
        self._check_slot(slot)
        self._levels[0] = 0
        self._lib.pjmedia_conf_get_signal_level(self._handle, slot, self._levels, self._levels + 1)
        return int(self._levels[0])

    @property
    def ports(self) -> int:
        """Ports added by others; removals count after the next tick."""
        return int(self._lib.pjmedia_conf_get_port_count(self._handle)) - 2 if self._handle is not None else 0

    @property
    def connections(self) -> int:
        return int(self._lib.pjmedia_conf_get_connect_count(self._handle)) if self._handle is not None else 0

    def _check_slot(self, slot: int) -> None:
        if self._handle is None or not 0 <= slot < SLOTS:
            raise MediaError(f"there is no conference slot {slot}")


class Conference:
    """Both bridges and their clock. ``wide`` False leaves the 16 kHz one out. `stop` ends it."""

    def __init__(self, library: PjLibrary, *, wide: bool) -> None:
        self._lib = library.lib
        self._pool = pool(library, b"conference")
        self.narrow = Bridge(library, self._pool, NARROW_RATE)
        self.wide = Bridge(library, self._pool, WIDE_RATE) if wide else None
        port = ffi.new("pjmedia_port **")
        if self.wide is None:
            upstream = self.narrow.master
            self._other = self.narrow.null_port()
        else:
            upstream = self.wide.master
            status = self._lib.pjmedia_resample_port_create(
                self._pool, self.narrow.master, WIDE_RATE, _KEEP_OTHER_PORT, port
            )
            check(self._lib, status, "pjmedia_resample_port_create")
            self._other = port[0]
        master = ffi.new("pjmedia_master_port **")
        status = self._lib.pjmedia_master_port_create(self._pool, upstream, self._other, 0, master)
        check(self._lib, status, "pjmedia_master_port_create")
        self._master = master[0]
        self._stopped = False

    def start(self) -> None:
        check(self._lib, self._lib.pjmedia_master_port_start(self._master), "pjmedia_master_port_start")

    def stop(self) -> None:
        """Stop the clock, then destroy the bridges; ports still in them lose the bridges' references. Idempotent."""
        if self._stopped:
            return
        self._stopped = True
        self._lib.pjmedia_master_port_stop(self._master)
        self._lib.pjmedia_master_port_destroy(self._master, 0)
        self._lib.pjmedia_port_destroy(self._other)
        self.narrow.destroy()
        if self.wide is not None:
            self.wide.destroy()
        self._lib.pj_pool_release(self._pool)
