"""Hangup causes: the ITU-T Q.850 values Asterisk uses, with the texts its interfaces print."""

from __future__ import annotations

from enum import IntEnum


class Cause(IntEnum):
    """Why a call ended or could not be made (Q.850 clause 2.2.7)."""

    NOT_DEFINED = 0
    UNALLOCATED = 1
    NO_ROUTE_TRANSIT_NET = 2
    NO_ROUTE_DESTINATION = 3
    MISDIALLED_TRUNK_PREFIX = 5
    CHANNEL_UNACCEPTABLE = 6
    CALL_AWARDED_DELIVERED = 7
    PRE_EMPTED = 8
    NUMBER_PORTED_NOT_HERE = 14
    NORMAL_CLEARING = 16
    USER_BUSY = 17
    NO_USER_RESPONSE = 18
    NO_ANSWER = 19
    SUBSCRIBER_ABSENT = 20
    CALL_REJECTED = 21
    NUMBER_CHANGED = 22
    REDIRECTED_TO_NEW_DESTINATION = 23
    ANSWERED_ELSEWHERE = 26
    DESTINATION_OUT_OF_ORDER = 27
    INVALID_NUMBER_FORMAT = 28
    FACILITY_REJECTED = 29
    RESPONSE_TO_STATUS_ENQUIRY = 30
    NORMAL_UNSPECIFIED = 31
    NORMAL_CIRCUIT_CONGESTION = 34
    NETWORK_OUT_OF_ORDER = 38
    NORMAL_TEMPORARY_FAILURE = 41
    SWITCH_CONGESTION = 42
    ACCESS_INFO_DISCARDED = 43
    REQUESTED_CHAN_UNAVAIL = 44
    FACILITY_NOT_SUBSCRIBED = 50
    OUTGOING_CALL_BARRED = 52
    INCOMING_CALL_BARRED = 54
    BEARERCAPABILITY_NOTAUTH = 57
    BEARERCAPABILITY_NOTAVAIL = 58
    BEARERCAPABILITY_NOTIMPL = 65
    CHAN_NOT_IMPLEMENTED = 66
    FACILITY_NOT_IMPLEMENTED = 69
    INVALID_CALL_REFERENCE = 81
    INCOMPATIBLE_DESTINATION = 88
    INVALID_MSG_UNSPECIFIED = 95
    MANDATORY_IE_MISSING = 96
    MESSAGE_TYPE_NONEXIST = 97
    WRONG_MESSAGE = 98
    IE_NONEXIST = 99
    INVALID_IE_CONTENTS = 100
    WRONG_CALL_STATE = 101
    RECOVERY_ON_TIMER_EXPIRE = 102
    MANDATORY_IE_LENGTH_ERROR = 103
    PROTOCOL_ERROR = 111
    INTERWORKING = 127


#: ``Cause-txt`` and ``cause_txt`` on the wire.
CAUSE_TEXTS: dict[int, str] = {
    Cause.UNALLOCATED: "Unallocated (unassigned) number",
    Cause.NO_ROUTE_TRANSIT_NET: "No route to specified transit network",
    Cause.NO_ROUTE_DESTINATION: "No route to destination",
    Cause.MISDIALLED_TRUNK_PREFIX: "Misdialed trunk prefix",
    Cause.CHANNEL_UNACCEPTABLE: "Channel unacceptable",
    Cause.CALL_AWARDED_DELIVERED: "Call awarded and being delivered in an established channel",
    Cause.PRE_EMPTED: "Pre-empted",
    Cause.NUMBER_PORTED_NOT_HERE: "Number ported elsewhere",
    Cause.NORMAL_CLEARING: "Normal Clearing",
    Cause.USER_BUSY: "User busy",
    Cause.NO_USER_RESPONSE: "No user responding",
    Cause.NO_ANSWER: "User alerting, no answer",
    Cause.SUBSCRIBER_ABSENT: "Subscriber absent",
    Cause.CALL_REJECTED: "Call Rejected",
    Cause.NUMBER_CHANGED: "Number changed",
    Cause.REDIRECTED_TO_NEW_DESTINATION: "Redirected to new destination",
    Cause.ANSWERED_ELSEWHERE: "Answered elsewhere",
    Cause.DESTINATION_OUT_OF_ORDER: "Destination out of order",
    Cause.INVALID_NUMBER_FORMAT: "Invalid number format",
    Cause.FACILITY_REJECTED: "Facility rejected",
    Cause.RESPONSE_TO_STATUS_ENQUIRY: "Response to STATus ENQuiry",
    Cause.NORMAL_UNSPECIFIED: "Normal, unspecified",
    Cause.NORMAL_CIRCUIT_CONGESTION: "Circuit/channel congestion",
    Cause.NETWORK_OUT_OF_ORDER: "Network out of order",
    Cause.NORMAL_TEMPORARY_FAILURE: "Temporary failure",
    Cause.SWITCH_CONGESTION: "Switching equipment congestion",
    Cause.ACCESS_INFO_DISCARDED: "Access information discarded",
    Cause.REQUESTED_CHAN_UNAVAIL: "Requested channel not available",
    Cause.FACILITY_NOT_SUBSCRIBED: "Facility not subscribed",
    Cause.OUTGOING_CALL_BARRED: "Outgoing call barred",
    Cause.INCOMING_CALL_BARRED: "Incoming call barred",
    Cause.BEARERCAPABILITY_NOTAUTH: "Bearer capability not authorized",
    Cause.BEARERCAPABILITY_NOTAVAIL: "Bearer capability not available",
    Cause.BEARERCAPABILITY_NOTIMPL: "Bearer capability not implemented",
    Cause.CHAN_NOT_IMPLEMENTED: "Channel not implemented",
    Cause.FACILITY_NOT_IMPLEMENTED: "Facility not implemented",
    Cause.INVALID_CALL_REFERENCE: "Invalid call reference value",
    Cause.INCOMPATIBLE_DESTINATION: "Incompatible destination",
    Cause.INVALID_MSG_UNSPECIFIED: "Invalid message unspecified",
    Cause.MANDATORY_IE_MISSING: "Mandatory information element is missing",
    Cause.MESSAGE_TYPE_NONEXIST: "Message type nonexist.",
    Cause.WRONG_MESSAGE: "Wrong message",
    Cause.IE_NONEXIST: "Info. element nonexist or not implemented",
    Cause.INVALID_IE_CONTENTS: "Invalid information element contents",
    Cause.WRONG_CALL_STATE: "Message not compatible with call state",
    Cause.RECOVERY_ON_TIMER_EXPIRE: "Recover on timer expiry",
    Cause.MANDATORY_IE_LENGTH_ERROR: "Mandatory IE length error",
    Cause.PROTOCOL_ERROR: "Protocol error, unspecified",
    Cause.INTERWORKING: "Interworking, unspecified",
}


def cause_text(cause: int) -> str:
    """The text of a cause; ``Unknown`` for values without one, as Asterisk prints."""
    return CAUSE_TEXTS.get(cause, "Unknown")


#: Names accepted by ``channel request hangup``, Hangup() and ARI's ``reason``.
CAUSE_NAMES: dict[str, Cause] = {cause.name: cause for cause in Cause}


def parse_cause(text: str) -> Cause | None:
    """A cause by number or by name (``USER_BUSY``, any case), or None."""
    text = text.strip()
    if text.isdecimal():
        number = int(text)
        return Cause(number) if number in Cause._value2member_map_ else None
    return CAUSE_NAMES.get(text.upper().removeprefix("AST_CAUSE_"))
