"""What NOTIFY and PUBLISH say: PIDF (RFC 3863), XPIDF, dialog-info (RFC 4235), message summaries (RFC 3842), resource
lists (RFC 4662). Pure: states in, bytes out, element for element as Asterisk's body generators write them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

from pbx.core.device_state import (
    EXTENSION_BUSY,
    EXTENSION_IN_USE,
    EXTENSION_ON_HOLD,
    EXTENSION_RINGING,
    EXTENSION_UNAVAILABLE,
)
from pbx.core.presence import Presence

PROLOG = '<?xml version="1.0" encoding="UTF-8"?>\n'


@dataclass(frozen=True, slots=True)
class Words:
    """A state in the words of the formats: dialog-info's, PIDF's basic, the activity, and a note for people."""

    dialog: str
    status: str
    activity: str
    note: str


_READY = Words("terminated", "open", "", "Ready")
_WORDS: dict[int, Words] = {
    EXTENSION_RINGING: Words("early", "inuse", "on-the-phone", "Ringing"),
    EXTENSION_RINGING | EXTENSION_IN_USE: Words("confirmed", "inuse", "on-the-phone", "Ringing"),
    EXTENSION_IN_USE: Words("confirmed", "inuse", "on-the-phone", "On the phone"),
    EXTENSION_BUSY: Words("confirmed", "inuse", "on-the-phone", "On the phone"),
    EXTENSION_UNAVAILABLE: Words("terminated", "closed", "", "Unavailable"),
    EXTENSION_ON_HOLD: Words("confirmed", "inuse", "on-the-phone", "On hold"),
}


def words(state: int) -> Words:
    """The words for an extension's state."""
    return _WORDS.get(state, _READY)


@dataclass(frozen=True, slots=True)
class ExtensionBody:
    """What a body about an extension is made of. ``entity`` is the extension's URI, ``watcher`` the subscriber's."""

    exten: str
    entity: str
    watcher: str
    state: int
    presence: Presence
    user_agent: str = ""
    version: int = 0
    early_while_in_use: bool = False
    #: Name and URI of who calls and of who is called, while it rings.
    caller: tuple[str, str] | None = None
    callee: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class MessageBody:
    """What a body about mailboxes is made of."""

    new: int
    old: int
    account: str = ""


def _attributes(pairs: Iterable[tuple[str, str]]) -> str:
    return "".join(f" {name}={quoteattr(value)}" for name, value in pairs)


def pidf(body: ExtensionBody, *, eyebeam: bool = True, digium: bool = True) -> bytes:
    """``application/pidf+xml``; with the elements that Eyebeam reads, and those of Digium's and Sangoma's phones."""
    word = words(body.state)
    basic = "closed" if word.status == "closed" else "open"
    namespaces = [("entity", body.entity), ("xmlns", "urn:ietf:params:xml:ns:pidf")]
    if eyebeam:
        namespaces += (
            ("xmlns:dm", "urn:ietf:params:xml:ns:pidf:data-model"),
            ("xmlns:rpid", "urn:ietf:params:xml:ns:pidf:rpid"),
        )
    lines = [
        f"<presence{_attributes(namespaces)}>",
        f" <note>{word.note}</note>",
        f" <tuple{_attributes((('id', body.exten),))}>",
        f"  <status>\n   <basic>{basic}</basic>\n  </status>",
        f'  <contact priority="1">{escape(body.watcher)}</contact>',
        " </tuple>",
    ]
    if digium and any(maker in body.user_agent.lower() for maker in ("digium", "sangoma")):
        presence = body.presence
        fields = [("type", presence.state.text)]
        if presence.subtype:
            fields.append(("subtype", presence.subtype))
        element = f"<digium_presence{_attributes(fields)}>{escape(presence.message)}</digium_presence>"
        lines.append(f' <tuple id="digium-presence">\n  <status>\n   {element}\n  </status>\n </tuple>')
    if eyebeam:
        if word.activity:
            lines.append(
                f" <dm:person>\n  <rpid:activities>\n   <rpid:{word.activity} />\n  </rpid:activities>\n </dm:person>"
            )
        else:
            lines.append(" <dm:person />")
    return (PROLOG + "\n".join([*lines, "</presence>", ""])).encode()


def xpidf(body: ExtensionBody) -> bytes:
    """``application/xpidf+xml`` and ``application/cpim-pidf+xml``."""
    status = words(body.state).status
    substatus = {"open": "online", "inuse": "onthephone", "closed": "offline"}[status]
    lines = (
        "<presence>",
        f" <presentity{_attributes((('uri', f'{body.entity};method=SUBSCRIBE'),))} />",
        f" <atom{_attributes((('id', body.exten),))}>",
        f"  <address{_attributes((('uri', f'{body.watcher};user=ip'), ('priority', '0.80000')))}>",
        f'   <status status="{status}" />',
        f'   <msnsubstatus substatus="{substatus}" />',
        "  </address>",
        " </atom>",
        "</presence>",
        "",
    )
    return (PROLOG + "\n".join(lines)).encode()


def dialog_info(body: ExtensionBody) -> bytes:
    """``application/dialog-info+xml``."""
    word = words(body.state)
    state = word.dialog
    if body.early_while_in_use and body.state == EXTENSION_RINGING | EXTENSION_IN_USE:
        state = "early"
    head = (
        ("xmlns", "urn:ietf:params:xml:ns:dialog-info"),
        ("version", str(body.version)),
        ("state", "full"),
        ("entity", body.entity),
    )
    lines = [f"<dialog-info{_attributes(head)}>"]
    if state == "early":
        lines.append(f" <dialog{_attributes((('id', body.exten), ('direction', 'recipient')))}>")
        if body.caller is not None:
            lines += _party("remote", *body.caller)
        lines += _party("local", *(body.callee or ("", body.entity)))
    else:
        lines.append(f" <dialog{_attributes((('id', body.exten),))}>")
    lines.append(f"  <state>{state}</state>")
    if body.state == EXTENSION_ON_HOLD:
        target = (("uri", body.entity),)
        parameter = '    <param pname="+sip.rendering" pvalue="no" />'
        lines.append(f"  <local>\n   <target{_attributes(target)}>\n{parameter}\n   </target>\n  </local>")
    return (PROLOG + "\n".join([*lines, " </dialog>", "</dialog-info>", ""])).encode()


def _party(side: str, name: str, uri: str) -> list[str]:
    display = _attributes((("display", name),)) if name else ""
    return [
        f"  <{side}>",
        f"   <identity{display}>{escape(uri)}</identity>",
        f"   <target{_attributes((('uri', uri),))} />",
        f"  </{side}>",
    ]


def message_summary(body: MessageBody) -> bytes:
    """``application/simple-message-summary``."""
    account = f"Message-Account: {body.account}\r\n" if body.account else ""
    waiting = "yes" if body.new else "no"
    return f"Messages-Waiting: {waiting}\r\n{account}Voice-Message: {body.new}/{body.old} (0/0)\r\n".encode()


# Resource lists


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a multipart body: its Content-ID without brackets, its type, its bytes."""

    content_id: str
    content_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Resource:
    """A list's entry: its name and URI, whether its subscription is over, and the part that tells of it."""

    name: str
    uri: str
    instance: str
    active: bool
    content_id: str


def rlmi(name: str, uri: str, version: int, full_state: bool, resources: Sequence[Resource]) -> bytes:
    """``application/rlmi+xml``: what the other parts are about."""
    head = (
        ("xmlns", "urn:ietf:params:xml:ns:rlmi"),
        ("uri", uri),
        ("version", str(version)),
        ("fullState", "true" if full_state else "false"),
    )
    lines = [f"<list{_attributes(head)}>", f" <name>{escape(name)}</name>"]
    for each in resources:
        state = "active" if each.active else "terminated"
        instance = (("id", each.instance), ("state", state), ("cid", each.content_id))
        lines += (
            f" <resource{_attributes((('uri', each.uri),))}>",
            f"  <name>{escape(each.name)}</name>",
            f"  <instance{_attributes(instance)} />",
            " </resource>",
        )
    return (PROLOG + "\n".join([*lines, "</list>", ""])).encode()


def multipart(boundary: str, parts: Sequence[Part]) -> bytes:
    """A multipart body; its Content-Type is `multipart_type`'s."""
    out = b""
    for part in parts:
        head = f"--{boundary}\r\nContent-ID: <{part.content_id}>\r\nContent-Type: {part.content_type}\r\n\r\n"
        out += head.encode() + part.content + b"\r\n"
    return out + f"--{boundary}--\r\n".encode()


def multipart_type(boundary: str) -> str:
    return f'multipart/related;type="application/rlmi+xml";boundary={boundary}'
