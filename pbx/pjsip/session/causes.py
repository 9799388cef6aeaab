"""SIP status codes and Q.850 hangup causes, both ways, as Asterisk's PJSIP channel maps them (compare RFC 3398)."""

from __future__ import annotations

from pbx.core.causes import Cause

_SIP_TO_CAUSE: dict[int, Cause] = {
    302: Cause.REDIRECTED_TO_NEW_DESTINATION,
    401: Cause.CALL_REJECTED,
    403: Cause.CALL_REJECTED,
    404: Cause.UNALLOCATED,
    405: Cause.INTERWORKING,
    407: Cause.CALL_REJECTED,
    408: Cause.NO_USER_RESPONSE,
    409: Cause.NORMAL_TEMPORARY_FAILURE,
    410: Cause.NUMBER_CHANGED,
    411: Cause.INTERWORKING,
    413: Cause.INTERWORKING,
    414: Cause.INTERWORKING,
    415: Cause.INTERWORKING,
    420: Cause.NO_ROUTE_DESTINATION,
    480: Cause.NO_ANSWER,
    481: Cause.INTERWORKING,
    482: Cause.INTERWORKING,
    483: Cause.NO_ANSWER,
    484: Cause.INVALID_NUMBER_FORMAT,
    485: Cause.UNALLOCATED,
    486: Cause.USER_BUSY,
    487: Cause.INTERWORKING,
    488: Cause.BEARERCAPABILITY_NOTAVAIL,
    491: Cause.INTERWORKING,
    493: Cause.INTERWORKING,
    500: Cause.NETWORK_OUT_OF_ORDER,
    501: Cause.FACILITY_REJECTED,
    502: Cause.DESTINATION_OUT_OF_ORDER,
    503: Cause.NORMAL_CIRCUIT_CONGESTION,
    504: Cause.RECOVERY_ON_TIMER_EXPIRE,
    505: Cause.INTERWORKING,
    600: Cause.USER_BUSY,
    603: Cause.CALL_REJECTED,
    604: Cause.UNALLOCATED,
    606: Cause.BEARERCAPABILITY_NOTAVAIL,
}

_CAUSE_TO_SIP: dict[int, int] = {
    Cause.REDIRECTED_TO_NEW_DESTINATION: 302,
    Cause.UNALLOCATED: 404,
    Cause.NO_ROUTE_DESTINATION: 404,
    Cause.NO_ROUTE_TRANSIT_NET: 404,
    Cause.NORMAL_CIRCUIT_CONGESTION: 503,
    Cause.SWITCH_CONGESTION: 503,
    Cause.NO_USER_RESPONSE: 408,
    Cause.NO_ANSWER: 480,
    Cause.SUBSCRIBER_ABSENT: 480,
    Cause.CALL_REJECTED: 403,
    Cause.NUMBER_CHANGED: 410,
    Cause.NORMAL_UNSPECIFIED: 480,
    Cause.INVALID_NUMBER_FORMAT: 484,
    Cause.USER_BUSY: 486,
    Cause.NETWORK_OUT_OF_ORDER: 500,
    Cause.FACILITY_REJECTED: 501,
    Cause.CHAN_NOT_IMPLEMENTED: 503,
    Cause.DESTINATION_OUT_OF_ORDER: 502,
    Cause.BEARERCAPABILITY_NOTAVAIL: 488,
    Cause.INTERWORKING: 500,
}


def sip_to_cause(code: int) -> Cause:
    """The hangup cause a final response stands for."""
    found = _SIP_TO_CAUSE.get(code)
    if found is not None:
        return found
    if 200 <= code < 300:
        return Cause.NORMAL_CLEARING
    if 400 <= code < 500:
        return Cause.INTERWORKING
    if 500 <= code < 600:
        return Cause.NORMAL_CIRCUIT_CONGESTION
    if 600 <= code < 700:
        return Cause.INTERWORKING
    return Cause.NORMAL_CLEARING


def cause_to_sip(cause: int) -> int:
    """The response code that says a cause, or 0 where no code does."""
    return _CAUSE_TO_SIP.get(cause, 0)


def parse_reason(value: str) -> tuple[str, int, str] | None:
    """One Reason header value (RFC 3326) as (protocol in capitals, cause, text); None when it names no cause."""
    protocol, *parameters = value.split(";")
    cause: int | None = None
    text = ""
    for parameter in parameters:
        name, _, content = parameter.partition("=")
        name = name.strip().lower()
        content = content.strip()
        if name == "cause" and content.isdecimal() and len(content) <= 3:
            cause = int(content)
        elif name == "text":
            text = content.strip('"')
    if cause is None:
        return None
    return protocol.strip().upper(), cause, text


def q850_of_reasons(values: list[str]) -> int | None:
    """The Q.850 cause among Reason header values, or None."""
    for value in values:
        found = parse_reason(value)
        if found is not None and found[0] == "Q.850" and 0 < found[1] < 128:
            return found[1]
    return None


def q850_reason(cause: int) -> str:
    """A Reason header value for a cause, as Asterisk writes it."""
    return f"Q.850;cause={cause & 0x7F}"
