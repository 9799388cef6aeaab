"""What keeps a script from running away: a hook in its coroutine that counts, looks at the clock, lets others run.

The hook is C's, not one of Lua's own: only such a hook may yield, so that a script that works long gives way in the
middle of it, and only such a hook needs nothing of the script's stack, so that it counts at every depth. What it calls
of the Lua library is in lupa's extension module, which exports it; the declarations are those of Lua 5.4's lua.h.
Python's own lock is held throughout.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from time import perf_counter, thread_time
from typing import Final

from pbx.errors import ObeliskError

#: VM instructions between two looks of the hook; few enough that what each does in C hardly adds up.
HOOK_STEP: Final = 100
#: The same once a stretch of HOOK_STEP took long: its time goes to C functions, each of which is one instruction, and
#: to long texts.
FINE_STEP: Final = 10
#: Seconds from which on a stretch of either is long.
SLOW: Final = 0.0001
FINE_SLOW: Final = 0.00005

#: Seconds after which a script gives way to whatever else waits.
SLICE: Final = 0.005
#: Seconds between two looks at the processor's clock where it could not; also before the first one: only from then on
#: time is measured that others on this machine take no part of.
NEXT_LOOK: Final = 0.001
#: Seconds of CPU that a script may take where it cannot give way: Lua's C functions that call back do not let it.
UNYIELDABLE: Final = 0.03

#: Seconds of CPU that a script may use between two applications beyond what its instructions take, and more where it
#: is allowed more than ten million of them. They are for C functions and what the collector does at once.
GRACE: Final = 0.1
GRACE_SHARE: Final = 1e-8
#: Seconds of CPU that an instruction may take on the average: half as much again as those that allocate.
SHARE: Final = 6e-8

#: What a look finds: the script goes on, gives way, or is ended by its instructions or its time.
GO_ON: Final = 0
GIVE_WAY: Final = 1
TOO_MANY: Final = 2
TOO_LONG: Final = 3

_MASK_COUNT: Final = 1 << 3
_Hook = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)
_FUNCTIONS = {
    "lua_sethook": (None, (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_int)),
    "lua_gethook": (ctypes.c_void_p, (ctypes.c_void_p,)),
    "lua_isyieldable": (ctypes.c_int, (ctypes.c_void_p,)),
    "lua_yieldk": (ctypes.c_int, (ctypes.c_void_p, ctypes.c_int, ctypes.c_ssize_t, ctypes.c_void_p)),
    "lua_getinfo": (ctypes.c_int, (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)),
}

#: Parts of the kernel between whose instructions another call may run; the others keep what all calls share.
_INTERRUPTIBLE = tuple(b"=(obelisk %s.lua)" % part for part in (b"patterns", b"strings", b"tables"))
_KERNEL = b"=(obelisk "


class _Activation(ctypes.Structure):
    """The beginning of ``lua_Debug``, up to what is asked for."""

    _fields_ = (
        ("event", ctypes.c_int),
        ("name", ctypes.c_char_p),
        ("namewhat", ctypes.c_char_p),
        ("what", ctypes.c_char_p),
        ("source", ctypes.c_char_p),
    )


class WatchError(ObeliskError):
    """The Lua library cannot be watched."""


@dataclass(frozen=True, slots=True)
class Spent:
    """What a script that gave way has left and has used: it goes on with that."""

    instructions: int
    seconds: float


class Watch:
    """Watches the scripts of one runtime, one at a time.

    ``fresh`` says that a script goes on with all that it may use; ``worked`` is how many seconds scripts have worked
    since somebody set it to 0, where that is enough to be noticed. With ``tools`` no script is interrupted, nor ended
    for not giving way.
    """

    def __init__(self, library: str, instructions: int, slowness: float, *, tools: bool = False) -> None:
        """``library`` is the file of the Lua library. Raises WatchError."""
        try:
            functions = ctypes.PyDLL(library)
            for name, (result, arguments) in _FUNCTIONS.items():
                function = getattr(functions, name)
                function.restype, function.argtypes = result, arguments
        except (OSError, AttributeError) as error:
            raise WatchError(f"{library}: no library of Lua whose scripts can be watched: {error}") from error
        self._set_hook = functions.lua_sethook
        self._get_hook = functions.lua_gethook
        self._is_yieldable = functions.lua_isyieldable
        self._yield = functions.lua_yieldk
        self._get_info = functions.lua_getinfo
        self._callback = _Hook(self._hook)  # Lua keeps its address only
        self._hook_address = ctypes.cast(self._callback, ctypes.c_void_p)
        #: Lua's own hook, which calls the kernel's function that raises.
        self._lua_hook: int | None = None
        self._tools = tools
        self._allowance = instructions
        self._grace = max(GRACE, instructions * GRACE_SHARE) * slowness
        self._share = SHARE * slowness
        self._unyieldable = UNYIELDABLE * slowness
        self.fresh = True
        self.worked = 0.0
        self._interruptible = True
        self._verdict = GO_ON
        self._left = instructions
        self._spent = self._held = 0.0
        self._looked = self._next_look = 0.0
        self._cpu: float | None = None
        #: Coroutines that are looked at more often than after HOOK_STEP instructions.
        self._steps: dict[int, int] = {}

    # What the machine does

    def go_on(self, spent: Spent) -> None:
        """A script that gave way goes on."""
        now = perf_counter()
        self._begin(now)
        self._left, self._spent = spent.instructions, spent.seconds
        self._cpu, self._next_look = thread_time(), now + SLICE

    def spent(self) -> Spent:
        """What the script that just gave way has left and has used."""
        return Spent(self._left, self._spent)

    # What the kernel calls

    def watch(self, address: bytes) -> None:
        """Watch the coroutine with that address, as ``%p`` writes it; a hook of the kernel's is set for it."""
        state = int(address, 16)
        if self._lua_hook is None:
            self._lua_hook = self._get_hook(state)
        self._look_after(state, HOOK_STEP)

    def doom(self, address: bytes) -> None:
        """Have each instruction of that coroutine raise from now on: its script is ended and could not yield."""
        self._set_hook(int(address, 16), self._hook_address, _MASK_COUNT, 1)

    def look(self, instructions: int, may_give_way: bool) -> int:
        """Before work in C that may be long, and for coroutines that are not watched: what is to become of the script.

        ``instructions`` have run since; the script gives way only where it may.
        """
        now = perf_counter()
        if self.fresh:
            self._begin(now)
        self._left -= instructions
        if self._verdict:
            return self._verdict
        if self._left < 0:
            return self._end(TOO_MANY)
        if now >= self._next_look:
            return self._weigh(now, may_give_way)
        return GO_ON

    def verdict(self) -> int:
        """What has ended the script, if anything."""
        return GO_ON if self.fresh else self._verdict

    def hold(self, held: bool) -> None:
        """Whether scripts are to run without giving way for now, as while a file is loaded."""
        self._interruptible = not held

    # The hook

    def _begin(self, now: float) -> None:
        self.fresh = False
        self._verdict = GO_ON
        self._left, self._spent, self._held = self._allowance, 0.0, 0.0
        self._looked = now
        self._next_look = now + NEXT_LOOK
        self._cpu = None

    def _end(self, verdict: int) -> int:
        self._verdict = verdict
        return verdict

    def _hook(self, state: int, activation: int) -> None:
        """Called by Lua after so many instructions of the coroutine ``state``. Raises nothing."""
        now = perf_counter()
        if self.fresh:
            self._begin(now)
        step = self._steps.get(state, HOOK_STEP)
        self._left -= step
        took = now - self._looked
        if step != HOOK_STEP:
            if took < FINE_SLOW:
                self._look_after(state, HOOK_STEP)
        elif took > SLOW:
            self._look_after(state, FINE_STEP)
        self.worked += min(took, NEXT_LOOK)
        self._looked = now
        if self._left < 0:
            self._end(TOO_MANY)
        elif now >= self._next_look and not self._verdict:
            yieldable = bool(self._is_yieldable(state))
            if yieldable and not self._at_rest(state, activation):
                self._look_after(state, 1)  # the kernel is soon done
            elif self._weigh(now, yieldable) == GIVE_WAY:
                self._yield(state, 0, 0, None)
                return
        if self._verdict:
            if self._is_yieldable(state):
                self._yield(state, 0, 0, None)  # and is not resumed
            else:  # the kernel's hook raises, at the next instruction
                self._set_hook(state, self._lua_hook, _MASK_COUNT, 1)

    def _look_after(self, state: int, instructions: int) -> None:
        if instructions == HOOK_STEP:
            self._steps.pop(state, None)
        else:
            if len(self._steps) > 1000:  # of coroutines that are no more
                self._steps.clear()
            self._steps[state] = instructions
        self._set_hook(state, self._hook_address, _MASK_COUNT, instructions)

    def _at_rest(self, state: int, activation: int) -> bool:
        """Whether the kernel keeps nothing in the middle of a change that another call would see."""
        about = _Activation.from_address(activation)
        self._get_info(state, b"S", activation)
        source = about.source or b""
        return not source.startswith(_KERNEL) or source in _INTERRUPTIBLE

    def _weigh(self, now: float, may_give_way: bool) -> int:
        """The slice is over: end the script, let it give way where it may, or let it go on."""
        cpu = thread_time()
        used = NEXT_LOOK if self._cpu is None else cpu - self._cpu
        self._cpu = cpu
        self._spent += used
        self._held += used
        self._next_look = now + max(NEXT_LOOK, SLICE - self._held)
        if self._spent > self._grace + (self._allowance - self._left) * self._share:
            return self._end(TOO_LONG)
        if self._tools or not self._interruptible:
            return GO_ON
        if self._held > self._unyieldable:
            return self._end(TOO_LONG)
        return GIVE_WAY if may_give_way and self._held >= SLICE else GO_ON
