"""func_cdr, app_cdr and app_forkcdr: CDR, CDR_PROP, ResetCDR, ForkCDR."""

from __future__ import annotations

from twisted.logger import Logger

from dialplan.arguments import ArgumentError, Arguments
from dialplan.functions.base import live
from dialplan.functions.channel import WRITERS
from dialplan.registry import DialplanModule, FunctionError, application, function
from dialplan.run import RESULT_OK
from pbx.cdr import CdrEngine
from pbx.cdr import operations as cdr
from pbx.cdr.account import Account
from pbx.cdr.ledger import Ledger
from pbx.config.types import is_true
from pbx.core.channel import Channel

log = Logger()


class _CdrModule(DialplanModule):
    """A module that works on the records of calls."""

    requires = ("cdr",)

    @property
    def engine(self) -> CdrEngine:
        return self.server.require(CdrEngine)

    def ledger(self, channel: Channel, what: str) -> Ledger:
        """The records. Raises FunctionError while there are none, or none of the channel."""
        ledger = self.engine.ledger
        if ledger is None or not ledger.chain(channel.uniqueid):
            raise FunctionError(f"{what}: Unable to find CDR for channel {channel.name}")
        return ledger

    def account(self, channel: Channel, what: str) -> Account:
        """The channel's own. Raises FunctionError where it has none."""
        ledger = self.engine.ledger
        account = None if ledger is None else ledger.account(channel.uniqueid)
        if account is None:
            raise FunctionError(f"{what}: Unable to find CDR for channel {channel.name}")
        return account


class CdrFunctionModule(_CdrModule):
    """CDR and CDR_PROP."""

    name = "func_cdr"
    description = "Call Detail Record (CDR) dialplan functions"

    @function(
        "CDR",
        "name[,options]",
        synopsis="Gets or sets a CDR variable.",
        description=(
            "Fields: clid, src, dst, dcontext, channel, dstchannel, lastapp, lastdata, start, answer, end, duration, "
            "billsec, disposition, amaflags, accountcode, peeraccount, uniqueid, linkedid, userfield, sequence; every "
            "other name is a variable of the record. f: duration and billsec with fractions. u: times, disposition and "
            "amaflags as numbers. Only userfield and variables can be set."
        ),
        see_also=("CDR_PROP", "ForkCDR", "ResetCDR"),
    )
    def func_cdr(self, channel: Channel | None, args: Arguments) -> str:
        call = live(channel, "CDR")
        name = args["name"].strip()
        if not name:
            raise ArgumentError("CDR requires a variable (CDR(variable[,option]))")
        account = self.account(call, "CDR")
        options = args["options"]
        return cdr.read_field(account, name, self.engine.now(), raw="u" in options, exact="f" in options)

    @func_cdr.writer
    def set_cdr(self, channel: Channel | None, args: Arguments, value: str) -> None:
        call = live(channel, "CDR")
        name = args["name"].strip()
        match name.lower():
            case "":
                raise ArgumentError("CDR requires a variable (CDR(variable)=value)")
            case "accountcode" | "amaflags":
                log.warn(
                    "Using the CDR function to set '{name}' is deprecated. Please use the CHANNEL function instead.",
                    name=name,
                )
                WRITERS[name.lower()](call, value)
                call.changed()
            case "peeraccount":
                log.warn(
                    "The 'peeraccount' setting is not supported. Please set the 'accountcode' on the appropriate "
                    "channel using the CHANNEL function."
                )
            case "userfield":
                cdr.set_userfield(self.ledger(call, "CDR"), call.uniqueid, value)
            case _:
                try:
                    cdr.set_variable(self.ledger(call, "CDR"), call.uniqueid, name, value)
                except ValueError as error:
                    raise FunctionError(str(error)) from None

    @function(
        "CDR_PROP",
        "name",
        synopsis="Set a property on a channel's CDR.",
        description="Properties: party_a (this side's record comes first), disable (no records of this channel).",
        see_also=("CDR",),
    )
    def func_cdr_prop(self, channel: Channel | None, args: Arguments) -> str:
        raise FunctionError("Function CDR_PROP cannot be read")

    @func_cdr_prop.writer
    def set_cdr_prop(self, channel: Channel | None, args: Arguments, value: str) -> None:
        call = live(channel, "CDR_PROP")
        if not value:
            raise ArgumentError("CDR_PROP requires a value (CDR_PROP(variable)=value)")
        ledger, wanted = self.ledger(call, "CDR_PROP"), is_true(value)
        match args["name"].strip().lower():
            case "party_a":
                cdr.set_preferred(ledger, call.uniqueid, preferred=wanted)
            case "disable":
                cdr.set_disabled(ledger, call.uniqueid, disabled=wanted)
            case name:
                raise ArgumentError(f"Unknown option {name} used with CDR_PROP")


class ResetModule(_CdrModule):
    """ResetCDR."""

    name = "app_cdr"
    description = "Tell Asterisk to not maintain a CDR for this channel"

    @application(
        "ResetCDR",
        "[options]",
        options="v",
        synopsis="Resets the Call Data Record.",
        description="Times begin anew and variables are forgotten; v keeps the variables.",
        see_also=("ForkCDR",),
    )
    def app_reset_cdr(self, channel: Channel, args: Arguments) -> int:
        if not self.engine.reset(channel.uniqueid, keep_variables="v" in args.options):
            log.warn("Failed to reset CDRs on channel {channel}", channel=channel.name)
        return RESULT_OK


class ForkModule(_CdrModule):
    """ForkCDR."""

    name = "app_forkcdr"
    description = "Fork The CDR into 2 separate entities"

    @application(
        "ForkCDR",
        "[options]",
        options="a;e;r;v",
        synopsis="Forks the current Call Data Record for this channel.",
        description=(
            "a: the answer time of the new one is now, if the channel is up. e: end the records before it. r: its "
            "start and answer are now. v: it keeps the variables."
        ),
        see_also=("CDR", "ResetCDR"),
    )
    def app_fork_cdr(self, channel: Channel, args: Arguments) -> int:
        ledger = self.engine.ledger
        letters = "".join(letter for letter in "aerv" if letter in args.options)
        if ledger is None or not cdr.fork(ledger, channel.uniqueid, self.engine.now(), letters):
            log.warn("Failed to fork CDR for channel {channel}", channel=channel.name)
        return RESULT_OK


MODULES = (CdrFunctionModule, ResetModule, ForkModule)
