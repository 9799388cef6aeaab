"""One destination of a dial: its channel, whom it is told about, and where it forwards to."""

from __future__ import annotations

from dataclasses import dataclass, replace

from pbx.core.channel import Channel
from pbx.core.channels import prepare_outgoing
from pbx.core.dial.destinations import Destination
from pbx.core.dial.options import DialOptions
from pbx.core.party import Connected, PartyId, party_id


@dataclass(slots=True)
class Leg:
    """``anonymous``: it has no identity of its own to tell the caller; ``quiet``: no parties are told at all."""

    channel: Channel
    destination: Destination
    early_media: bool = False
    anonymous: bool = False
    quiet: bool = False
    #: Whether its call could be placed.
    begun: bool = False
    #: Whether it has the say of the destination that forwarded to it.
    forwarded: bool = False
    #: The connected line it sent, kept until it answers.
    pending: Connected | None = None


def prepare_leg(leg: Leg, caller: Channel | None, options: DialOptions) -> None:
    """Give an outgoing channel its parties and what it inherits, before it is called."""
    channel = leg.channel
    channel.owner = "dial"
    channel.set_variable("DIALEDPEERNUMBER", leg.destination.address)
    if caller is not None:
        channel.exten = caller.exten
    prepare_outgoing(channel, caller, options.dialled)
    if caller is not None:
        channel.music_class = channel.music_class or caller.music_class
        channel.max_forwards = caller.max_forwards - 1
        leg.anonymous = identify(channel, caller, options, name=caller.connected.id.name)
    if options.identity is not None and not options.identity_on_forward_only:
        channel.connected = replace(channel.connected, id=options.identity)
    for name, value in options.variables.items():
        channel.set_variable(name, value)
    # All of this is told at once, as by Asterisk.
    channel.set_application("AppDial", "(Outgoing Line)")
    if options.prepare is not None:
        options.prepare(channel)


def identify(channel: Channel, caller: Channel, options: DialOptions, *, name: str = "") -> bool:
    """Give a called party an identity where it has none; whether it had none.

    That is its number as dialled and its hint's name, or ``name``; option o of Dial stores another.
    """
    known = channel.caller.id
    if options.original_identity is not None:
        channel.caller = replace(channel.caller, id=options.original_identity)
        return True
    if not known.number:
        channel.caller = replace(channel.caller, id=party_id(caller.exten, options.called_name or name))
        return True
    if not known.name and name:
        channel.caller = replace(channel.caller, id=replace(known, name=name, name_valid=True))
    return False


def forward_destination(original: Channel) -> Destination:
    """Where a channel's ``call_forward`` leads: a bare extension means the dialplan of FORWARD_CONTEXT or its own."""
    technology, slash, address = original.call_forward.partition("/")
    if slash:
        return Destination(technology, address)
    context = original.get_variable("FORWARD_CONTEXT") or original.context
    return Destination("Local", f"{original.call_forward}@{context}")


def forwarded_from(leg: Leg, original: Channel, caller: Channel | None, options: DialOptions) -> None:
    """Tell a channel that a forwarded call goes to by whom and for whom."""
    channel = leg.channel
    channel.set_variable("FORWARDERNAME", original.name)
    redirecting = original.redirecting
    if not redirecting.source.number and caller is not None:
        redirecting = replace(redirecting, source=_with_number(redirecting.source, caller.exten))
    channel.redirecting = redirecting
    if leg.destination.technology.upper() == "LOCAL":
        # Its dialplan decides what is told.
        leg.quiet = False
    if options.identity is not None:
        channel.connected = Connected(id=options.identity)
    channel.changed()


def _with_number(party: PartyId, number: str) -> PartyId:
    return replace(party, number=number, number_valid=True)
