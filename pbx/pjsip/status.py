"""SIP's response codes by number and by name (the IANA registry of response codes), and the Warning beside one."""

from __future__ import annotations

#: What refuses a call for which no code stands (Asterisk's choice).
DECLINE = 603
MOVED_TEMPORARILY = 302

#: Reason phrases by code, from 400 on.
PHRASES: dict[int, str] = {
    400: "Bad Request", 401: "Unauthorized", 402: "Payment Required", 403: "Forbidden", 404: "Not Found",
    405: "Method Not Allowed", 406: "Not Acceptable", 407: "Proxy Authentication Required", 408: "Request Timeout",
    409: "Conflict", 410: "Gone", 411: "Length Required", 412: "Conditional Request Failed",
    413: "Request Entity Too Large", 414: "Request URI Too Long", 415: "Unsupported Media Type",
    416: "Unsupported URI Scheme", 417: "Unknown Resource Priority", 420: "Bad Extension", 421: "Extension Required",
    422: "Session Timer Too Small", 423: "Interval Too Brief", 424: "Bad Location Information",
    428: "Use Identity Header", 429: "Provide Referrer Identity", 430: "Flow Failed", 433: "Anonymity Disallowed",
    436: "Bad Identity Info", 437: "Unsupported Certificate", 438: "Invalid Identity Header",
    439: "First Hop Lacks Outbound Support", 440: "Max Breadth Exceeded", 469: "Bad Info Package",
    470: "Consent Needed", 480: "Temporarily Unavailable", 481: "Call TSX Does Not Exist", 482: "Loop Detected",
    483: "Too Many Hops", 484: "Address Incomplete", 485: "Ambiguous", 486: "Busy Here", 487: "Request Terminated",
    488: "Not Acceptable Here", 489: "Bad Event", 490: "Request Updated", 491: "Request Pending", 493: "Undecipherable",
    494: "Security Agreement Needed", 500: "Internal Server Error", 501: "Not Implemented", 502: "Bad Gateway",
    503: "Service Unavailable", 504: "Server Timeout", 505: "Version Not Supported", 513: "Message Too Large",
    555: "Push Notification Service Not Supported", 580: "Precondition Failure", 600: "Busy Everywhere",
    603: "Decline", 604: "Does Not Exist Anywhere", 606: "Not Acceptable Anywhere", 607: "Unwanted", 608: "Rejected",
}  # fmt: skip

_BY_NAME = {phrase.upper().replace(" ", "_"): code for code, phrase in PHRASES.items()}


def status_code(text: str) -> int | None:
    """The code that a number or a name (``BUSY_HERE``, in any case, with or without Asterisk's ``PJSIP_SC_``) means."""
    text = text.strip()
    if text.isascii() and text.isdigit() and len(text) <= 4:
        return int(text)
    return _BY_NAME.get(text.upper().replace(" ", "_").removeprefix("PJSIP_SC_"))


def warning(agent: str, text: str) -> str:
    """A Warning header's value (RFC 3261 20.43)."""
    word = "".join(c for c in agent.partition(" ")[0] if c.isalnum() or c in "-.") or "obelisk"
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'399 {word} "{quoted}"'
