"""manager.conf, secrets and event filters."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from ami.classes import ALL, CALL, SYSTEM, class_text, parse_event_mask
from ami.filters import FilterError, FilterSet, parse_filter, parse_option
from ami.lists import parse_variables, split_list
from ami.manager import Manager
from ami.secrets import HashedSecret, hash_secret, parse_secret
from ami.users import ManagerConfig, read_manager_conf
from pbx.config import ConfigLoader
from pbx.errors import ConfigError
from tests.unit.ami.conftest import Connect


def read(tmp_path: Path, text: str, **others: str) -> ManagerConfig:
    (tmp_path / "manager.conf").write_text(text)
    for name, content in others.items():
        (tmp_path / f"{name}.conf").write_text(content)
    return read_manager_conf(ConfigLoader(tmp_path))


def test_without_a_file_the_manager_is_off(tmp_path: Path) -> None:
    config = read_manager_conf(ConfigLoader(tmp_path))
    assert (config.general.enabled, config.accounts) == (False, {})


def test_loopback_is_the_default(tmp_path: Path) -> None:
    general = read(tmp_path, "[general]\nenabled=yes\n").general
    assert (general.bindaddr, general.port, general.authlimit, general.authtimeout) == ("127.0.0.1", 5038, 50, 30)


def test_rights(tmp_path: Path) -> None:
    user = read(tmp_path, "[a]\nsecret=x\nread=system,call\nwrite=all\n").accounts["a"].user
    assert (user.read, user.write) == (SYSTEM | CALL, ALL)
    assert read(tmp_path, "[a]\nsecret=x\n").accounts["a"].user.write == 0


def test_users_take_the_defaults_of_general(tmp_path: Path) -> None:
    config = read(tmp_path, "[general]\nallowmultiplelogin=no\n[a]\nsecret=x\n[b]\nsecret=x\nallowmultiplelogin=yes\n")
    assert [config.accounts[name].user.allowmultiplelogin for name in "ab"] == [False, True]


def test_secrets_come_from_the_environment_and_show_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AMI_SECRET", "sesame")
    config = read(tmp_path, "[a]\nsecret=${ENV:AMI_SECRET}\n")
    assert config.accounts["a"].secret == "sesame"
    assert "sesame" not in repr(config)


def test_named_lists(tmp_path: Path) -> None:
    config = read(tmp_path, "[a]\nsecret=x\nacl=office\n", acl="[office]\ndeny=0.0.0.0/0\npermit=192.0.2.0/24\n")
    account = config.accounts["a"]
    assert (account.admits("192.0.2.1"), account.admits("198.51.100.1")) == (True, False)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("[a]\nsecret=x\nread=sytem\n", 3, "sytem"),
        ("[a]\nsecret=x\nacl=nowhere\n", 3, "nowhere"),
        ("[a]\nsecret=x\neventfilter=(\n", 3, "compile"),
        ("[a]\nsecret=x\neventfilter(name(A),method(fuzzy))=x\n", 3, "formatted"),
        ("[a]\nsecret=$scrypt$x\n", 2, "scrypt"),
        ("[a]\nsecret=x\n[a]\nsecret=y\n", 3, "twice"),
        ("[general]\nprot=1\n", 2, "port"),
        ("[general]\ntlsenable=yes\n", None, "tlscertfile"),
    ],
)
def test_errors_name_their_place(tmp_path: Path, text: str, line: int | None, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        read(tmp_path, text)
    if line is not None:
        assert f"manager.conf:{line}:" in str(caught.value)


def test_hashed_secrets() -> None:
    text = hash_secret("sesame", cost_log2=4)
    hashed = parse_secret(text)
    assert isinstance(hashed, HashedSecret)
    assert hashed.matches("sesame")
    assert not hashed.matches("open")
    assert "sesame" not in text
    assert hash_secret("sesame", cost_log2=4) != text


def test_masks_and_class_texts() -> None:
    assert parse_event_mask("yes") == parse_event_mask("all") == ALL
    assert parse_event_mask("none") == parse_event_mask("off") == parse_event_mask("0") == 0
    assert parse_event_mask("system, call") == SYSTEM | CALL
    assert parse_event_mask("call,agentx") == CALL
    assert parse_event_mask(" ") is None
    assert (class_text(SYSTEM | CALL), class_text(0)) == ("system,call,all", "<none>")


@dataclass
class Happening:
    name: str
    text: str


NEW = Happening("Newchannel", "Event: Newchannel\r\nPrivilege: call,all\r\nChannel: PJSIP/a-1\r\nContext: in\r\n\r\n")
LOCAL = Happening("Newchannel", "Event: Newchannel\r\nPrivilege: call,all\r\nChannel: Local/1@in-1;1\r\n\r\n")
HANGUP = Happening("Hangup", "Event: Hangup\r\nPrivilege: call,all\r\nChannel: PJSIP/a-1\r\nCause: 16\r\n\r\n")


@pytest.mark.parametrize(
    ("word", "pattern", "passing"),
    [
        ("eventfilter", "Event: Newchannel", [NEW, LOCAL]),
        ("eventfilter", "!Channel: Local/", [NEW, HANGUP]),
        ("eventfilter", "Channel: PJSIP/[[:alpha:]]-", [NEW, HANGUP]),
        ("eventfilter(name(Hangup))", "", [HANGUP]),
        ("eventfilter(action(exclude),name(Hangup))", "", [NEW, LOCAL]),
        ("eventfilter(header(Channel),method(starts_with))", "Local/", [LOCAL]),
        ("eventfilter(method(exact),header(Cause))", "16", [HANGUP]),
        ("eventfilter(name(Newchannel),header(Channel),method(regex))", "^PJSIP/.-1$", [NEW]),
        ("eventfilter(header(Channel),method(ends_with))", ";1", [LOCAL]),
        ("eventfilter(action(include),method(contains))", "Cause", [HANGUP]),
        ("eventfilter(name(Newchannel),method(contains))", "!Local/", [NEW, HANGUP]),
    ],
)
def test_one_filter(word: str, pattern: str, passing: list[Happening]) -> None:
    filters = FilterSet((parse_option(word, pattern),))
    assert [each for each in (NEW, LOCAL, HANGUP) if filters.passes(each)] == passing


def test_includes_and_excludes_together() -> None:
    filters = FilterSet((parse_filter(None, "Newchannel"), parse_filter(None, "!Local/")))
    assert [filters.passes(each) for each in (NEW, LOCAL, HANGUP)] == [True, False, False]


@pytest.mark.parametrize(
    ("criteria", "pattern"),
    [
        (None, ""),
        (None, "!"),
        ("name(A)", "x"),
        ("name(A),method(regex)", ""),
        ("method(regex)", "x"),
        ("action(maybe)", ""),
        ("name", ""),
        ("name()", ""),
        ("colour(red)", ""),
    ],
)
def test_malformed_filters(criteria: str | None, pattern: str) -> None:
    with pytest.raises(FilterError, match="formatted incorrectly"):
        parse_filter(criteria, pattern)


def test_lists_keep_quotes_and_brackets_together() -> None:
    assert split_list('a=1,b="x,y",F(c,d)=e') == ["a=1", "b=x,y", "F(c,d)=e"]
    assert split_list("a,b,c", 2) == ["a", "b,c"]
    assert parse_variables(["A=1,B=2", "C=x=y", "nothing", "D="]) == [
        ("A", "1"),
        ("B", "2"),
        ("C", "x=y"),
        ("D", ""),
    ]


def test_how_many_sessions_a_user_has(manager: Manager, connect: Connect) -> None:
    assert (manager.sessions_of("admin"), manager.sessions_of("nobody")) == (0, None)
    connect().login()
    assert manager.sessions_of("admin") == 1
