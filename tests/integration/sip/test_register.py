"""REGISTER as a phone sees it."""

from __future__ import annotations

import re

import pytest
import pytest_twisted

from pbx.pjsip.events import ContactState, ContactStatus, EndpointStateChanged
from pbx.pjsip.location import Location
from pbx.security_events import ChallengeResponseFailed, ChallengeSent, InvalidAccountID, SuccessfulAuth
from pbx.testing.sip_half import RawPhone, SipHalf, answer, nonce_of

ensure = pytest_twisted.ensureDeferred


def shape(raw: bytes) -> str:
    """An answer without what differs from request to request."""
    own = r'nonce="[^"]*"|branch=[^;\s]*|tag=[^;\s]*|CSeq: \d+|alice|nobody'
    return re.sub(own, "", raw.decode())


@ensure
async def test_register_and_unregister(sip: SipHalf, phone: RawPhone) -> None:
    statuses = sip.events(ContactStatus, EndpointStateChanged)
    ok = await phone.ask_with_password("REGISTER", contacts=(phone.contact,), headers=(("Expires", "300"),))
    assert ok.status_code == 200
    contacts = ok.headers.get_all("Contact")
    assert contacts[0] == "<sip:alice@192.0.2.99>"
    assert re.fullmatch(rf"<sip:alice@127\.0\.0\.1:{phone.port}>;expires=(300|299)", contacts[1])
    assert ok.headers.get("Expires") == "300"
    assert (ok.headers.get("Date") or "").endswith("GMT")
    gone = await phone.ask_with_password("REGISTER", contacts=(phone.contact,), headers=(("Expires", "0"),))
    assert gone.headers.get_all("Contact") == ["<sip:alice@192.0.2.99>"]
    assert [each.state for each in statuses if isinstance(each, ContactStatus)] == [
        ContactState.CREATED,
        ContactState.REMOVED,
    ]


@ensure
async def test_challenges_and_what_is_told_of_them(sip: SipHalf, phone: RawPhone) -> None:
    events = sip.events(ChallengeSent, ChallengeResponseFailed, SuccessfulAuth, InvalidAccountID)
    challenge = await phone.ask("REGISTER")
    assert challenge.status_code == 401
    nonce = nonce_of(challenge)
    wrong = await phone.ask("REGISTER", authorization=answer("REGISTER", "alice", "guess", nonce))
    assert wrong.status_code == 401
    assert "stale" not in (wrong.headers.get("WWW-Authenticate") or "")
    right = await phone.ask("REGISTER", authorization=answer("REGISTER", "alice", "wonderland", nonce))
    assert right.status_code == 200
    assert [type(each).__name__ for each in events] == ["ChallengeSent", "ChallengeResponseFailed", "SuccessfulAuth"]
    assert dict(events[0].fields())["Challenge"] == nonce
    assert {each.account_id for each in events} == {"alice"}
    assert dict(events[2].fields())["RemoteAddress"] == f"IPV4/UDP/127.0.0.1/{phone.port}"


@ensure
async def test_unknown_users_look_like_known_ones(sip: SipHalf, phone: RawPhone) -> None:
    events = sip.events(InvalidAccountID)
    known = await phone.ask("REGISTER", user="alice")
    unknown = await phone.ask("REGISTER", user="nobody")
    assert unknown.status_code == known.status_code == 401
    assert shape(known.raw) == shape(unknown.raw)
    again = await phone.ask(
        "REGISTER", user="nobody", authorization=answer("REGISTER", "nobody", "x", nonce_of(unknown))
    )
    assert again.status_code == 401
    assert {each.account_id for each in events} == {"nobody"}


@ensure
async def test_a_nonce_of_before_a_restart_is_stale(sip: SipHalf, phone: RawPhone) -> None:
    nonce = nonce_of(await phone.ask("REGISTER"))
    await sip.restart()
    stale = await phone.ask("REGISTER", authorization=answer("REGISTER", "alice", "wonderland", nonce))
    assert stale.status_code == 401
    assert "stale=true" in (stale.headers.get("WWW-Authenticate") or "")
    fresh = answer("REGISTER", "alice", "wonderland", nonce_of(stale))
    assert (await phone.ask("REGISTER", authorization=fresh)).status_code == 200


@ensure
async def test_contacts_survive_a_restart(sip: SipHalf, phone: RawPhone) -> None:
    await phone.ask_with_password("REGISTER", contacts=(phone.contact,))
    await sip.restart()
    location = sip.server.require(Location)
    assert [contact.uri for contact in location.registered("alice")] == [f"sip:alice@127.0.0.1:{phone.port}"]
    assert location.is_online("alice")
    assert (await phone.ask_with_password("REGISTER")).headers.get_all("Contact")[1].startswith(phone.contact)


@ensure
async def test_too_many_contacts(sip: SipHalf, phone: RawPhone) -> None:
    three = tuple(f"<sip:alice@127.0.0.1:{port}>" for port in (6001, 6002, 6003))
    assert (await phone.ask_with_password("REGISTER", contacts=three)).status_code == 403
    assert (await phone.ask_with_password("REGISTER", contacts=three[:2])).status_code == 200
    assert (await phone.ask_with_password("REGISTER", contacts=three[2:])).status_code == 403
    gone = await phone.ask_with_password("REGISTER", contacts=("*",), headers=(("Expires", "0"),))
    assert gone.headers.get_all("Contact") == ["<sip:alice@192.0.2.99>"]


@ensure
async def test_bad_requests(sip: SipHalf, phone: RawPhone) -> None:
    assert (await phone.ask_with_password("REGISTER", contacts=("*",))).status_code == 400
    mixed = ("*", phone.contact)
    assert (await phone.ask_with_password("REGISTER", contacts=mixed, headers=(("Expires", "0"),))).status_code == 400
    many = tuple(f"<sip:a@127.0.0.1:{port}>" for port in range(7000, 7065))
    assert (await phone.ask_with_password("REGISTER", contacts=many)).status_code == 400
    other = await phone.ask_with_password("REGISTER", to="sip:stranger@127.0.0.1", contacts=(phone.contact,))
    assert other.status_code == 404
    assert (await phone.ask_with_password("REGISTER", to="tel:+1234", contacts=(phone.contact,))).status_code == 416
    for contacts in (("<tel:+1234>",), (phone.contact, "<mailto:alice@example.com>")):
        assert (await phone.ask_with_password("REGISTER", contacts=contacts)).status_code == 416
    assert sip.server.require(Location).registered("alice") == []


@ensure
async def test_a_malformed_expiration_in_contact_removes(sip: SipHalf, phone: RawPhone) -> None:
    """Asterisk reads the leading digits; one that has none is 0."""
    registered = await phone.ask_with_password("REGISTER", contacts=(f"{phone.contact};expires=100s",))
    assert registered.status_code == 200
    assert re.search(r";expires=(100|99)\Z", registered.headers.get_all("Contact")[1])
    gone = await phone.ask_with_password("REGISTER", contacts=(f"{phone.contact};expires=never",))
    assert gone.status_code == 200
    assert gone.headers.get_all("Contact") == ["<sip:alice@192.0.2.99>"]


@ensure
async def test_who_is_no_sip_user_is_not_served(phone: RawPhone) -> None:
    for uri, code in (("mailto:alice@example.com", 416), ("tel:+1234", 401)):
        raw = phone.request("OPTIONS").replace(b"From: <sip:alice@127.0.0.1>", f"From: <{uri}>".encode())
        assert (await phone.send(raw)).status_code == code


@ensure
async def test_an_older_cseq_changes_nothing(sip: SipHalf, phone: RawPhone) -> None:
    await phone.ask_with_password("REGISTER", contacts=(phone.contact,))
    nonce = nonce_of(await phone.ask("REGISTER"))
    credentials = answer("REGISTER", "alice", "wonderland", nonce)
    late = await phone.ask(
        "REGISTER", contacts=(phone.contact,), headers=(("Expires", "0"),), authorization=credentials, cseq=1
    )
    assert late.status_code == 500
    assert len(sip.server.require(Location).registered("alice")) == 1


OTHER_WAYS = """
[global]
type=global
default_auth_algorithms_uas=SHA-256,MD5
endpoint_identifier_order=auth_username,username
[bob](phone)
auth=bob
aors=bob,bob@example.org
identify_by=auth_username
rewrite_contact=yes
[bob]
type=auth
username=bob
password=builder
[bob@example.org]
type=aor
max_contacts=1
remove_existing=yes
support_path=yes
minimum_expiration=90
maximum_expiration=100
[example.net]
type=domain_alias
domain=example.org
"""


@pytest.mark.parametrize("extra_conf", [OTHER_WAYS])
@ensure
async def test_other_ways(sip: SipHalf, phone: RawPhone) -> None:
    async def register(contact: str, *headers: tuple[str, str]) -> list[str]:
        got = await phone.ask_with_password(
            "REGISTER", "builder", algorithm="SHA-256", user="bob", to="sip:bob@example.net", contacts=(contact,),
            headers=headers,
        )  # fmt: skip
        assert got.status_code == 200, got.raw
        return got.headers.get_all("Contact")

    first = await phone.ask("REGISTER", user="bob")
    assert ["SHA-256" in each for each in first.headers.get_all("WWW-Authenticate")] == [True, False]
    assert await register("<sip:bob@10.0.0.1>;q=0.5", ("Expires", "5")) == ["<sip:bob@10.0.0.1>;q=0.5;expires=90"]
    stored = sip.server.require(Location).registered("bob@example.org")[0]
    assert stored.uri == f"sip:bob@127.0.0.1:{phone.port};x-ast-orig-host=10.0.0.1"
    path = (("Path", "<sip:edge.example.org;lr>"), ("Supported", "path"))
    assert await register("<sip:robert@10.0.0.1>;expires=1000", *path) == ["<sip:robert@10.0.0.1>;expires=100"]
    (only,) = sip.server.require(Location).registered("bob@example.org")
    assert only.path == "<sip:edge.example.org;lr>"
    refused = await phone.ask_with_password(
        "REGISTER", "builder", algorithm="SHA-256", user="bob", to="sip:bob@example.net", contacts=(phone.contact,),
        headers=path[:1],
    )  # fmt: skip
    assert refused.status_code == 420
