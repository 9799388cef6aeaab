"""`ChannelSnapshot`: a channel as all interfaces see it at one moment. Built once per change, shared, never changed."""

from __future__ import annotations

from dataclasses import dataclass
from zlib import crc32

from pbx.core.party import Caller, Connected
from pbx.core.states import ChannelState


def callid_of(linkedid: str) -> str:
    """The id of a call as the log shows it, ``C-0000001a``: one for the channels that are linked.

    It is made from the number of the first of them, where its id has one.
    """
    number = linkedid.rpartition(".")[2]
    return f"C-{int(number) if number.isdecimal() else crc32(linkedid.encode()):08x}"


@dataclass(slots=True)
class ChannelSnapshot:
    """The fields AMI and ARI print of a channel. ``created`` is seconds since the epoch.

    Not changed once made. Frozen it would take 17 us to make in place of 1, and a watched call makes ten.
    """

    name: str
    uniqueid: str
    linkedid: str
    technology: str
    state: ChannelState
    caller: Caller
    connected: Connected
    language: str
    accountcode: str
    peeraccount: str
    tenantid: str
    userfield: str
    context: str
    exten: str
    priority: int
    application: str
    application_data: str
    created: float
    answered: float | None
    bridge_id: str | None
    hangup_cause: int
    tech_cause: str
    protocol_id: str
    alive: bool
    on_hold: bool
    #: Variables that events are to show, with their values.
    reported: tuple[tuple[str, str], ...] = ()
    #: Whether it was made by a dial, and of those whether by an origination: what records of calls go by.
    outgoing: bool = False
    originated: bool = False
    amaflags: int = 3
    #: The number that was dialled, as the technology heard it.
    dialed_number: str = ""
    #: The number a call was diverted from last.
    redirecting_number: str = ""
    #: Whether a subroutine runs, or what runs once a call has ended.
    in_subroutine: bool = False
    in_hangup: bool = False
