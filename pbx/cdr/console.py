"""``cdr ...`` on the console; layouts are Asterisk's."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pbx.cdr.entry import Entry, is_dialed
from pbx.cdr.record import SECOND, clid_text, date_text
from pbx.cli.registry import Command, UsageError, no_arguments, yes_no

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pbx.cdr.engine import CdrEngine

_TIME = "%H:%M:%S"
_LINE = "-" * 50


def commands(engine: CdrEngine) -> list[Command]:
    """The commands over an engine."""
    made = _Commands(engine)
    return [
        Command("cdr show status", "cdr show status", "Display the CDR status", made.status),
        Command(
            "cdr show active", "cdr show active [channel]", "Display active CDRs for channels", made.active, made.names
        ),
        Command("cdr submit", "cdr submit", "Posts all pending batched CDR data", made.submit),
        Command(
            "cdr set debug",
            "cdr set debug [on|off]",
            "Enable debugging in the CDR engine",
            made.debug,
            lambda words: ("on", "off") if len(words) == 1 else (),
        ),
    ]


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _columns(values: Sequence[str], widths: Sequence[int]) -> str:
    return " ".join(f"{value[:width]:<{width}}" for value, width in zip(values, widths, strict=True))


class _Commands:
    def __init__(self, engine: CdrEngine) -> None:
        self._engine = engine

    def names(self, _words: Sequence[str]) -> Iterable[str]:
        ledger = self._engine.ledger
        return [] if ledger is None else [chain[0].party_a.channel.name for chain in ledger.chains()]

    def status(self, arguments: Sequence[str]) -> str:
        no_arguments(arguments)
        engine, settings = self._engine, self._engine.settings
        lines = [
            "",
            "Call Detail Record (CDR) settings",
            "----------------------------------",
            f"  Logging:                    {'Enabled' if settings.enable else 'Disabled'}",
            f"  Mode:                       {'Batch' if settings.batch else 'Simple'}",
        ]
        if settings.enable:
            lines += [
                f"  Log calls by default:       {yes_no(settings.channeldefaultenabled)}",
                f"  Log unanswered calls:       {yes_no(settings.unanswered)}",
                f"  Log congestion:             {yes_no(settings.congestion)}",
                "",
                f"  Ignore bridging changes:    {yes_no(settings.ignorestatechanges)}",
                "",
                f"  Ignore dial state changes:  {yes_no(settings.ignoredialchanges)}",
                "",
                f"  Cancel disposition enabled: {yes_no(settings.canceldispositionenabled)}",
                "",
                *(self._batch() if settings.batch else ()),
                "* Registered Backends",
                "  -------------------",
                *([f"    {name}" for name in engine.backends] or ["    (none)"]),
                "",
            ]
        return "\n".join(lines) + "\n"

    def _batch(self) -> list[str]:
        engine, settings = self._engine, self._engine.settings
        model = "Scheduler only" if settings.scheduleronly else "Scheduler plus separate threads"
        return [
            "* Batch Mode Settings",
            "  -------------------",
            f"  Safe shutdown:              {'Enabled' if settings.safeshutdown else 'Disabled'}",
            f"  Threading model:            {model}",
            f"  Current batch size:         {_counted(len(engine.batch), 'record')}",
            f"  Maximum batch size:         {_counted(settings.size, 'record')}",
            f"  Maximum batch time:         {_counted(settings.time, 'second')}",
            f"  Next batch processing time: {_counted(int(engine.next_batch_seconds), 'second')}",
            "",
        ]

    def active(self, arguments: Sequence[str]) -> str:
        if len(arguments) > 1:
            raise UsageError
        ledger = self._engine.ledger
        chains = [] if ledger is None else list(ledger.chains())
        if not arguments:
            return self._channels(chains)
        name = arguments[0].lower()
        found = next((chain for chain in chains if chain[0].party_a.channel.name.lower() == name), None)
        return f"Unknown channel: {arguments[0]}\n" if found is None else self._channel(arguments[0], found)

    def _channels(self, chains: list[list[Entry]]) -> str:
        widths = (25, 25, 15, 8, 8, 8, 8, 8)
        title = ("Channel", "Dst. Channel", "LastApp", "Start", "Answer", "End", "Billsec", "Duration")
        lines = ["", "Channels with Call Detail Record (CDR) Information", _LINE, _columns(title, widths)]
        for chain in chains:
            own = [entry for entry in chain if not is_dialed(entry.party_a.channel)]
            if not own:
                continue
            last = chain[-1]
            start, end = own[0].start, last.end or self._engine.now()
            answer = next((entry.answer for entry in own if entry.answer), 0)
            values = (
                last.party_a.channel.name,
                "<none>" if last.party_b is None else last.party_b.channel.name,
                last.appl,
                *(date_text(when, _TIME) for when in (start, answer, end)),
                str((end - answer) // SECOND if answer else 0),
                str((end - start) // SECOND),
            )
            lines.append(_columns(values, widths))
        return "\n".join(lines) + "\n"

    def _channel(self, name: str, chain: list[Entry]) -> str:
        widths = (10, 20, 25, 15, 15, 8, 8, 8, 8, 8)
        title = (
            "AccountCode", "CallerID", "Dst. Channel", "LastApp", "Data", "Start", "Answer", "End", "Billsec",
            "Duration",
        )  # fmt: skip
        lines = ["", f"Call Detail Record (CDR) Information for {name}", _LINE, _columns(title, widths)]
        now = self._engine.now()
        for entry in chain:
            channel = entry.party_a.channel
            if is_dialed(channel):
                continue
            values = (
                channel.accountcode,
                clid_text(channel.caller.id.name, channel.caller.id.number),
                "<none>" if entry.party_b is None else entry.party_b.channel.name,
                entry.appl,
                entry.data,
                *(date_text(when, _TIME) for when in (entry.start, entry.answer, entry.end or now)),
                str(entry.billsec(now)),
                str(entry.duration(now)),
            )
            lines.append(_columns(values, widths))
        return "\n".join(lines) + "\n"

    def submit(self, arguments: Sequence[str]) -> str:
        no_arguments(arguments)
        if not self._engine.settings.enable:
            return "Cannot submit CDR batch: CDR engine disabled.\n"
        if not self._engine.settings.batch:
            return "Cannot submit CDR batch: batch mode not enabled.\n"
        self._engine.submit()
        return "Submitted CDRs to backend engines for processing.  This may take a while.\n"

    def debug(self, arguments: Sequence[str]) -> str:
        if len(arguments) != 1 or arguments[0].lower() not in ("on", "off"):
            raise UsageError
        wanted = arguments[0].lower() == "on"
        engine = self._engine
        if engine.settings.debug is wanted:
            return ""
        engine.settings = replace(engine.settings, debug=wanted)
        return f"CDR debugging {'enabled' if wanted else 'disabled'}\n"
