"""Routing, parameters and rights, as values."""

from __future__ import annotations

import base64
import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ari.authorisation import Gate, Slow, refusal
from ari.config import AriConfig, General, PasswordFormat, User
from ari.parameters import bind, parse_body, parse_fields
from ari.replies import AriError
from ari.resources import RESOURCES
from ari.router import Router
from ari.table import Operation, Parameter, Resource, body, path, query
from pbx.bus import Bus
from pbx.security_events import InvalidAccountID, InvalidPassword, SecurityAddress
from pbx.testing.clock import FakeClock

ADDRESS = SecurityAddress("TCP", "192.0.2.1", 5000)


def operation(*parameters: Parameter, at: str = "/things/{thingId}", method: str = "POST") -> Operation:
    resource = Resource("things", "Things", module="res_ari_things")
    resource.operation(method, at, "do", summary="Do.", parameters=parameters)(lambda request: None)
    return resource.operations[0]


# Routing


def test_a_literal_beats_a_wildcard() -> None:
    create = operation(at="/channels/create")
    named = operation(path("channelId", ""), at="/channels/{channelId}")
    deep = operation(path("channelId", ""), path("playbackId", ""), at="/channels/{channelId}/play/{playbackId}")
    router = Router([create, named, deep])
    found = router.find("channels/create")
    assert found is not None
    assert found[0].operations["POST"] is create
    slash = router.find("channels/a%2Fb")
    assert slash is not None
    assert (slash[0].operations["POST"], slash[1]) == (named, ["a/b"])
    both = router.find("channels/1/play/2")
    assert both is not None
    assert both[1] == ["1", "2"]
    for nothing in ("", "channels", "channels//play/2", "channels/1/play", "channels/1/play/2/3"):
        assert router.find(nothing) is None
    with pytest.raises(ValueError, match="twice"):
        router.add(operation(at="/channels/create"))


def test_every_path_of_the_interface_is_found() -> None:
    operations = [each for resource in RESOURCES for each in resource.operations]
    router = Router(operations)
    for each in operations:
        found = router.find(each.path.strip("/").replace("{", "").replace("}", ""))
        assert found is not None
        assert found[0].operations[each.method] is each
        assert each.method in found[0].allow.split(",")
    assert len({each.id for each in operations}) == len(operations)


# Parameters


THING = path("thingId", "")
COUNT = query("count", "", type="int", default=7, minimum=0, maximum=100)
FLAG = query("flag", "", type="boolean", default=False)
LIST = query("list", "", multiple=True)
KIND = query("kind", "", allowed=("a", "b"))
NAME = query("name", "", required="A name is needed")
VARIABLES = body("variables", "")


def bound(
    *parameters: Parameter, fields: dict[str, str] | None = None, document: dict[str, Any] | None = None
) -> dict[str, object]:
    values = bind(operation(THING, *parameters), ["t"], fields or {}, document or {})
    assert values.pop("thingId") == "t"
    return values


def test_defaults() -> None:
    assert bound(COUNT, FLAG, LIST, KIND, VARIABLES) == {
        "count": 7,
        "flag": False,
        "list": [],
        "kind": None,
        "variables": None,
    }


@pytest.mark.parametrize(
    ("text", "value"), [("12", 12), ("12abc", 12), ("junk", 0), ("", 0), (" 5", 5), ("+3", 3), ("0x10", 0)]
)
def test_numbers_by_the_rules_of_c(text: str, value: int) -> None:
    assert bound(COUNT, fields={"count": text}) == {"count": value}
    assert bound(COUNT, document={"count": text}) == {"count": value}


@pytest.mark.parametrize("value", [True, "yes", "TRUE", "y", "t", "1", "on"])
def test_truth(value: object) -> None:
    assert bound(FLAG, document={"flag": value}) == {"flag": True}
    if isinstance(value, str):
        assert bound(FLAG, fields={"flag": value}) == {"flag": True}
    assert bound(FLAG, fields={"flag": "no"}) == {"flag": False}


def test_lists() -> None:
    assert bound(LIST, fields={"list": "a, b,,c"}) == {"list": ["a", "b", "c"]}
    assert bound(LIST, document={"list": ["a,b", "c"]}) == {"list": ["a,b", "c"]}
    assert bound(LIST, document={"list": "a,b"}) == {"list": ["a", "b"]}


def test_a_document_counts_over_fields() -> None:
    assert bound(NAME, fields={"name": "field"}, document={"name": "document"}) == {"name": "document"}
    assert bound(NAME, fields={"name": "field"}, document={"name": None}) == {"name": "field"}
    assert bound(NAME, document={"name": 1001}) == {"name": "1001"}


@pytest.mark.parametrize(
    ("parameter", "document", "text"),
    [
        (NAME, {}, "A name is needed"),
        (NAME, {"name": ""}, "A name is needed"),
        (NAME, {"name": ["a"]}, "one value"),
        (NAME, {"name": "a\0b"}, "NUL"),
        (COUNT, {"count": 101}, "range"),
        (COUNT, {"count": -1}, "range"),
        (COUNT, {"count": 1 << 40}, "range"),
        (COUNT, {"count": float("inf")}, "range"),
        (KIND, {"kind": "c"}, "one of a, b"),
        (LIST, {"list": [{}]}, "texts"),
        (LIST, {"list": ["x"] * 2000}, "Too many"),
        (VARIABLES, {"variables": []}, "object"),
        (VARIABLES, {"variables": {"a": 1}}, "text"),
        (VARIABLES, {"variables": {"a": {"value": 1}}}, "text"),
    ],
)
def test_what_is_wrong_is_named(parameter: Parameter, document: dict[str, Any], text: str) -> None:
    with pytest.raises(AriError) as error:
        bound(parameter, document=document)
    assert error.value.status == 400
    assert text in error.value.text


def test_variables() -> None:
    variables = {"a": "1", "b": {"value": "2", "report_events": True}}
    assert bound(VARIABLES, document={"variables": variables}) == {"variables": variables}
    assert bound(VARIABLES, fields={"variables": '{"a":"1"}'}) == {"variables": {"a": "1"}}


def test_fields() -> None:
    assert parse_fields("a=1&b=%2B+x&a=2&c&=d&%zz=%") == {"a": "2", "b": "+ x", "c": "", "%zz": "%"}


@given(st.text(max_size=60))
def test_any_query_is_fields(text: str) -> None:
    assert all(isinstance(value, str) for value in parse_fields(text).values())


@given(st.binary(max_size=60))
def test_any_body_is_fields_a_document_or_refused(data: bytes) -> None:
    for kind in ("application/json", "application/x-www-form-urlencoded", "text/plain", ""):
        with contextlib.suppress(AriError):
            fields, document = parse_body(kind, data)
            assert not (fields and document)


# Rights


def config(**users: User) -> AriConfig:
    return AriConfig(General("general"), users, {name: (user.address_rules,) for name, user in users.items()})


def basic(text: str) -> bytes:
    return b"Basic " + base64.b64encode(text.encode())


def gate(bus: Bus | None = None, **users: User) -> Gate:
    return Gate(config(**users), bus or Bus(), FakeClock())


ANN = User("ann", password="right: one")


def test_credentials() -> None:
    door = gate(ann=ANN)
    assert door.authenticate(basic("ann:right: one"), {}, ADDRESS, ADDRESS) is ANN
    assert door.authenticate(basic("ann:right: one"), {}, ADDRESS, ADDRESS) is ANN
    assert door.authenticate(b"", {"api_key": "ann:right: one"}, ADDRESS, ADDRESS) is ANN
    for header in (basic("ann:wrong"), basic("ann"), basic("bob:right: one"), b"Basic !!!", b"Bearer x", b"Basic"):
        assert door.authenticate(header, {"api_key": "ann:right: one"}, ADDRESS, ADDRESS) is None
    assert door.authenticate(b"", {}, ADDRESS, ADDRESS) is None


def test_a_user_without_a_password_is_nobody() -> None:
    assert gate(ann=User("ann")).authenticate(basic("ann:"), {}, ADDRESS, ADDRESS) is None


def test_what_was_right_is_forgotten_with_the_configuration() -> None:
    door = gate(ann=ANN)
    assert door.authenticate(basic("ann:right: one"), {}, ADDRESS, ADDRESS) is ANN
    door.configure(config(ann=User("ann", password="new")))
    assert door.authenticate(basic("ann:right: one"), {}, ADDRESS, ADDRESS) is None


def test_hashed_passwords_are_checked_once() -> None:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        import crypt
    hashed = crypt.crypt("right", "$6$rounds=1000$salt$")
    ann = User("ann", password=hashed, password_format=PasswordFormat.CRYPT)
    door = gate(ann=ann)
    for given_, right in (("wrong", False), ("right", True)):
        with pytest.raises(Slow) as slow:
            door.authenticate(basic(f"ann:{given_}"), {}, ADDRESS, ADDRESS)
        assert slow.value.check() is right
        assert slow.value.done(right) is (ann if right else None)
    assert door.authenticate(basic("ann:right"), {}, ADDRESS, ADDRESS) is ann


def test_failures_are_security_events_without_the_password() -> None:
    bus, seen = Bus(), list[Any]()
    bus.subscribe_many((InvalidAccountID, InvalidPassword), seen.append)
    door = gate(bus, ann=ANN)
    door.authenticate(basic("bob:sesame"), {}, ADDRESS, ADDRESS)
    door.authenticate(basic("ann:sesame"), {}, ADDRESS, ADDRESS)
    assert [(type(each), each.account_id, each.service) for each in seen] == [
        (InvalidAccountID, "bob", "ARI"),
        (InvalidPassword, "ann", "ARI"),
    ]
    assert "sesame" not in repr(seen)


@pytest.mark.parametrize("method", ["GET", "OPTIONS", "POST", "PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize("read_only", [True, False])
def test_who_may_do_what(method: str, read_only: bool) -> None:
    user = User("u", password="p", read_only=read_only)
    refused = refusal(config(u=user), user, method, "192.0.2.1", booted=True)
    assert (refused is None) is (not read_only or method in {"GET", "OPTIONS"})


def test_the_order_of_refusals() -> None:
    user = User("u", password="p", read_only=True)
    settings = config(u=user)
    assert refusal(settings, None, "POST", "192.0.2.1", booted=False) == (401, "Authentication required")
    assert refusal(config(u=User("u", read_only=True)), user, "POST", "192.0.2.1", booted=False) == (
        503,
        "Asterisk not booted",
    )
