"""What a REGISTER does to an address of record."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbx.pjsip.objects import Aor, Contact
from pbx.pjsip.registration import Refused, Registration, contact_seconds, granted, header_seconds, plan

NOW = 1_700_000_000.5
AOR = Aor("alice", max_contacts=2)


def register(*contacts: str, expires: str | None = None, call_id: str = "c", cseq: int = 1) -> Registration:
    return Registration(contacts, expires, call_id, cseq, ("192.0.2.1", 5060), "udp", endpoint="alice")


def after(aor: Aor, *requests: Registration, now: float = NOW) -> list[Contact]:
    contacts: list[Contact] = []
    for request in requests:
        contacts = plan(aor, contacts, request, now).remaining
    return contacts


def uris(contacts: list[Contact]) -> list[str]:
    return [contact.uri for contact in contacts]


def test_a_new_contact() -> None:
    (contact,) = plan(AOR, [], register("<sip:a@192.0.2.1>;expires=100;q=0.3"), NOW).create
    assert contact.uri == "sip:a@192.0.2.1"
    assert contact.expiration_time == int(NOW) + 100
    assert (contact.q, contact.aor, contact.endpoint) == (0.3, "alice", "alice")
    assert contact.id.startswith("alice;@")


def test_a_query_changes_nothing() -> None:
    contacts = after(AOR, register("<sip:a@192.0.2.1>"))
    result = plan(AOR, contacts, register(), NOW)
    assert (result.create, result.update, result.delete) == ([], [], [])
    assert result.remaining == contacts


def test_a_refresh_keeps_the_contact() -> None:
    contacts = after(AOR, register("<sip:a@192.0.2.1>"))
    result = plan(AOR, contacts, register("<sip:a@192.0.2.1>", cseq=2), NOW + 50)
    assert not result.create
    assert result.update[0].id == contacts[0].id
    assert result.update[0].expiration_time == int(NOW + 50) + 3600


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("sip:a@h.example", "sip:a@H.EXAMPLE", True),
        ("sip:a@h.example", "sip:A@h.example", False),
        ("sip:a@h.example", "sip:a@h.example:5060", False),
        ("sip:a@h.example;transport=tcp", "sip:a@h.example", False),
        ("sip:a@h.example;x=1", "sip:a@h.example", True),
        ("sip:a@h.example;x=1", "sip:a@h.example;x=2", False),
        ("sip:%61@h.example", "sip:a@h.example", True),
        ("sip:a@h.example", "sips:a@h.example", False),
    ],
)
def test_uris_that_mean_the_same(one: str, other: str, same: bool) -> None:
    assert len(after(AOR, register(f"<{one}>"), register(f"<{other}>"))) == (1 if same else 2)


def test_unregistering() -> None:
    contacts = after(AOR, register(["<sip:a@192.0.2.1>", "<sip:b@192.0.2.1>"][0], "<sip:b@192.0.2.1>"))
    assert uris(after(AOR, register("<sip:a@192.0.2.1>"), register("<sip:a@192.0.2.1>", expires="0"))) == []
    assert plan(AOR, contacts, register("*", expires="0"), NOW).delete == contacts
    assert plan(AOR, contacts, register("<sip:zz@192.0.2.1>", expires="0"), NOW).remaining == contacts


@pytest.mark.parametrize(
    ("contacts", "expires"),
    [
        (("*",), None),
        (("*",), "10"),
        (("*", "<sip:a@h>"), "0"),
        (("<sip:a@h",), None),
        (("<sip:" + "a" * 300 + "@h>",), None),
    ],
)
def test_invalid_contacts(contacts: tuple[str, ...], expires: str | None) -> None:
    with pytest.raises(Refused) as refusal:
        plan(AOR, [], register(*contacts, expires=expires), NOW)
    assert refusal.value.code == 400


@pytest.mark.parametrize("contacts", [("<mailto:a@h>",), ("<tel:123>",), ("<sip:a@h>", "<tel:123>")])
def test_other_schemes_are_refused(contacts: tuple[str, ...]) -> None:
    with pytest.raises(Refused) as refusal:
        plan(AOR, [], register(*contacts), NOW)
    assert refusal.value.code == 416


@pytest.mark.parametrize(
    ("contact", "header", "seconds"),
    [
        (None, None, 3600), ("0", None, 0), ("5", None, 60), ("100", "9000", 100), (None, "9000", 7200),
        ("junk", None, 0), ("-1", None, 0), ("junk", "100", 0), ('"100"', None, 0), ("100x", None, 100),
        ("", None, 3600), ("", "100", 100), ("4294967296", None, 7200), ("9" * 300, None, 7200), ("0", "100", 0),
        (None, "junk", 3600), (None, "-1", 3600), (None, "100x", 3600), (None, "", 3600), (None, "9" * 300, 7200),
    ],
)  # fmt: skip
def test_expirations(contact: str | None, header: str | None, seconds: int) -> None:
    assert granted(AOR, contact, header) == seconds


def test_limits_refuse() -> None:
    two = after(AOR, register("<sip:a@h>"), register("<sip:b@h>"))
    with pytest.raises(Refused) as refusal:
        plan(AOR, two, register("<sip:c@h>"), NOW)
    assert refusal.value.code == 403
    swap = plan(AOR, two, register("<sip:a@h>;expires=0", "<sip:c@h>"), NOW)
    assert uris(swap.remaining) == ["sip:b@h", "sip:c@h"]


def test_remove_existing_drops_what_ends_soonest() -> None:
    aor = replace(AOR, remove_existing=True)
    two = after(aor, register("<sip:a@h>;expires=200"), register("<sip:b@h>;expires=100"))
    result = plan(aor, two, register("<sip:c@h>"), NOW)
    assert uris(result.delete) == ["sip:b@h"]
    assert uris(result.remaining) == ["sip:a@h", "sip:c@h"]
    with pytest.raises(Refused):
        plan(aor, two, register("<sip:c@h>", "<sip:d@h>", "<sip:e@h>"), NOW)


def test_remove_unavailable_drops_only_those() -> None:
    aor = replace(AOR, remove_unavailable=True)
    two = after(aor, register("<sip:a@h>;expires=100"), register("<sip:b@h>;expires=200"))
    result = plan(aor, two, register("<sip:c@h>"), NOW, lambda contact: contact.uri == "sip:b@h")
    assert uris(result.remaining) == ["sip:a@h", "sip:c@h"]
    with pytest.raises(Refused):
        plan(aor, two, register("<sip:c@h>"), NOW)


def test_an_older_request_of_the_same_phone_fails() -> None:
    contacts = after(AOR, register("<sip:a@h>", cseq=7))
    for late in (register("<sip:a@h>", expires="0", cseq=6), register("*", expires="0", cseq=6)):
        with pytest.raises(Refused) as refusal:
            plan(AOR, contacts, late, NOW)
        assert refusal.value.code == 500
    assert plan(AOR, contacts, register("<sip:a@h>", expires="0", cseq=7), NOW).delete
    assert plan(AOR, contacts, register("<sip:a@h>", expires="0", cseq=1, call_id="other"), NOW).delete


def test_paths() -> None:
    aor = replace(AOR, support_path=True)
    with_path = replace(register("<sip:a@h>"), path="<sip:edge;lr>", path_supported=True)
    assert plan(aor, [], with_path, NOW).create[0].path == "<sip:edge;lr>"
    assert plan(AOR, [], with_path, NOW).create[0].path == ""
    with pytest.raises(Refused) as refusal:
        plan(aor, [], replace(with_path, path_supported=False), NOW)
    assert refusal.value.code == 420


def test_rewritten_contacts() -> None:
    request = replace(
        register("<sip:a@10.0.0.1:5070>"), rewrite_contact=True, source=("192.0.2.1", 40000), protocol="tcp"
    )
    (contact,) = plan(AOR, [], request, NOW).create
    assert contact.uri == "sip:a@192.0.2.1:40000;x-ast-orig-host=10.0.0.1:5070;transport=tcp"


@given(st.lists(st.text(max_size=60), max_size=80), st.text(max_size=10) | st.none(), st.integers(0, 2**40))
def test_garbage_is_refused_or_kept_within_bounds(values: list[str], expires: str | None, cseq: int) -> None:
    try:
        result = plan(AOR, [], register(*values, expires=expires, cseq=cseq), NOW)
    except Refused as refusal:
        assert refusal.code in (400, 403, 416)  # noqa: PT017 - either outcome is right
        return
    assert len(result.remaining) <= AOR.max_contacts


@given(st.text(max_size=30))
def test_any_expiration_is_a_number(text: str) -> None:
    assert 0 <= contact_seconds(text) < 2**32
    assert 0 <= (header_seconds(text) or 0) < 2**32


def test_what_strangers_write_cannot_reach_terminals() -> None:
    request = replace(register("<sip:a@h>"), user_agent="Phone\x1b[2J\r\n" + "x" * 5000)
    agent = plan(AOR, [], request, NOW).create[0].user_agent
    assert agent.startswith("Phone?[2J??x")
    assert len(agent) == 1024
    with pytest.raises(Refused, match="names no host"):
        plan(AOR, [], register("<sip:a@h\x1b[2J>"), NOW)
