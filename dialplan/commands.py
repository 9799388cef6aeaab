"""Console commands of the dialplan: dialplan show/set/reload, core show application(s)/function(s)/hints/switches."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from dialplan.engine import Engine
from dialplan.hangup_handlers import handlers_of
from dialplan.registry import Application, Function, Help
from dialplan.show import show
from dialplan.variables import read_expression
from pbx.cli.registry import Command, CommandError, UsageError
from pbx.core.channel import settle
from pbx.core.device_state import extension_text
from pbx.errors import ObeliskError

if TYPE_CHECKING:
    from pbx.core.channel import Channel
    from pbx.core.hints import Hint
    from pbx.server import Server

_WIDTH = 78


class DialplanCommands:
    """The commands, over one engine."""

    def __init__(self, server: Server, engine: Engine) -> None:
        self._server = server
        self._engine = engine

    def register(self) -> Callable[[], None]:
        """Offer the commands; the returned function withdraws them."""
        table = (
            Command("dialplan show", "dialplan show [[exten@]context]", "Show the dialplan", self.show, self._contexts),
            Command("dialplan reload", "dialplan reload", "Reload the dialplan", self.reload),
            Command(
                "dialplan set global", "dialplan set global <name> <value>", "Set a global variable", self.set_global
            ),
            Command("dialplan show globals", "dialplan show globals", "Show global variables", self.show_globals),
            Command(
                "dialplan set chanvar",
                "dialplan set chanvar <channel> <varname> <value>",
                "Set a channel variable",
                self.set_chanvar,
                self._channels,
            ),
            Command(
                "dialplan show chanvar",
                "dialplan show chanvar <channel>",
                "Show channel variables",
                self.show_chanvar,
                self._channels,
            ),
            Command(
                "dialplan eval function",
                "dialplan eval function <name(args)>",
                "Evaluate dialplan function",
                self.eval_function,
                lambda _words: [f"{each.name}(" for each in self._engine.registry.functions()],
            ),
            Command(
                "dialplan set extenpatternmatchnew",
                "dialplan set extenpatternmatchnew true|false",
                "Use the Extension pattern match algorithm that the word says; here both are one.",
                self.set_matcher,
                lambda _words: ("true", "false"),
            ),
            Command(
                "core show applications",
                "core show applications [{like|describing} <text>]",
                "Show registered dialplan applications",
                self.applications,
            ),
            Command(
                "core show application",
                "core show application <application> [<application> ...]",
                "Describe a dialplan application",
                self.application,
                lambda _words: [each.name for each in self._engine.registry.applications()],
            ),
            Command(
                "core show functions",
                "core show functions [like <text>]",
                "Show registered dialplan functions",
                self.functions,
            ),
            Command(
                "core show function",
                "core show function <function>",
                "Describe a dialplan function",
                self.function,
                lambda _words: [each.name for each in self._engine.registry.functions()],
            ),
            Command("core show hints", "core show hints", "Show dialplan hints", self.hints),
            Command(
                "core show hint",
                "core show hint <exten>",
                "Show dialplan hint",
                self.hint,
                lambda _words: [hint.exten for hint in self._server.hints],
            ),
            Command(
                "core show hanguphandlers",
                "core show hanguphandlers <channel>|all",
                "Show hangup handlers of a specified channel, or of all channels",
                self.hangup_handlers,
                lambda _words: ["all", *(each.name for each in self._server.channels)],
            ),
            Command("core show switches", "core show switches", "Show the switches of contexts", self.switches),
        )
        return self._server.cli.register_all(table)

    def _contexts(self, _words: Sequence[str]) -> list[str]:
        return [context.name for context in self._engine.contexts]

    def _channels(self, words: Sequence[str]) -> list[str]:
        return [channel.name for channel in self._server.channels] if len(words) == 1 else []

    def hangup_handlers(self, words: Sequence[str]) -> str:
        """``core show hanguphandlers``: what runs on a channel, or on each, once it is hung up."""
        if len(words) != 1:
            raise UsageError
        channels: Iterable[Channel] = self._server.channels
        if words[0] != "all":
            found = self._server.channels.find(words[0])
            if found is None:
                raise CommandError("Channel does not exist.")
            channels = (found,)
        lines = [("Channel", "Handler")]
        for channel in channels:
            handlers = handlers_of(channel)
            lines += zip((channel.name, *[""] * len(handlers)), handlers, strict=False)
        return "\n".join(f"{name:<30} {handler}" for name, handler in lines)

    # dialplan show

    def show(self, words: Sequence[str]) -> str:
        """``dialplan show``, of everything, a context, or an extension of one."""
        if len(words) > 1:
            raise UsageError
        exten, at, name = words[0].partition("@") if words else ("", "", "")
        if not at:
            exten, name = "", exten
        contexts = self._engine.contexts
        if name and contexts.context(name) is None:
            raise CommandError(f"There is no existence of '{name}' context")
        text = show(contexts, name, exten)
        if text is None:
            where = f"{exten}@{name} extension" if name else f"'{exten}' extension in all contexts"
            raise CommandError(f"There is no existence of {where}")
        return text

    async def reload(self, words: Sequence[str]) -> str:
        """``dialplan reload``: every front end that is loaded."""
        if words:
            raise UsageError
        done: list[str] = []
        failures: list[str] = []
        for name in ("pbx_config", "pbx_lua"):
            if not self._server.modules.is_running(name):
                continue
            try:
                self._server.config.forget()
                await self._server.modules.reload(name)
                done.append(name)
            except ObeliskError as error:
                failures.append(str(error))
        if failures:
            raise CommandError("; ".join(failures))
        reports = [report for name in done if (report := self._server.modules.report(name))]
        return "\n".join(["Dialplan reloaded.", *reports]) if done else "No dialplan module is loaded."

    # Variables

    def set_global(self, words: Sequence[str]) -> str:
        """``dialplan set global NAME VALUE``."""
        if len(words) != 2:
            raise UsageError
        self._server.channels.set_global(words[0], words[1])
        return f"\n    -- Global variable '{words[0]}' set to '{words[1]}'"

    def show_globals(self, words: Sequence[str]) -> str:
        """``dialplan show globals``."""
        if words:
            raise UsageError
        values = sorted(self._server.channels.globals)
        lines = [f"   {name}={value}" for name, value in values]
        return "\n".join((*lines, "", f"    -- {len(values)} variable(s)"))

    def set_chanvar(self, words: Sequence[str]) -> str:
        """``dialplan set chanvar CHANNEL NAME VALUE``."""
        if len(words) != 3:
            raise UsageError
        channel = self._server.channels.find(words[0])
        if channel is None:
            raise CommandError(f"Channel '{words[0]}' not found")
        channel.set_variable(words[1], words[2])
        return f"\n    -- Channel variable '{words[1]}' set to '{words[2]}' for '{channel.name}'"

    def show_chanvar(self, words: Sequence[str]) -> str:
        """``dialplan show chanvar CHANNEL``."""
        if len(words) != 1:
            raise UsageError
        channel = self._server.channels.find(words[0])
        if channel is None:
            raise CommandError(f"Channel '{words[0]}' not found")
        return "\n".join(f"{name}={value}" for name, value in channel.variables)

    async def eval_function(self, words: Sequence[str]) -> str:
        """``dialplan eval function FUNC(args)``: on a channel that exists for it alone."""
        if len(words) != 1:
            raise UsageError
        channels = self._server.channels
        channel = channels.create("CLIEval", f"CLIEval/{channels.next_number('CLIEval') + 1}")
        channel.owner = "console"
        try:
            text = await settle(self._engine.substitute(channel, words[0]))
            value = await read_expression(self._engine.registry, channel, text)
        finally:
            channel.hangup()
        result = "Failure (-1)" if value is None else "Success (0)"
        return f"Return Value: {result}\nResult: {value or ''}"

    def set_matcher(self, words: Sequence[str]) -> str:
        """``dialplan set extenpatternmatchnew``: kept and told; the index finds what Asterisk's default finds."""
        if len(words) != 1 or words[0] not in ("true", "false"):
            raise UsageError
        wanted = words[0] == "true"
        lead = "Still" if self._engine.extenpatternmatchnew == wanted else "Switched to"
        self._engine.extenpatternmatchnew = wanted
        which = "NEW" if wanted else "OLD"
        return f"\n    -- {lead} using the {which} pattern match algorithm for extension names in the dialplan."

    # Applications and functions

    def applications(self, words: Sequence[str]) -> str:
        """``core show applications``; ``like`` a part of a name, or ``describing`` every word given."""
        how, texts = (words[0] if words else ""), [word.lower() for word in words[1:]]
        if words and (how not in ("like", "describing") or not texts or (how == "like" and len(texts) > 1)):
            raise UsageError
        every = self._engine.registry.applications()
        if how == "like":
            found = [each for each in every if texts[0] in each.name.lower()]
        else:
            said = ((each, f"{each.help.synopsis} {each.help.description}".lower()) for each in every)
            found = [each for each, text in said if all(word in text for word in texts)]
        lines = [f"  {each.name:>20}: {each.help.synopsis}" for each in found]
        head = "    -= Matching Asterisk Applications =-" if words else "    -= Registered Asterisk Applications =-"
        tail = f"    -= {len(found)} Applications {'Matching' if words else 'Registered'} =-"
        return "\n".join((head, *lines, tail))

    def application(self, words: Sequence[str]) -> str:
        """``core show application NAME...``."""
        if not words:
            raise UsageError
        found = [each for name in words if (each := self._engine.registry.application(name)) is not None]
        if not found:
            raise CommandError("Your application(s) is (are) not registered")
        return "\n".join(_describe_application(each) for each in found)

    def functions(self, words: Sequence[str]) -> str:
        """``core show functions``."""
        if words and (len(words) != 2 or words[0] != "like"):
            raise UsageError
        text = words[1] if words else ""
        found = [each for each in self._engine.registry.functions() if text in each.name]
        lines = [f"{each.name:<20.20}  {each.syntax:<35.35}  {each.help.synopsis}" for each in found]
        head = f"{'Matching' if words else 'Installed'} Custom Functions:\n{'-' * 80}"
        return "\n".join((head, *lines, f"{len(found)} {'matching ' if words else ''}custom functions installed."))

    def function(self, words: Sequence[str]) -> str:
        """``core show function NAME``."""
        if len(words) != 1:
            raise UsageError
        found = self._engine.registry.function(words[0]) or self._engine.registry.function(words[0].upper())
        if found is None:
            raise CommandError("No function by that name registered.")
        return _describe_function(found)

    def hints(self, words: Sequence[str]) -> str:
        """``core show hints``."""
        if words:
            raise UsageError
        lines = [_hint_line(hint) for hint in self._server.hints]
        if not lines:
            return "There are no registered dialplan hints"
        head = "\n    -= Registered Asterisk Dial Plan Hints =-"
        return "\n".join((head, *lines, "----------------", f"- {len(lines)} hints registered"))

    def hint(self, words: Sequence[str]) -> str:
        """``core show hint EXTEN``: of every extension that begins so."""
        if len(words) != 1:
            raise UsageError
        if not len(self._server.hints):
            return "There are no registered dialplan hints"
        begin = words[0].lower()
        lines = [
            _hint_line(hint) for hint in self._server.hints if f"{hint.exten}@{hint.context}".lower().startswith(begin)
        ]
        if not lines:
            return f"No hints matching extension {words[0]}"
        return "\n".join((*lines, f"{len(lines)} hint{'s' * (len(lines) != 1)} matching extension {words[0]}"))

    def switches(self, words: Sequence[str]) -> str:
        """``core show switches``."""
        if words:
            raise UsageError
        switches = self._engine.contexts.switches()
        if not switches:
            return "There are no registered alternative switches"
        lines = [f"{switch.name}: {switch.description}" for switch in switches]
        return "\n".join(("", "    -= Registered Asterisk Alternative Switches =-", *lines))


def _hint_line(hint: Hint) -> str:
    return (
        f"{f'{hint.exten}@{hint.context}':<30.30}: {hint.text:<60.60}  State:{extension_text(hint.state):<15.15}"
        f" Presence:{hint.presence.state.text:<15.15} Watchers {len(hint.watchers):2}"
    )


def _section(title: str, text: str) -> list[str]:
    return ["", f"[{title}]", *textwrap.wrap(text or "Not available", _WIDTH, break_long_words=False)]


def _describe_help(kind: str, name: str, syntax: str, help_: Help, options: Sequence[str], module: str) -> str:
    arguments = f"Options: {', '.join(options)}. " if options else ""
    arguments += f"Sets: {', '.join(help_.sets)}." if help_.sets else ""
    lines = ["", f"  -= Info about {kind} '{name}' =- "]
    for title, text in (
        ("Synopsis", help_.synopsis),
        ("Provided By", module),
        ("Description", help_.description),
        ("Syntax", syntax),
        ("Arguments", arguments),
        ("See Also", ", ".join(help_.see_also)),
    ):
        lines += _section(title, text)
    return "\n".join((*lines, ""))


def _describe_application(each: Application) -> str:
    return _describe_help("Application", each.name, each.syntax, each.help, each.grammar.options, each.module)


def _describe_function(each: Function) -> str:
    return _describe_help("Function", each.name, each.syntax, each.help, (), each.module)
