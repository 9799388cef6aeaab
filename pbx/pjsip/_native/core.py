"""PJLIB, PJLIB-UTIL and one pjsip_endpoint inside the reactor: start-up, timers, log, callbacks, shutdown.

Every entry into PJSIP is made inside ``with core.entered():``. Leaving the outermost one runs what `later` queued and
re-arms the timer, so PJSIP's timers need no thread and no polling.
"""

from __future__ import annotations

import secrets
import threading
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Any

from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger, LogLevel

from pbx.clock import cancel_timer
from pbx.errors import ObeliskError
from pbx.pjsip._abi import ffi, open_library
from pbx.pjsip._native.errors import check

log = Logger()

CData = Any

#: Transactions live 32 s after their answer over UDP: PJSIP's default of 1023 would cap the exchange at 32 requests/s.
MAX_TRANSACTIONS = 200_000
#: Freed memory PJSIP's pools keep for reuse, in bytes.
POOL_CACHE = 64 * 1024 * 1024
#: Timers run per poll; PJSIP's 10 would cost a turn of the reactor for each ten transactions that end.
TIMERS_PER_POLL = 200
#: SIP's timers are hundreds of milliseconds: waiting this much longer lets one turn of the reactor serve many of them.
TIMER_SLACK_SECONDS = 0.01
#: PJ_THREAD_DESC_SIZE, in longs
THREAD_DESC_SIZE = 64
#: log.h: the sender's name in front of each line
PJ_LOG_HAS_SENDER = 64
#: pjsip_config.h's PJSIP_MAX_MODULE; one module more ends the process.
MAX_MODULES = 32
#: The places that PJSIP's own modules take: those of INIT_FUNCTIONS and two more.
PJSIP_MODULES = 8
#: Lines of PJSIP's log passed on per second; a flood of broken messages must not become a flood of log lines.
LOG_LINES_PER_SECOND = 20

_LEVELS = {0: LogLevel.critical, 1: LogLevel.error, 2: LogLevel.warn, 3: LogLevel.info}

INIT_FUNCTIONS = (
    "pjsip_tsx_layer_init_module",
    "pjsip_ua_init_module",
    "pjsip_100rel_init_module",
    "pjsip_inv_usage_init",
    "pjsip_timer_init_module",
    "pjsip_replaces_init_module",
    "pjsip_evsub_init_module",
    "pjsip_xfer_init_module",
)


def _bare_invite_layer(core: PjCore) -> None:
    """pjsip_inv_usage_init with callbacks that do nothing: for tools that place no calls."""
    lib = core.lib
    callbacks = core.keep(ffi.new("pjsip_inv_callback *"))
    ignore_state = core.callback("void(pjsip_inv_session *, pjsip_event *)", lambda session, event: None)
    callbacks.on_state_changed = ffi.cast("void *", ignore_state)
    ignore_fork = core.callback("void(pjsip_inv_session *, pjsip_event *)", lambda session, event: None)
    callbacks.on_new_session = ffi.cast("void *", ignore_fork)
    check(lib.pjsip_inv_usage_init(core.endpt, callbacks), "pjsip_inv_usage_init")


def _log_failed(kind: Any, error: BaseException | None, trace: Any) -> None:
    log.error("a line of PJSIP's log was lost: {error!r}", error=error)


class _Entry:
    """Counts how deep Python is inside PJSIP; see `PjCore.entered`."""

    __slots__ = ("_core",)

    def __init__(self, core: PjCore) -> None:
        self._core = core

    def __enter__(self) -> None:
        self._core._depth += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        core = self._core
        if core._depth == 1:
            core._settle()
        core._depth -= 1


class PjCore:
    """Owner of PJLIB's state. One may be running per process; `stop` then `start` of another is allowed."""

    _running: PjCore | None = None  # PJLIB's own state is per process, so this is too

    def __init__(self, reactor: Any, *, log_level: int = 2) -> None:
        """``reactor``: IReactorTime and IReactorFromThreads. ``log_level``: PJSIP's, 0 to 6."""
        self.reactor = reactor
        self.lib: Any = None
        self.endpt: CData = None
        self.tpmgr: CData = None
        self.started = False
        self._log_level = log_level
        self._depth = 0
        self._queue: deque[tuple[Callable[..., object], tuple[Any, ...]]] = deque()
        self._callbacks: list[CData] = []
        self._keep: list[Any] = []
        self._modules: set[bytes] = set()
        self._entry = _Entry(self)
        self._caching: CData = None
        self._heap: CData = None
        self._timer: IDelayedCall | None = None
        self._armed = 0
        self._when = ffi.new("pj_time_val *")
        self._now = ffi.new("pj_time_val *")
        self._thread = 0
        self._log_second = 0.0
        self._log_lines = 0

    @property
    def pool_factory(self) -> CData:
        """The ``pj_pool_factory *`` all of PJSIP allocates from; media's pools come from it too."""
        return ffi.addressof(self._caching, "factory")

    # -- start and stop -----------------------------------------------------------------------------------------------

    def start(self, invite_layer: Callable[[PjCore], object] | None = None) -> None:
        """Bring PJSIP up in the order that works. ``invite_layer(core)`` is called where pjsip_inv_usage_init belongs.

        Raises LibraryError, PjError, or ObeliskError when another PjCore runs.
        """
        if PjCore._running is not None:
            raise ObeliskError("PJSIP is already running in this process")
        lib = self.lib = open_library()
        self._thread = threading.get_ident()
        lib.pj_log_set_level(self._log_level)
        lib.pj_log_set_decor(PJ_LOG_HAS_SENDER)
        # Not by `callback`: media's threads come here too, which must not touch what counts the reactor's entries.
        lib.pj_log_set_log_func(
            self.keep(ffi.callback("void(int, const char *, int)", self._on_log, onerror=_log_failed))
        )
        check(lib.pj_init(), "pj_init")
        # PJLIB's mutexes copy their owner's name whenever they are locked, 500 times a call: "r" for the reactor's.
        description = self.keep(ffi.new("long[]", THREAD_DESC_SIZE))
        check(lib.pj_thread_register(b"r", description, ffi.new("pj_thread_t **")), "pj_thread_register")
        # Tags, branches and Call-IDs come from rand(), which starts every process with the same numbers.
        lib.pj_srand(secrets.randbits(32))
        PjCore._running = self
        try:
            self._start(lib, invite_layer or _bare_invite_layer)
        except BaseException:
            self.stop()
            raise
        self.started = True
        self._settle()

    def _start(self, lib: Any, invite_layer: Callable[[PjCore], object]) -> None:
        check(lib.pjlib_util_init(), "pjlib_util_init")
        config = lib.pjsip_sip_cfg_var
        config.tsx.max_count = MAX_TRANSACTIONS
        config.endpt.disable_tcp_switch = 1
        self._caching = ffi.new("pj_caching_pool *")
        lib.pj_caching_pool_init(self._caching, lib.pj_pool_factory_get_default_policy(), POOL_CACHE)
        made = ffi.new("pjsip_endpoint **")
        check(lib.pjsip_endpt_create(ffi.addressof(self._caching, "factory"), b"obelisk", made), "pjsip_endpt_create")
        self.endpt = made[0]
        self.tpmgr = lib.pjsip_endpt_get_tpmgr(self.endpt)
        self._heap = lib.pjsip_endpt_get_timer_heap(self.endpt)
        lib.pj_timer_heap_set_max_timed_out_per_poll(self._heap, TIMERS_PER_POLL)
        for name in INIT_FUNCTIONS:
            if name == "pjsip_inv_usage_init":
                invite_layer(self)
            elif name == "pjsip_ua_init_module":
                check(lib.pjsip_ua_init_module(self.endpt, ffi.NULL), name)
            else:
                check(getattr(lib, name)(self.endpt), name)

    def keep(self, value: Any) -> Any:
        """Keep a cffi value alive until PJSIP has stopped; gives it back."""
        self._keep.append(value)
        return value

    def stop(self) -> None:
        """Destroy the endpoint and PJLIB. Safe to call twice. Nothing of ours may use PJSIP afterwards."""
        if PjCore._running is not self:
            return
        lib = self.lib
        cancel_timer(self._timer)
        self._timer = None
        self.started = False
        self._queue.clear()
        if self.endpt is not None:
            with self.entered():
                lib.pjsip_endpt_destroy(self.endpt)
            self.endpt = self.tpmgr = self._heap = None
        if self._caching is not None:
            lib.pj_caching_pool_destroy(self._caching)
            self._caching = None
        lib.pj_log_set_level(0)
        lib.pj_log_set_log_func(ffi.NULL)
        lib.pj_shutdown()
        self._queue.clear()
        self._callbacks.clear()
        self._keep.clear()
        self._modules.clear()
        PjCore._running = None

    def register_module(self, name: bytes, priority: int, **callbacks: CData) -> CData:
        """A pjsip_module * of ours, registered and kept until `stop`; ``callbacks`` are its members by name.

        Raises ObeliskError when PJSIP has no place left, PjError.
        """
        if name in self._modules:
            raise ObeliskError(f"there is a PJSIP module {name.decode()} already")
        if len(self._modules) >= MAX_MODULES - PJSIP_MODULES:
            raise ObeliskError(
                f"PJSIP has {MAX_MODULES - PJSIP_MODULES} places for modules of ours: no {name.decode()}"
            )
        module = self.keep(ffi.new("pjsip_module *"))
        text = self.keep(ffi.new("char[]", name))
        module.name.ptr, module.name.slen = text, len(name)
        module.id = -1
        module.priority = priority
        for member, pointer in callbacks.items():
            setattr(module, member, ffi.cast("void *", pointer))
        check(self.lib.pjsip_endpt_register_module(self.endpt, module), "pjsip_endpt_register_module")
        self._modules.add(name)
        return module

    # -- entering PJSIP ----------------------------------------------------------------------------------------------

    def entered(self) -> _Entry:
        """Context of a call into PJSIP; may be nested."""
        return self._entry

    def later(self, call: Callable[..., object], *args: Any) -> None:
        """Run ``call(*args)`` when the outermost call into PJSIP has returned: at once if Python is in none."""
        self._queue.append((call, args))
        if self._depth == 0:
            with self._entry:
                pass

    def after(self, call: Callable[..., object], *args: Any) -> None:
        """Run ``call(*args)`` once what happens now is over: as `later` inside PJSIP, else in the next turn."""
        if self._depth:
            self._queue.append((call, args))
        else:
            self.reactor.callLater(0, call, *args)

    def _settle(self) -> None:
        queue = self._queue
        while queue:
            call, args = queue.popleft()
            try:
                call(*args)
            except Exception:  # what one event's reader breaks must not keep the others from theirs
                log.failure("a queued SIP event failed")
        if not self.started:
            return
        lib, heap, when = self.lib, self._heap, self._when
        if not lib.pj_timer_heap_count(heap) or lib.pj_timer_heap_earliest_time(heap, when):
            return  # asking an empty heap for its earliest time is an assertion
        due = when.sec * 1000 + when.msec
        if self._timer is not None and due >= self._armed:
            return
        self._arm(due)

    def _arm(self, due: int) -> None:
        now = self._now
        self.lib.pj_gettickcount(now)
        delay = max(0, due - now.sec * 1000 - now.msec) / 1000.0 + TIMER_SLACK_SECONDS
        self._armed = due
        if self._timer is not None:
            self._timer.reset(delay)
        else:
            self._timer = self.reactor.callLater(delay, self._poll)

    def _poll(self) -> None:
        self._timer = None
        with self._entry:
            self.lib.pj_timer_heap_poll(self._heap, ffi.NULL)

    # -- callbacks ---------------------------------------------------------------------------------------------------

    def callback(
        self,
        signature: str,
        function: Callable[..., Any],
        *,
        result: Any = None,
        on_error: Callable[..., object] | None = None,
        call_id: Callable[..., str] | None = None,
    ) -> CData:
        """A C function pointer for ``function``, kept until `stop`; for what PJSIP calls on the reactor's thread.

        An exception is logged with the Call-ID that ``call_id(*args)`` finds, ``on_error(*args)`` may answer it, and C
        gets ``result``. None of them lets an exception into C.
        """

        def guarded(*args: Any) -> Any:
            # This runs some fifty times a call, nearly always while Python is in PJSIP already.
            try:
                if self._depth:
                    return function(*args)
                with self._entry:
                    return function(*args)
            except Exception:  # the boundary to C
                self._failed(signature, args, on_error, call_id)
                return result

        def last_net(kind: Any, error: Any, trace: Any) -> None:
            log.error("callback {signature} failed beyond its guard: {error!r}", signature=signature, error=error)

        if result is None:
            pointer = ffi.callback(signature, guarded, onerror=last_net)
        else:
            pointer = ffi.callback(signature, guarded, error=result, onerror=last_net)
        self._callbacks.append(pointer)
        return pointer

    @staticmethod
    def _failed(
        signature: str,
        args: tuple[Any, ...],
        on_error: Callable[..., object] | None,
        call_id: Callable[..., str] | None,
    ) -> None:
        known = ""
        try:
            if call_id is not None:
                known = call_id(*args)
        except Exception:  # naming the call is a courtesy; its failure must not hide the first one
            known = "unknown"
        log.failure("SIP callback failed (Call-ID {call_id}): {signature}", call_id=known, signature=signature)
        if on_error is not None:
            try:
                on_error(*args)
            except Exception:  # the answer of last resort failed too: say so, C must go on
                log.failure("answering the failed SIP callback failed (Call-ID {call_id})", call_id=known)

    def _on_log(self, level: int, data: CData, length: int) -> None:
        text = ffi.string(data, length).decode("utf-8", "replace").strip()
        if threading.get_ident() == self._thread:
            self._emit(level, text)
        else:
            self.reactor.callFromThread(self._emit, level, text)

    def _emit(self, level: int, text: str) -> None:
        second = self.reactor.seconds() // 1
        if second != self._log_second:
            if self._log_lines > LOG_LINES_PER_SECOND:
                log.warn("{count} lines of PJSIP's log were left out", count=self._log_lines - LOG_LINES_PER_SECOND)
            self._log_second, self._log_lines = second, 0
        self._log_lines += 1
        if self._log_lines <= LOG_LINES_PER_SECOND:
            log.emit(_LEVELS.get(level, LogLevel.debug), "PJSIP: {text}", text=text)

    def set_log_level(self, level: int) -> None:
        """PJSIP's own log level, 0 (nothing but fatal) to 6."""
        self._log_level = level
        self.lib.pj_log_set_level(level)

    # -- pools and counts --------------------------------------------------------------------------------------------

    def pool(self, name: bytes, initial: int = 1024, increment: int = 1024) -> CData:
        """A pool of the endpoint; give it to `release`."""
        return self.lib.pjsip_endpt_create_pool(self.endpt, name, initial, increment)

    def release(self, pool: CData) -> None:
        self.lib.pjsip_endpt_release_pool(self.endpt, pool)

    def zalloc(self, pool: CData, kind: str) -> CData:
        """A zeroed ``kind`` (a struct's name) in ``pool``."""
        return ffi.cast(f"{kind} *", self.lib.pj_pool_calloc(pool, 1, ffi.sizeof(kind)))

    def count_pools(self) -> int:
        """Pools in use (this build does not count their bytes)."""
        return int(self._caching.used_count) if self._caching is not None else 0

    def count_transactions(self) -> int:
        return int(self.lib.pjsip_tsx_layer_get_tsx_count())
