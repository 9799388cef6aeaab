"""The bodies of NOTIFY: what each state becomes in each format, and that XML stays XML whatever people type."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest

from pbx.core.presence import Presence, PresenceState
from pbx.pjsip.bodies import parts_of
from pbx.pjsip.pubsub import bodies
from pbx.pjsip.pubsub.bodies import ExtensionBody, MessageBody
from pbx.pjsip.pubsub.packages import Formats

P = "{urn:ietf:params:xml:ns:pidf}"
D = "{urn:ietf:params:xml:ns:dialog-info}"
L = "{urn:ietf:params:xml:ns:rlmi}"
BODY = ExtensionBody(
    "bob", "sip:bob@192.0.2.1", "sip:alice@192.0.2.2", 0, Presence(PresenceState.AWAY, "lunch", "<soup> & more")
)


@pytest.mark.parametrize(
    ("state", "basic", "note", "activity"),
    [
        (0, "open", "Ready", None),
        (1, "open", "On the phone", "on-the-phone"),
        (2, "open", "On the phone", "on-the-phone"),
        (4, "closed", "Unavailable", None),
        (8, "open", "Ringing", "on-the-phone"),
        (9, "open", "Ringing", "on-the-phone"),
        (16, "open", "On hold", "on-the-phone"),
    ],
)
def test_pidf(state: int, basic: str, note: str, activity: str | None) -> None:
    root = ET.fromstring(bodies.pidf(replace(BODY, state=state)))  # noqa: S314  # our own text
    assert root.get("entity") == "sip:bob@192.0.2.1"
    assert root.findtext(f"{P}note") == note
    assert root.findtext(f"{P}tuple/{P}status/{P}basic") == basic
    assert root.findtext(f"{P}tuple/{P}contact") == "sip:alice@192.0.2.2"
    rpid = "{urn:ietf:params:xml:ns:pidf:rpid}"
    person = root.find("{urn:ietf:params:xml:ns:pidf:data-model}person")
    assert person is not None
    found = [
        child.tag for child in person.iter() if child.tag.startswith(rpid) and not child.tag.endswith("activities")
    ]
    assert found == ([] if activity is None else [rpid + activity])


def test_pidf_for_digiums_phones_tells_of_presence() -> None:
    assert b"digium" not in bodies.pidf(BODY)
    body = replace(BODY, user_agent="Digium D40")
    root = ET.fromstring(bodies.pidf(body, eyebeam=False))  # noqa: S314  # our own text
    element = root.find(f"{P}tuple[2]/{P}status/{P}digium_presence")
    assert element is not None
    assert element.attrib == {"type": "away", "subtype": "lunch"}
    assert element.text == "<soup> & more"
    assert b"digium" not in bodies.pidf(body, digium=False)


@pytest.mark.parametrize(
    ("state", "word", "sub"), [(0, "open", "online"), (8, "inuse", "onthephone"), (4, "closed", "offline")]
)
def test_xpidf(state: int, word: str, sub: str) -> None:
    root = ET.fromstring(bodies.xpidf(replace(BODY, state=state)))  # noqa: S314  # our own text
    assert root.find(f"atom/address/status[@status='{word}']") is not None
    assert root.find(f"atom/address/msnsubstatus[@substatus='{sub}']") is not None


def test_dialog_info() -> None:
    ringing = replace(BODY, state=8, version=3, caller=("Al & Co", "sip:7@h"), callee=("Bob", "sip:8@h"))
    root = ET.fromstring(bodies.dialog_info(ringing))  # noqa: S314  # our own text
    assert (root.get("version"), root.get("state")) == ("3", "full")
    dialog = root.find(f"{D}dialog")
    assert dialog is not None
    assert dialog.get("direction") == "recipient"
    assert dialog.findtext(f"{D}state") == "early"
    identity = dialog.find(f"{D}remote/{D}identity")
    assert identity is not None
    assert (identity.get("display"), identity.text) == ("Al & Co", "sip:7@h")
    both = replace(BODY, state=9)
    assert b"<state>confirmed</state>" in bodies.dialog_info(both)
    assert b"<state>early</state>" in bodies.dialog_info(replace(both, early_while_in_use=True))
    assert b"+sip.rendering" in bodies.dialog_info(replace(BODY, state=16))


def test_message_summary() -> None:
    assert bodies.message_summary(MessageBody(2, 1, "sip:500@h")) == (
        b"Messages-Waiting: yes\r\nMessage-Account: sip:500@h\r\nVoice-Message: 2/1 (0/0)\r\n"
    )
    assert bodies.message_summary(MessageBody(0, 4)) == b"Messages-Waiting: no\r\nVoice-Message: 0/4 (0/0)\r\n"


def test_a_list_names_its_parts() -> None:
    resources = [
        bodies.Resource("A & B", "sip:a@h", "x1", True, "c1@h"),
        bodies.Resource("c", "sip:c@h", "x2", False, "c2@h"),
    ]
    listing = bodies.rlmi("both", "sip:both@h", 4, False, resources)
    root = ET.fromstring(listing)  # noqa: S314  # our own text
    assert (root.get("version"), root.get("fullState")) == ("4", "false")
    assert [each.findtext(f"{L}name") for each in root.findall(f"{L}resource")] == ["A & B", "c"]
    assert [each.get("state") for each in root.iter(f"{L}instance")] == ["active", "terminated"]
    parts = [bodies.Part("c0@h", "application/rlmi+xml", listing), bodies.Part("c1@h", "application/pidf+xml", b"<x/>")]
    whole = bodies.multipart("b0", parts)
    assert list(parts_of(bodies.multipart_type("b0"), whole)) == [
        ("application/rlmi+xml", listing),
        ("application/pidf+xml", b"<x/>"),
    ]


def test_formats_are_chosen_by_what_they_can_say() -> None:
    formats = Formats()
    withdraw = formats.register("application/pidf+xml", ExtensionBody, bodies.pidf)
    formats.register("application/simple-message-summary", MessageBody, bodies.message_summary)
    assert formats.choose(("text/x", "application/pidf+xml"), ExtensionBody) == "application/pidf+xml"
    assert formats.choose(("application/pidf+xml",), MessageBody) is None
    with pytest.raises(ValueError, match="already"):
        formats.register("application/pidf+xml", ExtensionBody, bodies.xpidf)
    with pytest.raises(TypeError):
        formats.make("application/pidf+xml", MessageBody(0, 0))
    withdraw()
    assert formats.make("application/pidf+xml", BODY) is None
