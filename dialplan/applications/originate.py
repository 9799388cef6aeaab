"""app_originate: Originate."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from dialplan.applications.durations import MAX_SECONDS
from dialplan.applications.subroutine import run_subroutine, subroutine_of
from dialplan.arguments import ArgumentError, Arguments, split_quoted
from dialplan.engine import Engine
from dialplan.functions.base import scan_int
from dialplan.registry import SYSTEM, DialplanModule, application
from dialplan.run import RESULT_OK
from pbx.config.types import CODECS
from pbx.core.channel import Channel
from pbx.core.dial import Destination
from pbx.core.originate import (
    REASON_ANSWERED,
    REASON_BUSY,
    REASON_CONGESTION,
    REASON_HANGUP,
    REASON_RING,
    Originate,
    OriginateError,
    OriginateResult,
)
from pbx.core.party import PartyId, party_id

log = Logger()

#: Seconds to an answer unless told otherwise.
DEFAULT_SECONDS = 30

_STATUSES: dict[int, str] = {
    REASON_ANSWERED: "SUCCESS",
    REASON_BUSY: "BUSY",
    REASON_CONGESTION: "CONGESTION",
    REASON_HANGUP: "HANGUP",
    REASON_RING: "RINGING",
}


def variables_of(text: str) -> list[tuple[str, str]]:
    """``name1=value1^name2=value2`` of option v; the ``^`` inside quotes does not divide, and the quotes stay."""
    found = []
    for part in split_quoted(text, "^"):
        name, value, *_ = (*split_quoted(part, "="), "")
        if name:
            found.append((name, value))
    return found


class OriginateModule(DialplanModule):
    """Originate."""

    name = "app_originate"
    description = "Originate call"

    @application(
        "Originate",
        "tech_data,type,arg1[,arg2[,arg3[,timeout[,options]]]]",
        options="a;b(context^exten^priority);B(context^exten^priority);C(x);c(x);n(x);v(x)",
        synopsis="Originate a call.",
        description=(
            "type is app, with an application and its data, or exten, with a context, an extension (s) and a priority "
            "(1). Waits for the answer, 30 seconds unless given. a: do not wait. b: run a Gosub on the new channel "
            "before it is called. B: run one on this channel before that. C: the codecs. c, n: the "
            "caller's number and name, this call's when empty. v(n1=v1^n2=v2): variables of the new channel."
        ),
        sets=("ORIGINATE_STATUS",),
        see_also=("Dial",),
        capability=SYSTEM,
    )
    async def app_originate(self, channel: Channel, args: Arguments) -> int:
        status = "FAILED"
        try:
            status = await self._originate(channel, args)
        finally:
            channel.set_variable("ORIGINATE_STATUS", status)
        return RESULT_OK

    async def _originate(self, channel: Channel, args: Arguments) -> str:
        """The word that ORIGINATE_STATUS becomes. Raises ArgumentError for what cannot be a call."""
        options = args.options
        if len(args) < 3:
            raise ArgumentError("Originate: incorrect number of arguments")
        technology, slash, address = args["tech_data"].partition("/")
        if not slash or not technology or not address:
            raise ArgumentError(f"Originate: Channel Tech/Data invalid: '{args['tech_data']}'")
        if options.problem:
            raise ArgumentError(f"Originate: Invalid options: '{args['options']}'")
        before = options.argument("B")
        if before:
            await run_subroutine(self.server.require(Engine), channel, subroutine_of(channel, before))
        order = self._order(channel, Destination(technology, address), args)
        try:
            started = self.server.originator.start(order)
        except OriginateError as error:
            log.info("{channel}: Originate: {reason}", channel=channel.name, reason=str(error))
            return _STATUSES.get(error.reason, "FAILED")
        if "a" in options:
            return "SUCCESS"
        outcome: Deferred[OriginateResult] = Deferred()
        started.result.addCallback(lambda result: None if outcome.called else outcome.callback(result))
        # A hangup of this call does not end the other, whose fate the dialplan is to know; nor does it wait for ever.
        result = await (outcome if order.timeout is not None else channel.wait_for(outcome))
        return _STATUSES.get(result.reason, "FAILED")

    def _order(self, channel: Channel, destination: Destination, args: Arguments) -> Originate:
        options = args.options
        kind = args["type"].strip().lower()
        if kind not in ("exten", "app"):
            raise ArgumentError(f"Originate: Incorrect type, it should be 'exten' or 'app': {args['type']}")
        # Asterisk 22 forgets the priority where more arguments follow it; here it always counts.
        priority = scan_int(args["arg3"]) if args["arg3"].strip() and kind == "exten" else 1
        if priority is None or priority < 1:
            raise ArgumentError(f"Originate: Invalid priority: '{args['arg3']}'")
        seconds = scan_int(args["timeout"]) if args["timeout"].strip() else DEFAULT_SECONDS
        if seconds is None:
            log.info("Originate: Invalid timeout: '{text}'. Setting timeout to 30 seconds", text=args["timeout"])
            seconds = DEFAULT_SECONDS
        subroutine = options.argument("b")
        engine = self.server.require(Engine)

        async def before(called: Channel) -> None:
            await run_subroutine(engine, called, subroutine_of(called, subroutine or ""))

        return Originate(
            destination,
            application=args["arg1"].strip() if kind == "app" else "",
            data=args["arg2"] if kind == "app" else "",
            context=args["arg1"].strip() if kind == "exten" else "default",
            exten=args["arg2"].strip() if kind == "exten" else "",
            priority=priority,
            timeout=min(float(seconds), MAX_SECONDS) if seconds > 0 else None,
            identity=self._identity(channel, args),
            variables=variables_of(options.argument("v") or ""),
            formats=self._formats(options.argument("C") or ""),
            before_call=before if subroutine else None,
        )

    @staticmethod
    def _identity(channel: Channel, args: Arguments) -> PartyId | None:
        options, own = args.options, channel.caller.id
        number = (options.argument("c") or own.number) if "c" in options else ""
        name = (options.argument("n") or own.name) if "n" in options else ""
        return party_id(number, name) if number or name else None

    @staticmethod
    def _formats(text: str) -> tuple[str, ...]:
        if not text:
            return ()
        try:
            return CODECS.parse(text).names
        except ValueError as error:
            raise ArgumentError(f"Originate: option C: {error}") from None
