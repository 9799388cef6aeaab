"""The engine: runs the dialplan on a channel, whichever front ends its contexts come from.

`Engine` implements `pbx.core.dialplan.Dialplan`; the loop over priorities is in `dialplan.loop`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from dialplan.absolute_timeout import set_absolute_timeout
from dialplan.after_bridge import set_place, take_goto
from dialplan.arguments import Arguments
from dialplan.contexts import Contexts
from dialplan.editing import PlanEditor
from dialplan.loop import Loop
from dialplan.patterns import Mode
from dialplan.registry import DANGEROUS, SYSTEM, Application, Registry
from dialplan.run import RESULT_HANGUP, RESULT_OK, Run, run_of
from dialplan.show import list_contexts
from dialplan.substitution import Substitution
from dialplan.verbosity import verbose, wants
from pbx import coroutines
from pbx.core.channel import Channel, ChannelInterrupted
from pbx.core.release import ask_release
from pbx.errors import ObeliskError

if TYPE_CHECKING:
    from pbx.core.channels import Channels, Place
    from pbx.core.dialplan import ListedContext
    from pbx.core.hints import HintPlace, Hints

log = Logger()

#: Applications that run others, inside each other (Exec and its kin): each takes a part of Python's stack.
MAX_INSIDE = 30
#: Where a channel keeps how many there are (`Channel.extra`).
_INSIDE = "inside"


class Engine:
    """The dialplan of the exchange."""

    def __init__(self, channels: Channels) -> None:
        self.channels = channels
        self.contexts = Contexts(channels.clock.now)
        self.registry = Registry()
        self.substitution = Substitution(channels, self.registry, self.where)
        self.autofallthrough = True
        #: What extensions.conf or the console asked for; both matchers of Asterisk are one here.
        self.extenpatternmatchnew = False
        #: Whether AMI and ARI users may use functions that reach the system (asterisk.conf).
        self.live_dangerously = False
        self.loop = Loop(self)
        #: Runs of the dialplan that have not ended, hangup's included.
        self.running = 0

    # What others ask

    def exists(self, context: str, exten: str, priority: int = 1, caller_number: str = "") -> bool:
        """Whether an extension can be run now."""
        return self.contexts.find(context, exten, priority, caller_number) is not None

    def can_match(self, context: str, exten: str, caller_number: str = "") -> bool:
        """Whether ``exten``, with or without more digits, could match."""
        return self.contexts.find(context, exten, 1, caller_number, Mode.CAN_MATCH) is not None

    def match_more(self, context: str, exten: str, caller_number: str = "") -> bool:
        """Whether only more digits can tell which extension is meant."""
        return self.contexts.find(context, exten, 1, caller_number, Mode.MATCH_MORE) is not None

    def find_priority(self, context: str, exten: str, label: str, caller_number: str = "") -> int | None:
        """A priority by number or label, or None."""
        text = label.strip()
        if text.isdecimal():
            return int(text)
        return self.contexts.find_label(context, exten, text, caller_number)

    # Hints

    def use_hints(self, hints: Hints) -> None:
        """Keep ``hints`` as the contexts have them."""
        hints.finder = self.channels.hints = self

        def merged(names: Iterable[str]) -> None:
            found = {name: self.contexts.context(name) for name in names}
            hints.load({name: () if context is None else context.hints.items() for name, context in found.items()})

        self.contexts.on_merge = merged

    def find_hint(self, context: str, exten: str) -> HintPlace | None:
        """The hint of an extension, by pattern and through includes too; None where it has none."""
        return self.contexts.find_hint(context, exten)

    def expand_hint(self, context: str, exten: str, text: str) -> str:
        """A hint's text substituted; EXTEN and CONTEXT are those of the extension."""
        result = self.substitution.substitute(None, text, {"EXTEN": exten, "CONTEXT": context})
        if isinstance(result, str):
            return result
        # Nobody can wait here, so a function that has to be waited for gives nothing.
        close = getattr(result, "close", None)
        if close is not None:
            close()
        return ""

    def editor(self, registrar: str) -> PlanEditor:
        """What changes the running dialplan in the name of ``registrar``."""
        return PlanEditor(self, registrar)

    def list_contexts(self, context: str = "", exten: str = "") -> Iterator[ListedContext]:
        """Every context, or one, as `pbx.core.dialplan.Dialplan` has it."""
        return list_contexts(self.contexts, context, exten)

    def has_application(self, name: str) -> bool:
        return self.registry.application(name) is not None

    def application_capability(self, name: str) -> str:
        """What an AMI or ARI user must be allowed to run an application; empty where that is nothing special."""
        found = self.registry.application(name)
        return "" if found is None else found.help.capability

    def function_capability(self, name: str) -> str:
        """What an AMI or ARI user must be allowed to read or write a function, as `application_capability`.

        ``dangerous`` is granted to nobody, unless asterisk.conf lives dangerously: then ``system`` is enough.
        """
        capability = self.registry.capability_of(name)
        return SYSTEM if capability == DANGEROUS and self.live_dangerously else capability

    def read_function(self, channel: Channel | None, expression: str) -> str | Awaitable[str]:
        """Read ``FUNC(args)``. Raises LookupError when unknown, ObeliskError when it fails."""
        return self.registry.read(channel, expression)

    def write_function(self, channel: Channel | None, expression: str, value: str) -> Awaitable[None] | None:
        """Write ``FUNC(args)``. Raises as `read_function`."""
        return self.registry.write(channel, expression, value)

    def substitute(
        self, channel: Channel | None, text: str, variables: Mapping[str, str] | None = None
    ) -> str | Awaitable[str]:
        """Put values in the place of ``${...}`` and ``$[...]``; never fails. ``variables`` come before all others."""
        return self.substitution.substitute(channel, text, variables)

    def where(self, channel: Channel | None) -> str:
        """Where in the dialplan a channel is, as warnings name it: with file and line where a file has them."""
        if channel is None:
            return "no channel"
        place = f"{channel.name} ({channel.uniqueid}) at {channel.exten}@{channel.context}:{channel.priority}"
        run = run_of(channel)
        step = None if run is None else run.step
        return f"{place}, {step.file}:{step.line}" if step is not None and step.file else place

    # Applications

    async def execute(self, channel: Channel, application: str, data: str) -> int:
        """Run one application; its result as Asterisk's (0 go on, -1 hang up).

        Raises LookupError when there is no such application, ChannelInterrupted as `Channel.wait_for` does.
        """
        found = self.registry.application(application)
        if found is None:
            raise LookupError(f"No application '{application}'")
        held, held_data = channel.application, channel.application_data
        channel.set_application(found.name, data)
        try:
            result = self.call(found, channel, data)
            return result if isinstance(result, int) else await result
        finally:
            if channel.alive:
                channel.set_application(held, held_data)

    def run_inside(self, channel: Channel, found: Application, data: str) -> int | Awaitable[int]:
        """Run one application in the course of another: its result, or something to await (pbx_exec).

        Raises ChannelInterrupted as `execute`. Too many inside each other are logged and give -1.
        """
        held = channel.extra.get(_INSIDE)
        depth = held if isinstance(held, int) else 0
        if depth >= MAX_INSIDE:
            log.error(
                "{where}: {name}: {most} applications run inside each other",
                where=self.where(channel),
                name=found.name,
                most=MAX_INSIDE,
            )
            return RESULT_HANGUP
        outer = channel.application, channel.application_data
        channel.extra[_INSIDE] = depth + 1
        channel.set_application(found.name, data)
        result: int | Awaitable[int] | None = None
        try:
            result = self.call(found, channel, data)
        finally:
            if result is None or isinstance(result, int):
                self._leave(channel, depth, outer)
        return result if isinstance(result, int) else self._inside(channel, depth, outer, result)

    async def _inside(self, channel: Channel, depth: int, outer: tuple[str, str], waiting: Awaitable[int]) -> int:
        try:
            return await waiting
        finally:
            self._leave(channel, depth, outer)

    @staticmethod
    def _leave(channel: Channel, depth: int, outer: tuple[str, str]) -> None:
        channel.extra[_INSIDE] = depth
        channel.forget_application(*outer)

    async def run_subroutine(self, channel: Channel, location: str) -> bool:
        """As `pbx.core.dialplan.Dialplan` has it."""
        from dialplan.applications.subroutine import run_subroutine

        return bool(await run_subroutine(self, channel, location))

    def call(self, found: Application, channel: Channel, data: str) -> int | Awaitable[int]:
        """Call an application: its result at once, or something to await. A wrong call is logged and gives -1."""
        if wants(3):
            verbose(
                log,
                3,
                'Executing [{exten}@{context}:{priority}] {name}("{channel}", "{data}")',
                exten=channel.exten,
                context=channel.context,
                priority=channel.priority,
                name=found.name,
                channel=channel.name,
                data=data,
                call_id=channel.callid,
            )
        if found.immediate:
            try:
                result = found.handler(channel, Arguments(found.grammar, data))
            except ChannelInterrupted:
                raise
            except ObeliskError as error:
                self._refused(found, channel, error)
                return RESULT_HANGUP
            return result
        return self._await(found, channel, data)

    async def _await(self, found: Application, channel: Channel, data: str) -> int:
        found.running += 1
        try:
            result = found.handler(channel, Arguments(found.grammar, data))
            return result if isinstance(result, int) else await result
        except ChannelInterrupted:
            raise
        except ObeliskError as error:
            self._refused(found, channel, error)
            return RESULT_HANGUP
        finally:
            found.running -= 1

    @staticmethod
    def _refused(found: Application, channel: Channel, error: ObeliskError) -> None:
        log.error(
            "{channel}: {name} at {exten}@{context}:{priority}: {reason}",
            channel=channel.name,
            name=found.name,
            exten=channel.exten,
            context=channel.context,
            priority=channel.priority,
            reason=str(error),
        )

    def interrupted(self, channel: Channel) -> int:
        """What an interruption means to whoever runs the channel: -1 for a hangup, 0 when it was sent elsewhere.

        In the second case the channel is at its new place and its run knows that it has jumped.
        """
        if channel.hangup_requested or not channel.alive:
            return RESULT_HANGUP
        run = run_of(channel)
        if run is not None and run.subroutines:
            # It is left to whoever waits for the subroutine, which this result ends wherever it has jumped.
            run.jumped = False
            return RESULT_HANGUP
        target = channel.take_redirect()
        if target is None:
            return RESULT_HANGUP
        self.goto(channel, *target)
        return RESULT_OK

    def goto(self, channel: Channel, context: str | None, exten: str | None, priority: int) -> None:
        """Let the run on ``channel`` go on elsewhere once the present application ends; None leaves what there is."""
        channel.set_position(context, exten, priority)
        run = run_of(channel)
        if run is not None:
            run.jumped = True

    def take(self, channel: Channel) -> Deferred[None]:
        """Take a channel from its dialplan, which lets go of it without hanging up; fires once that has happened.

        A channel that no dialplan runs on is free at once. The owner is then nobody.
        """
        run = run_of(channel)
        if run is None:
            if channel.owner == "pbx":
                return ask_release(channel)
            channel.owner = ""
            free: Deferred[None] = Deferred()
            free.callback(None)
            return free
        if run.released is None:
            run.released = Deferred()
        released = run.released
        channel.redirect(channel.context, channel.exten, channel.priority)
        return released

    def runs(self, channel: Channel) -> bool:
        """Whether a dialplan runs on a channel now."""
        return run_of(channel) is not None

    def set_after_bridge(self, channel: Channel, place: Place | None) -> None:
        """Where a channel goes on after the bridge it enters next, until its dialplan says otherwise; or nowhere."""
        set_place(channel, place)

    def take_after_bridge(self, channel: Channel) -> Place | None:
        """Where a channel that has left a bridge goes on; None where it is over."""
        return take_goto(self, channel)

    def set_absolute_timeout(self, channel: Channel, seconds: float) -> None:
        """End the call, by ``T`` or ``e`` where they exist, after ``seconds``; 0 takes the limit away."""
        set_absolute_timeout(self, channel, seconds)

    # The run

    def start(self, channel: Channel) -> Deferred[None]:
        """Run the dialplan on ``channel`` from its position, as its owner, until it has hung up. Never fails."""
        channel.owner = "pbx"
        self.channels.calls_processed += 1
        return self._counted(coroutines.run(self.loop.start(channel)))

    def _counted(self, running: Deferred[None]) -> Deferred[None]:
        self.running += 1
        return running.addBoth(self._ended)

    def _ended(self, result: object) -> object:
        self.running -= 1
        return result

    def finish(self, channel: Channel, context: str) -> Deferred[None]:
        """Run ``h`` of ``context`` on a channel that no dialplan runs on, as its owner, and hang it up. Never fails."""
        channel.owner = "pbx"
        channel.context = context
        return self._counted(coroutines.run(self.loop.finish(channel, Run())))
