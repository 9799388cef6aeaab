"""Typed options: values, and errors that say where and what."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from pbx.config import ConfigErrors, load_config, types
from pbx.config.documents import document, sample
from pbx.config.options import ConfigObject, OptionError, option, parse_section, schema_of
from pbx.config.types import AccessList, CodecList, HostPort

if TYPE_CHECKING:
    from pathlib import Path


class Mode(Enum):
    RFC4733 = "rfc4733"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Phone(ConfigObject):
    """A telephone."""

    type_name: ClassVar[str] = "phone"

    context: str = option(types.STRING, "default", help="where calls go")
    mode: Mode = option(types.enum(Mode), Mode.RFC4733, name="dtmf_mode", aliases=("dtmfmode",), help="digits")
    direct: bool = option(types.BOOL, True, deprecated=("canreinvite",), help="direct media")
    limit: int = option(types.integer(0, 10), 0, help="calls")
    wait: float = option(types.duration(0, 60), 3.0, help="seconds")
    ratio: float = option(types.number(0.0), 1.0, help="ratio")
    codecs: CodecList = option(types.CODECS, CodecList(), names=("allow", "disallow"), help="codecs")
    acl: AccessList = option(types.ACCESS_LIST, AccessList(), names=("permit", "deny"), help="networks")
    aors: tuple[str, ...] = option(types.COMMA_LIST, (), help="aors")
    match: tuple[str, ...] = option(types.accumulate(types.COMMA_LIST), (), help="hosts")
    variables: tuple[tuple[str, str], ...] = option(types.VARIABLES, (), name="set_var", help="variables")
    events: tuple[tuple[str, str], ...] = option(types.PREFIXED, (), prefix="event_", help="events")
    bind: HostPort = option(types.ADDRESS, HostPort(), help="address")
    ports: tuple[int, int] = option(types.port_range(), (10000, 20000), help="ports")
    tos: int = option(types.TOS, 0, help="tos")
    password: str = option(types.STRING, "", secret=True, help="secret")

    def applied(self) -> Phone:
        if self.limit == 7:
            raise OptionError("limit", "7 is unlucky")
        if self.limit == 8:
            raise ValueError("8 does not go with the rest")
        return replace(self, context="big") if self.limit == 9 else self


SCHEMA = schema_of(Phone)


def build(*pairs: tuple[str, str]) -> Phone:
    return SCHEMA.build("p", pairs)


@pytest.mark.parametrize(
    ("pairs", "attribute", "value"),
    [
        ([], "context", "default"),
        ([("CONTEXT", "x")], "context", "x"),
        ([("context", "x"), ("context", "y")], "context", "y"),
        ([("dtmf_mode", "INFO")], "mode", Mode.INFO),
        ([("dtmfmode", "info")], "mode", Mode.INFO),
        ([("direct", "off")], "direct", False),
        ([("direct", "Y")], "direct", True),
        ([("limit", "10")], "limit", 10),
        ([("wait", "1.5")], "wait", 1.5),
        ([("wait", "1m")], "wait", 60.0),
        ([("ratio", ".5")], "ratio", 0.5),
        ([("allow", "ulaw,alaw")], "codecs", CodecList(("ulaw", "alaw"))),
        ([("allow", "all"), ("disallow", "all"), ("allow", "G722")], "codecs", CodecList(("g722",))),
        ([("allow", "!all,ulaw,alaw,!ulaw")], "codecs", CodecList(("alaw",))),
        ([("allow", "ulaw:30")], "codecs", CodecList(("ulaw",), (("ulaw", 30),))),
        ([("allow", "(ulaw|alaw)"), ("disallow", "")], "codecs", CodecList(("ulaw", "alaw"))),
        ([("aors", " a , b,,")], "aors", ("a", "b")),
        ([("match", "a,b"), ("match", "c")], "match", ("a", "b", "c")),
        ([("set_var", "A=1"), ("set_var", "B=x=y"), ("set_var", "A=2")], "variables", (("B", "x=y"), ("A", "2"))),
        ([("event_foo", "1"), ("event_bar", "2")], "events", (("event_foo", "1"), ("event_bar", "2"))),
        ([("bind", "[::1]:5060")], "bind", HostPort("::1", 5060)),
        ([("bind", "0.0.0.0")], "bind", HostPort("0.0.0.0", 0)),
        ([("ports", "5000-5010")], "ports", (5000, 5010)),
        ([("tos", "ef")], "tos", 184),
        ([("tos", "0x10")], "tos", 16),
        ([("limit", "9")], "context", "big"),
    ],
)
def test_values(pairs: list[tuple[str, str]], attribute: str, value: Any) -> None:
    assert getattr(build(*pairs), attribute) == value


@pytest.mark.parametrize(
    ("pair", "words"),
    [
        (("contxt", "x"), "unknown option 'contxt' of type 'phone' (did you mean 'context'?)"),
        (("qqq", "x"), "unknown option 'qqq' of type 'phone'"),
        (("direct", "maybe"), "direct: must be yes or no, not 'maybe'"),
        (("limit", "11"), "limit: must be a whole number from 0 to 10, not '11'"),
        (("limit", "1_0"), "limit: must be"),
        (("limit", ""), "limit: must be"),
        (("wait", "-1"), "wait: must be"),
        (("ratio", "nan"), "ratio: must be"),
        (("dtmf_mode", "tone"), "dtmf_mode: must be one of rfc4733, info, not 'tone'"),
        (("allow", "ulow"), "allow: unknown codec 'ulow'"),
        (("allow", "ulaw:x"), "allow: 'x' is no packet length"),
        (("permit", "10.0.0.0/33"), "permit: '10.0.0.0/33' is no network"),
        (("set_var", "x"), "set_var: must be name=value"),
        (("bind", "a:b:c"), "bind: "),
        (("bind", "host:70000"), "bind: '70000' is no port"),
        (("ports", "20-10"), "ports: must be a port range"),
        (("tos", "300"), "tos: must be"),
        (("limit", "7"), "limit: 7 is unlucky"),
        (("limit", "8"), "8 does not go with the rest"),
        (("password", "${ENV:OBELISK_TEST_NOT_SET}"), "password: the environment has no variable"),
    ],
)
def test_errors_name_file_line_and_option(tmp_path: Path, pair: tuple[str, str], words: str) -> None:
    path = tmp_path / "phones.conf"
    path.write_text(f"[p]\n\n{pair[0]} = {pair[1]}\n")
    with pytest.raises(ConfigErrors) as caught:
        parse_section(Phone, load_config(path).section("p"))
    (error,) = caught.value.errors
    line = 1 if pair == ("limit", "8") else 3
    assert str(error).startswith(f"{path}:{line}: [p] {words}")


def test_all_errors_at_once() -> None:
    with pytest.raises(ConfigErrors) as caught:
        build(("limit", "x"), ("nope", "1"), ("direct", "2"))
    assert len(caught.value.errors) == 3


def test_deprecated_words_warn() -> None:
    warnings: list[Any] = []
    assert SCHEMA.build("p", [("canreinvite", "no")], warnings=warnings).direct is False
    assert "deprecated, write 'direct'" in str(warnings[0])


def test_secrets_come_from_the_environment_of_files_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHONE_SECRET", "hush")
    path = tmp_path / "phones.conf"
    path.write_text("[p]\npassword=<${ENV:PHONE_SECRET}>\ncontext=${ENV:PHONE_SECRET}\n")
    phone = parse_section(Phone, load_config(path).section("p"))
    assert phone.password == "<hush>"
    assert phone.context == "${ENV:PHONE_SECRET}"
    assert "hush" not in repr(phone)
    assert build(("password", "${ENV:PHONE_SECRET}")).password == "${ENV:PHONE_SECRET}"


def test_objects_are_immutable_and_compared_by_value() -> None:
    phone = build(("limit", "1"))
    with pytest.raises(FrozenInstanceError):
        phone.limit = 2  # type: ignore[misc]
    assert phone == build(("limit", "1"))
    assert phone != build(("limit", "2"))


def test_fields_read_back() -> None:
    phone = build(
        ("allow", "ulaw,g722"), ("deny", "0.0.0.0/0"), ("permit", "10.0.0.0/8,!10.1.0.0/16"), ("set_var", "a=b"),
        ("event_x", "y"), ("match", "a"), ("match", "b"), ("bind", "[::1]:1"), ("wait", "2.5"), ("direct", "no"),
    )  # fmt: skip
    fields = SCHEMA.fields(phone)
    assert ("allow", "(ulaw|g722)") in fields
    assert ("direct", "false") in fields
    assert ("ratio", "1.000000") in fields
    assert SCHEMA.build("p", fields) == phone
    assert SCHEMA.build("p", SCHEMA.changes(phone)) == phone
    assert SCHEMA.changes(build()) == []


@pytest.mark.parametrize(
    ("address", "allowed"),
    [("10.2.3.4", True), ("10.1.3.4", False), ("8.8.8.8", False), ("::ffff:10.2.3.4", True), ("2001:db8::1", True)],
)
def test_access_lists_last_match_decides(address: str, allowed: bool) -> None:
    phone = build(("deny", "0.0.0.0/0.0.0.0"), ("permit", "10.0.0.0/255.0.0.0,!10.1.0.0/16"))
    assert phone.acl.permits(address) is allowed
    assert build().acl.permits(address)


def test_defaults_without_a_section() -> None:
    assert parse_section(Phone, None) == Phone()


def test_documentation_lists_every_option(tmp_path: Path) -> None:
    text = document(Phone)
    for word in ("context", "dtmf_mode", "allow", "disallow", "event_..."):
        assert f"`{word}`" in text
    path = tmp_path / "sample.conf"
    path.write_text(sample(Phone, "p").replace("\n;", "\n"))
    assert parse_section(Phone, load_config(path).section("p"), ignore=frozenset({"type"})) == Phone("p")
