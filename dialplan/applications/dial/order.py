"""The arguments of Dial, taken apart and checked."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from twisted.logger import Logger

from dialplan.arguments import ArgumentError, Arguments, Options
from dialplan.functions.base import scan_int
from pbx.core.causes import CAUSE_NAMES
from pbx.core.channel import Channel
from pbx.core.dial import Destination, Entertainment, parse_destinations
from pbx.core.party import PRESENTATION_VALUES, PartyId, parse_callerid, party_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

log = Logger()

OPTIONS = (
    "A(x:y);a;b(context^exten^priority);B(context^exten^priority);C;c;d;"
    "D(called:calling:progress:mfprogress:mfwink:sfprogress:sfwink);E;e;f(x);F(context^exten^priority);g;"
    "G(context^exten^priority);h;H;i;I;j;k;K;L(x:y:z);m(class);n(delete);N;o(x);O(mode);p;P(x);Q(cause);r(tone);R;"
    "S(x);s(x);t;T;U(x^arg);u(x);w;W;x;X;z"
)

#: What each option means, for ``core show application Dial``.
DESCRIPTION = (
    "Rings every destination; the first that answers talks to the caller. The timeout is ANSWER[^PROGRESS] in seconds; "
    "within the second somebody must ring or send audio.\n"
    "A(x:y): play x to the called and y to the calling party. a: answer the caller at once when the called party "
    "answers. b and B(context^exten^priority): Gosub on each called channel, or on the caller, before the call. C: "
    "begin the record of the call anew. c: tell those not reached that the call was answered elsewhere. d: a digit "
    "that is an extension (of EXITCONTEXT if set) ends the dial and goes there. D(called:calling:progress): digits "
    "after the answer, the third at early media. e: the called party runs h afterwards. f(x): caller ID towards the "
    "called; without x towards whom they forward to. F or F(context^exten^priority): the called party goes on when the "
    "caller hangs up. g: go on when the called party hangs up. G(context^exten^priority): send both there after the "
    "answer, the called party one priority further. h, H: the called or the calling party hangs up by *. i: do not "
    "follow forwarding. I: no connected line updates. L(x:y:z): end after x ms, warn when y ms are left and every z "
    "ms. m(class): music until answered. n, N, p, P(x): the called party screens the call; n(1) deletes the "
    "introduction, N skips callers with a number, P keeps answers in the database. o(x): store x, or the caller's "
    "number, as the identity of whoever is called. Q(cause): for legs not answered. r(tone): ring, or play a tone, "
    "until answered. R: ring until there is early media. s(tag), u(presentation): of option f. S(x): end x seconds "
    "after the answer. U(x^arg): Gosub on the called channel before they talk; GOSUB_RESULT there says how it goes on. "
    "z: no timeout once forwarded."
)

#: Letters whose feature is another's and not loaded: accepted, and said once per call.
UNSUPPORTED: Mapping[str, str] = {
    **dict.fromkeys("tT", "transfer by digits"),
    **dict.fromkeys("kK", "parking by digits"),
    **dict.fromkeys("wWxX", "recording by digits"),
    "O": "operator services",
}
MAX_LIMIT_SECONDS = 10_000_000


def warn_unsupported(channel: Channel, application: str, options: Options, letters: Iterable[str]) -> None:
    """Say in the log which of these letters of `UNSUPPORTED` are asked for in vain."""
    for letter in letters:
        if letter in options:
            log.warn(
                "{channel}: {application}: option {letter} does nothing: there is no {feature}",
                channel=channel.name,
                application=application,
                letter=letter,
                feature=UNSUPPORTED[letter],
            )


class InvalidDestination(ArgumentError):
    """A destination is no ``Technology/Resource``."""


@dataclass(frozen=True, slots=True)
class DialOrder:
    """What one Dial was asked for. Times are seconds."""

    destinations: list[Destination]
    timeout: float | None
    progress_timeout: float | None
    options: Options
    entertainment: Entertainment
    #: A tone's name or its text (option r), or a music class (option m).
    entertainment_detail: str
    duration: float | None
    losers_cause: int | None
    identity: PartyId | None
    identity_on_forward_only: bool
    original_identity: PartyId | None
    digits_called: str
    digits_calling: str
    digits_progress: str
    url: str

    def argument(self, letter: str) -> str:
        """What stands behind an option's letter, or empty."""
        return self.options.argument(letter) or ""


def parse_order(channel: Channel, args: Arguments) -> DialOrder:
    """Take a call of Dial apart. Raises ArgumentError, after which DIALSTATUS is INVALIDARGS."""
    parts = args.parts
    try:
        destinations = parse_destinations(parts[0] if parts else "")
    except ValueError as error:
        raise InvalidDestination(f"Dial: {error}") from None
    options = args.options
    if options.problem:
        raise ArgumentError(f"Dial: {options.problem}")
    warn_unsupported(channel, "Dial", options, UNSUPPORTED)
    timeout, progress = _timeouts(args["timeout"])
    called, calling, early, *_tones = (*(options.argument("D") or "").split(":"), "", "", "")
    kind, detail = _entertainment(options)
    return DialOrder(
        destinations=destinations,
        timeout=timeout,
        progress_timeout=progress,
        options=options,
        entertainment=kind,
        entertainment_detail=detail,
        duration=_duration(options),
        losers_cause=_losers_cause(options),
        identity=_identity(channel, options),
        identity_on_forward_only="f" in options and not options.argument("f"),
        original_identity=_original(channel, options),
        digits_called=called,
        digits_calling=calling,
        digits_progress=early,
        url=args["URL"],
    )


def _timeouts(text: str) -> tuple[float | None, float | None]:
    answer, _, progress = text.partition("^")
    return _timeout(answer, "answer"), _timeout(progress, "progress")


def _timeout(text: str, what: str) -> float | None:
    text = text.strip()
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= MAX_LIMIT_SECONDS:
        log.warn("Invalid {what} timeout specified: '{text}'. Setting timeout to infinite", what=what, text=text)
        return None
    return value


def _entertainment(options: Options) -> tuple[Entertainment, str]:
    if "m" in options:
        return Entertainment.MUSIC, options.argument("m") or ""
    if "r" in options:
        tone = options.argument("r") or ""
        return (Entertainment.TONE if tone else Entertainment.RINGING), tone
    return (Entertainment.RING_UNTIL_MEDIA if "R" in options else Entertainment.NONE), ""


def _duration(options: Options) -> float | None:
    text = options.argument("S")
    if not text:
        return None
    number = scan_int(text)
    if not number:
        raise ArgumentError(f"Dial does not accept S({text})")
    return float(max(0, min(number, MAX_LIMIT_SECONDS)))


def _losers_cause(options: Options) -> int | None:
    """Option Q: a cause by name or number, NONE for none; None where it is not given or wrong."""
    text = (options.argument("Q") or "").strip()
    if not text:
        return None
    if text.upper() == "NONE":
        return 0
    cause = CAUSE_NAMES.get(text.upper().removeprefix("AST_CAUSE_"))
    if cause is not None:
        return int(cause)
    if text.isdecimal() and int(text) <= 127:
        return int(text)
    log.warn('Invalid cause given to Dial(...Q(<cause>)): "{text}"', text=text)
    return None


def _identity(channel: Channel, options: Options) -> PartyId | None:
    """Option f, with the tag of option s and the presentation of option u."""
    if "f" not in options:
        return None
    text = options.argument("f")
    identity = parse_callerid(text) if text else party_id(channel.exten)
    presentation = PRESENTATION_VALUES.get((options.argument("u") or "").lower(), 0x01)
    return replace(identity, tag=options.argument("s") or "", number_presentation=presentation)


def _original(channel: Channel, options: Options) -> PartyId | None:
    if "o" not in options:
        return None
    text = options.argument("o")
    return parse_callerid(text) if text else channel.caller.id
