"""The Lua machine: the one module that imports lupa.

One Lua 5.4 runtime serves every call of a plan. The Lua files beside this module build what scripts may see; this
module starts and resumes calls and never hands a script a Python object, nor Python a Lua one: numbers and bytes only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources
from typing import Any, ClassVar, Final

from lupa import lua54

from dialplan.lua._watch import HOOK_STEP, Spent, Watch
from pbx.errors import ObeliskError

#: What a step asks for; the numbers are those of calls.lua.
DONE: Final = 0
APPLICATION: Final = 1
READ: Final = 2
WRITE: Final = 3
HANGUP_CHECK: Final = 4
REQUIRE: Final = 5
SOURCE: Final = 6
RESULT: Final = 7
FAILED: Final = 8
HELPER: Final = 9
#: The script has worked for long and lets others run: `LuaMachine.go_on` is to be called soon.
INTERRUPTED: Final = 10
#: Added to a tag when the script has printed something.
PRINTED: Final = 64

#: (tag, name, text): what the script asks. The text of RESULT is the number, the name of FAILED is the traceback.
Step = tuple[int, bytes, "bytes | int"]
Answer = "bytes | int | None"

#: VM instructions a script may run between two yields; about a tenth of a second.
DEFAULT_INSTRUCTIONS = 10_000_000
#: Bytes a script may allocate between two yields.
DEFAULT_MEMORY_SLICE = 16 << 20
#: Bytes the whole runtime may hold before no script is resumed any more.
DEFAULT_MEMORY_TOTAL = 1 << 30

#: Parts that the exchange does not load: what tells developers' tools what runs where, and what test files use.
TOOLS: Final = "tools.lua"
TESTING: Final = "testing.lua"
_PARTS = (
    "sandbox.lua",
    "coroutines.lua",
    "tables.lua",
    "patterns.lua",
    "strings.lua",
    "body.lua",
    "calls.lua",
    "script.lua",
    "pbx.lua",
)
_OUT_OF_MEMORY: Step = (FAILED, b"not enough memory", b"")


class LuaError(ObeliskError):
    """A script is wrong: syntax, or an error while its body ran. The text is Lua's, with file and line."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on one script between two yields, and on all together (bytes)."""

    instructions: int = DEFAULT_INSTRUCTIONS
    memory_slice: int = DEFAULT_MEMORY_SLICE
    memory_total: int = DEFAULT_MEMORY_TOTAL


#: Bytes that the runtime has in any case when it is called: what the binding itself needs it takes unprotected, and the
#: process would end where that fails.
MEMORY_MARGIN = 1 << 16

#: Seconds of CPU that the kernel's measurement takes where the limits of time are as documented.
REFERENCE_SECONDS = 0.0011
#: How much longer a script may take where each line is watched.
TOOLS_SLOWNESS = 20.0


def _hide_attributes(_owner: object, _name: object, _setting: bool) -> str:
    raise AttributeError("Lua sees no Python objects")


class LuaMachine:
    """A runtime with its kernel loaded. ``resume(call, answer)`` is the hot path."""

    _slowness: ClassVar[float] = 0.0

    def __init__(
        self, limits: Limits | None = None, *, live_dangerously: bool = False, parts: tuple[str, ...] = ()
    ) -> None:
        limits = limits or Limits()
        self.limits = limits
        runtime = lua54.LuaRuntime(
            encoding=None,
            register_eval=False,
            register_builtins=False,
            unpack_returned_tuples=False,
            attribute_filter=_hide_attributes,
            max_memory=0,
        )
        self._runtime = runtime
        #: Scripts that were interrupted, with what they may still use: the rest of the memory's slice is in bytes.
        self._interrupted: dict[int, tuple[Spent, int]] = {}
        directory = resources.files("dialplan.lua")
        load = runtime.execute(b"return load")
        kernel = None
        for part in (*_PARTS, *parts):
            source = directory.joinpath(part).read_bytes()
            chunk = load(source, b"=(obelisk " + part.encode() + b")", b"t")
            if isinstance(chunk, tuple):
                raise LuaError(chunk[1].decode("utf-8", "replace"))
            kernel = chunk(kernel) or kernel
        if kernel is None:
            raise LuaError("the Lua kernel did not load")
        self._tools = kernel[b"tools"]
        kernel[b"seal_globals"]()
        # With tools each line runs a hook of theirs.
        slowness = self._slowness_of(kernel[b"measure"]) * (TOOLS_SLOWNESS if parts else 1.0)
        self.watch = Watch(lua54.__file__, limits.instructions, slowness, tools=bool(parts))
        kernel[b"set_watch"](self.watch.watch, self.watch.doom, self.watch.look, self.watch.verdict, HOOK_STEP)
        if live_dangerously:
            kernel[b"live_dangerously"]()
        self._compile = kernel[b"compile"]
        self._forget = kernel[b"forget"]
        self._open = kernel[b"open"]
        self._close = kernel[b"close"]
        self._survey = kernel[b"survey"]
        self._surveyed = kernel[b"surveyed"]
        self._take_printed = kernel[b"take_printed"]
        self._open_calls = kernel[b"open_calls"]
        self._told = kernel[b"post_mortem"]
        self._go_on = kernel[b"go_on"]
        self.start: Callable[[int, bytes, bytes, bytes, bytes], Step] = self._guarded(kernel[b"start"])
        self.resume: Callable[[int, bytes | int | None], Step] = self._guarded(kernel[b"resume"])
        self.start_task: Callable[[int], Step] = self._guarded(kernel[b"start_task"])
        self.survey: Callable[[int], Step] = self._guarded(kernel[b"survey"])

    @classmethod
    def _slowness_of(cls, measure: Callable[[], float]) -> float:
        """How much longer than elsewhere scripts take on this machine, at least 1; measured once."""
        if not cls._slowness:
            cls._slowness = max(1.0, min(measure() for _ in range(3)) / REFERENCE_SECONDS)
        return cls._slowness

    def _guarded(self, call: Callable[..., Step]) -> Callable[..., Step]:
        """``call`` with all that a script may use each time; running out of memory is a step like any other failure."""
        set_limit = self._runtime.set_max_memory
        used = self._runtime.get_memory_used
        watch, after = self.watch, self._after
        memory_slice, total = self.limits.memory_slice, self.limits.memory_total

        def guarded(*args: object) -> Step:
            now = used()
            if now > total:
                self._runtime.gccollect()
                now = used()
                if now > total:
                    return _OUT_OF_MEMORY
            set_limit(now + memory_slice)
            watch.fresh = True
            try:
                step = call(*args)
            except lua54.LuaError:  # the kernel itself ran out of memory
                step = _OUT_OF_MEMORY
            return step if step[0] < FAILED else after(now + memory_slice, step, args[0])

        return guarded

    def _after(self, limit: int, step: Step, call: Any) -> Step:
        """What a step is that ended with the runtime held to ``limit`` bytes."""
        if step == _OUT_OF_MEMORY:
            return self._post_mortem(call)
        if step[0] & ~PRINTED == INTERRUPTED:
            rest = limit - self.memory_used
            self._interrupted[call] = self.watch.spent(), max(MEMORY_MARGIN, min(rest, self.limits.memory_slice))
            self._refresh()
        return step

    def go_on(self, call: int) -> Step:
        """Let a script go on whose step was INTERRUPTED, with what it has left."""
        spent, memory = self._interrupted.pop(call)
        limit = self.memory_used + memory
        self._runtime.set_max_memory(limit)
        self.watch.go_on(spent)
        try:
            step: Step = self._go_on(call)
        except lua54.LuaError:
            step = _OUT_OF_MEMORY
        return self._after(limit, step, call)

    def _post_mortem(self, call: object) -> Step:
        """What has run out of memory, with the place where, for which there was none left."""
        self._refresh()
        try:
            return (FAILED, bytes(self._told(call)) or b"not enough memory", b"")
        except lua54.LuaError:
            return _OUT_OF_MEMORY

    def _refresh(self, extra: int = 0) -> None:
        self._runtime.set_max_memory(self._runtime.get_memory_used() + self.limits.memory_slice + 4 * extra)

    def compile(self, source: bytes, name: bytes) -> int:
        """Compile a text chunk for all calls to come; its number. Raises LuaError with file and line."""
        self._refresh(len(source))
        if source.startswith(b"\x1b"):
            raise LuaError(
                f"{name.decode('utf-8', 'replace').lstrip('@')}: compiled Lua is not accepted, only source text"
            )
        if source.startswith(b"#"):  # as Lua's own loader, which skips a first line meant for a shell
            source = b"--" + source
        try:
            number, reason = self._compile(source, name)
        except lua54.LuaError as error:
            raise LuaError(str(error)) from error
        if number is None:
            raise LuaError(bytes(reason).decode("utf-8", "replace"))
        return int(number)

    def forget(self, chunk: int) -> None:
        """Drop a compiled chunk; calls that run it keep it."""
        self._refresh()
        self._forget(chunk)

    def open(self, chunk: int, shared: int | None = None) -> int:
        """A call's state: its own environment for ``chunk``, or the environment of the call ``shared``."""
        self._refresh()
        return int(self._open(chunk, shared))

    def close(self, call: int) -> None:
        """Drop a call's state."""
        self._refresh()
        self._interrupted.pop(call, None)
        self._close(call)

    def surveyed(self, call: int) -> bytes:
        """The records `survey` left."""
        self._refresh()
        return bytes(self._surveyed(call) or b"")

    def take_printed(self) -> bytes:
        """What scripts printed since last asked."""
        self._refresh()
        return bytes(self._take_printed())

    def begin_tools(self, name: bytes, *arguments: int) -> Step:
        """Begin what a part beyond the exchange's own runs as a call; its first step."""
        return self._guarded(self._tools[name])(*arguments)

    def ask_tools(self, name: bytes, *arguments: bytes | int) -> bytes | int | None:
        """Ask the part ``tools.lua``, with which the machine has to be made. Gives bytes or a number."""
        self._refresh()
        found: bytes | int | None = self._tools[name](*arguments)
        return found

    @property
    def open_calls(self) -> int:
        """Calls with a state now."""
        self._refresh()
        return int(self._open_calls())

    @property
    def memory_used(self) -> int:
        """Bytes the runtime holds."""
        return int(self._runtime.get_memory_used() or 0)

    def collect(self) -> None:
        """Run the collector to its end."""
        self._runtime.gccollect()
