"""Objects by class and id, from files, memory and the AstDB."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, TypeVar

import pytest
from pytest_twisted import ensureDeferred

from pbx.astdb import AstDb
from pbx.config import ConfigError, ConfigErrors, ConfigLoader, types
from pbx.config.options import ConfigObject, OptionError, option
from pbx.sorcery import NotLocal, RemoteWizard, Sorcery, SorceryError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Phone(ConfigObject):
    type_name: ClassVar[str] = "phone"

    context: str = option(types.STRING, "default", help="")
    lines: tuple[str, ...] = option(types.COMMA_LIST, (), help="")
    limit: int = option(types.integer(0, 10), 0, help="")
    match: tuple[str, ...] = option(types.accumulate(types.COMMA_LIST), (), help="")
    variables: tuple[tuple[str, str], ...] = option(types.VARIABLES, (), name="set_var", help="")


@dataclass(frozen=True, slots=True)
class Line(ConfigObject):
    type_name: ClassVar[str] = "line"

    number: int = option(types.integer(), 0, help="")


O = TypeVar("O", bound=ConfigObject)

PHONES = "config,phones.conf,criteria=type=phone"
LINES = "config,phones.conf,criteria=type=line"


class Kit:
    """A sorcery over a directory."""

    def __init__(self, etc: Path, astdb: AstDb | None = None) -> None:
        self.etc = etc
        self.loader = ConfigLoader(etc)
        self.sorcery = Sorcery(self.loader, astdb)
        self.written = 0

    def write(self, text: str, name: str = "phones.conf") -> None:
        path = self.etc / name
        path.write_text(text)
        self.written += 1  # a file written twice within the clock's grain must still look changed
        os.utime(path, ns=(self.written * 10**9, self.written * 10**9))

    def typed(
        self, text: str, indexes: Sequence[str] = (), apply: Callable[[Phone], Phone | None] | None = None
    ) -> Sorcery:
        self.write(text)
        self.sorcery.register_type(Phone, default=PHONES, indexes=indexes, apply=apply)
        self.sorcery.register_type(Line, default=LINES)
        self.sorcery.load()
        return self.sorcery


@pytest.fixture
def kit(tmp_path: Path) -> Kit:
    return Kit(tmp_path)


@pytest.fixture
def astdb(tmp_path: Path) -> Iterator[AstDb]:
    astdb = AstDb(tmp_path / "astdb.sqlite3")
    astdb.open()
    yield astdb
    astdb.close()


def got(built: O | None) -> O:
    """What was found; it must be there."""
    assert built is not None
    return built


TEXT = """\
[base](!)
type=phone
context=office
[alice](base)
lines=1,2
[alice]
type=line
number=1
[bob](base)
lines=2
"""


def test_sections_become_objects_by_their_type(kit: Kit) -> None:
    sorcery = kit.typed(TEXT)
    assert sorcery.get(Phone, "alice") == Phone("alice", context="office", lines=("1", "2"))
    assert sorcery.get(Line, "alice") == Line("alice", number=1)
    assert sorcery.get(Phone, "base") is None
    assert [phone.id for phone in sorcery.all(Phone)] == ["alice", "bob"]
    assert sorcery.class_of("line") is Line
    source = got(sorcery.get(Phone, "alice")).source
    assert source is not None
    assert (source.path, source.line) == (kit.etc / "phones.conf", 4)


@pytest.mark.parametrize("indexes", [(), ("lines", "context")])
def test_find(kit: Kit, indexes: Sequence[str]) -> None:
    sorcery = kit.typed(TEXT, indexes=indexes)
    assert [phone.id for phone in sorcery.find(Phone, lines="2")] == ["alice", "bob"]
    assert [phone.id for phone in sorcery.find(Phone, lines=("2",))] == ["bob"]
    assert [phone.id for phone in sorcery.find(Phone, lambda phone: phone.id > "b", context="office")] == ["bob"]
    assert sorcery.find(Phone, context="elsewhere") == []
    assert got(sorcery.find_one(Phone, lines="1")).id == "alice"
    with pytest.raises(SorceryError, match="no field colour"):
        sorcery.find(Phone, colour="red")


def test_reload_keeps_unchanged_objects_and_tells_observers(kit: Kit) -> None:
    sorcery = kit.typed(TEXT, indexes=("context",))
    seen: list[object] = []
    withdraw = sorcery.observe(
        Phone,
        created=lambda new: seen.append(("created", new.id)),
        updated=lambda new, old: seen.append(("updated", new.id, old.context, new.context)),
        deleted=lambda old: seen.append(("deleted", old.id)),
        loaded=lambda: seen.append("loaded"),
    )
    bob = sorcery.get(Phone, "bob")
    kit.write(TEXT.replace("[alice](base)\n", "[alice](base)\ncontext=home\n") + "[carol](base)\n")
    report = sorcery.reload()
    assert (report.created, report.updated, report.deleted) == (1, 1, 0)
    assert sorcery.get(Phone, "bob") is bob
    assert [phone.id for phone in sorcery.find(Phone, context="home")] == ["alice"]
    assert [phone.id for phone in sorcery.find(Phone, context="office")] == ["bob", "carol"]
    kit.write(TEXT.replace("[bob]", "[bobby]"))
    sorcery.reload()
    assert seen == [
        ("updated", "alice", "office", "home"),
        ("created", "carol"),
        "loaded",
        ("deleted", "bob"),
        ("deleted", "carol"),
        ("updated", "alice", "home", "office"),
        ("created", "bobby"),
        "loaded",
    ]
    withdraw()
    kit.write("")
    sorcery.reload()
    assert len(seen) == 8
    assert sorcery.all(Phone) == []


def test_an_unchanged_file_is_not_read_again(kit: Kit) -> None:
    sorcery = kit.typed(TEXT)
    kit.loader.forget()
    assert sorcery.reload().unchanged_files == ["phones.conf"]


def test_a_bad_file_changes_nothing_and_every_error_is_named(kit: Kit) -> None:
    sorcery = kit.typed(TEXT)
    alice, bob = sorcery.get(Phone, "alice"), sorcery.get(Phone, "bob")
    kit.write("[alice]\ntype=phone\ncontxt=x\nlimit=99\n[zoe]\ntype=line\nnumber=many\n[fine]\ntype=phone\n")
    with pytest.raises(ConfigErrors) as caught:
        sorcery.reload()
    assert [(error.line, error.message) for error in caught.value.errors] == [
        (3, "[alice] unknown option 'contxt' of type 'phone' (did you mean 'context'?)"),
        (4, "[alice] limit: must be a whole number from 0 to 10, not '99'"),
        (7, "[zoe] number: must be a whole number, not 'many'"),
    ]
    assert sorcery.get(Phone, "alice") is alice
    assert sorcery.all(Phone) == [alice, bob]
    assert sorcery.get(Phone, "fine") is None
    kit.write("[alice\n")
    with pytest.raises(ConfigErrors, match="no closing"):
        sorcery.reload()
    assert sorcery.get(Phone, "alice") is alice
    (kit.etc / "phones.conf").unlink()
    with pytest.raises(ConfigErrors, match="no such file"):
        sorcery.reload()
    assert sorcery.get(Phone, "alice") is alice


def test_a_bad_file_does_not_hold_up_the_others(kit: Kit) -> None:
    kit.write("[a]\ntype=phone\n")
    kit.write("[l]\nnumber=1\n", "lines.conf")
    kit.sorcery.register_type(Phone, default=PHONES)
    kit.sorcery.register_type(Line, default="config,lines.conf")
    kit.sorcery.load()
    kit.write("[a]\ntype=phone\nnope=1\n")
    kit.write("[l]\nnumber=2\n", "lines.conf")
    with pytest.raises(ConfigErrors, match="nope"):
        kit.sorcery.reload()
    assert got(kit.sorcery.get(Line, "l")).number == 2


def test_equal_ids_of_a_type_are_an_error(kit: Kit) -> None:
    with pytest.raises(ConfigErrors, match=r"phones.conf:3: \[a\] of type 'phone' is already at .*phones.conf:1"):
        kit.typed("[a]\ntype=phone\n[a]\ntype=phone\n")


def test_object_integrity_keeps_the_rest(kit: Kit) -> None:
    kit.write("[a]\ntype=phone\n[b]\ntype=phone\nnope=1\n")
    kit.sorcery.register_type(Phone, default=PHONES + ",integrity=object")
    report = kit.sorcery.load()
    assert [phone.id for phone in kit.sorcery.all(Phone)] == ["a"]
    assert "unknown option 'nope'" in str(report.warnings[0])


def test_a_missing_file_is_an_empty_one_at_first(kit: Kit) -> None:
    kit.sorcery.register_type(Phone, default=PHONES)
    assert "no such file" in str(kit.sorcery.load().warnings[0])
    kit.write("[a]\ntype=phone\n")
    kit.sorcery.reload()
    assert kit.sorcery.get(Phone, "a") is not None


def test_single_object_and_explicit_name(kit: Kit) -> None:
    kit.write("[general]\ncontext=x\n[other]\ncontext=y\n")
    withdraw = kit.sorcery.register_type(Phone, default="config,phones.conf,explicit_name=general")
    kit.sorcery.load()
    assert [phone.id for phone in kit.sorcery.all(Phone)] == ["general"]
    withdraw()
    kit.sorcery.register_type(Phone, default="config,phones.conf,single_object=yes")
    with pytest.raises(ConfigErrors, match="only one 'phone' is allowed"):
        kit.sorcery.load()


def test_types_registered_later_read_the_same_file(kit: Kit) -> None:
    kit.write(TEXT)
    kit.sorcery.register_type(Phone, default=PHONES)
    kit.sorcery.load(Phone)
    assert [str(each).partition("phones.conf")[2] for each in kit.sorcery.unclaimed()] == [
        ":7: [alice] is ignored: nothing loaded knows the type 'line'"
    ]
    withdraw = kit.sorcery.register_type(Line, default=LINES)
    kit.sorcery.load(Line)
    assert kit.sorcery.get(Line, "alice") is not None
    assert kit.sorcery.unclaimed() == []
    withdraw()
    with pytest.raises(SorceryError, match="not registered"):
        kit.sorcery.get(Line, "alice")
    kit.sorcery.register_type(Line, default=LINES)
    kit.sorcery.load(Line)
    assert kit.sorcery.get(Line, "alice") is not None


def test_apply_hooks(kit: Kit) -> None:
    def apply(phone: Phone) -> Phone | None:
        if phone.limit == 3:
            raise OptionError("limit", "3 is not for phones")
        return replace(phone, context="applied") if phone.limit == 4 else None

    sorcery = kit.typed("[a]\ntype=phone\nlimit=4\n[b]\ntype=phone\n", apply=apply)
    assert [phone.context for phone in sorcery.all(Phone)] == ["applied", "default"]
    kit.write("[a]\ntype=phone\nlimit=3\n")
    with pytest.raises(ConfigErrors, match=r"phones.conf:3: \[a\] limit: 3 is not for phones"):
        sorcery.reload()
    with pytest.raises(ConfigError, match="3 is not for phones"):
        sorcery.build(Phone, "x", [("limit", "3")])


def test_config_objects_are_read_only(kit: Kit) -> None:
    sorcery = kit.typed(TEXT)
    with pytest.raises(SorceryError, match="from a file"):
        sorcery.update(Phone("alice"))
    with pytest.raises(SorceryError, match="from a file"):
        sorcery.delete(Phone, "alice")
    with pytest.raises(SorceryError, match="from a file"):
        sorcery.create(Phone("new"))
    with pytest.raises(SorceryError, match="exists already"):
        sorcery.create(Phone("alice"))
    with pytest.raises(SorceryError, match="there is no phone 'nobody'"):
        sorcery.delete(Phone, "nobody")


def test_several_wizards_are_asked_in_order(kit: Kit) -> None:
    kit.write(TEXT)
    kit.write(f"[res_pjsip]\nphone=memory\nphone={PHONES}\n", "sorcery.conf")
    sorcery = kit.sorcery
    sorcery.register_type(Phone, default="memory")
    sorcery.load()
    seen: list[str] = []
    sorcery.observe(Phone, created=lambda new: seen.append(f"+{new.id}"), deleted=lambda old: seen.append(f"-{old.id}"))
    sorcery.create(Phone("carol"))
    sorcery.save(Phone("carol", context="x"))
    sorcery.save(Phone("dave"))
    sorcery.delete(Phone, "dave")
    assert seen == ["+carol", "+dave", "-dave"]
    assert [phone.id for phone in sorcery.all(Phone)] == ["alice", "bob", "carol"]


@pytest.mark.parametrize(
    ("mapping", "words"),
    [
        ("nothing,x", "unknown wizard 'nothing'"),
        ("config", "needs a file name"),
        ("config,a.conf,criteria=type", "must be criteria=field=value"),
        ("config,a.conf,colour=red", "unknown setting 'colour=red'"),
    ],
)
def test_a_bad_mapping_names_its_line(kit: Kit, mapping: str, words: str) -> None:
    kit.write(f"[res_pjsip]\n\nphone = {mapping}\n", "sorcery.conf")
    with pytest.raises(ConfigError) as caught:
        kit.sorcery.register_type(Phone)
    assert str(caught.value).startswith(f"{kit.etc / 'sorcery.conf'}:3: phone: ")
    assert words in str(caught.value)


def test_an_observer_that_fails_does_not_hide_the_change(kit: Kit) -> None:
    sorcery = kit.sorcery
    sorcery.register_type(Phone)
    seen: list[str] = []

    def fail(_: Phone) -> None:
        raise RuntimeError("observer")

    sorcery.observe(Phone, created=fail)
    sorcery.observe(Phone, created=lambda new: seen.append(new.id))
    sorcery.create(Phone("a"))
    assert seen == ["a"]


def test_astdb_objects_outlive_the_program(kit: Kit, astdb: AstDb) -> None:
    sorcery = Sorcery(kit.loader, astdb)
    sorcery.register_type(Phone, default="astdb,registrar")
    phone = Phone("a;@1", context="ü", match=("x", "y"), variables=(("A", "1"), ("B", "2")))
    sorcery.create(phone)
    sorcery.create(Phone("b"))
    sorcery.delete(Phone, "b")
    assert [path for path, _ in astdb.show("registrar")] == ["/registrar/phone/a;@1"]
    astdb.put("registrar/phone", "broken", "{")
    astdb.put("registrar/phone", "wrong", '{"limit":"x"}')
    astdb.put("registrar/phone", "later", '{"limit":"2","from_a_newer_version":"1"}')
    astdb.close()
    again = AstDb(astdb.path)
    again.open()
    second = Sorcery(kit.loader, again)
    second.register_type(Phone, default="astdb,registrar")
    assert second.all(Phone) == [phone, Phone("later", limit=2)]
    again.close()


class Elsewhere(RemoteWizard[Phone]):
    async def fetch(self, object_id: str) -> Phone | None:
        return Phone(object_id, context="far") if object_id.startswith("r") else None

    async def fetch_all(self) -> Sequence[Phone]:
        return [Phone("r1", context="far"), Phone("alice", context="far")]


@ensureDeferred
async def test_remote_wizards(kit: Kit) -> None:
    kit.write(TEXT)
    kit.sorcery.register_wizard("realtime", lambda schema, data: Elsewhere(schema))
    kit.sorcery.register_type(Phone, default=[PHONES, "realtime,ps_phones"])
    kit.sorcery.load()
    sorcery = kit.sorcery
    assert got(sorcery.get(Phone, "alice")).context == "office"
    with pytest.raises(NotLocal):
        sorcery.get(Phone, "r1")
    assert got(await sorcery.fetch(Phone, "r1")).context == "far"
    assert got(await sorcery.fetch(Phone, "alice")).context == "office"
    assert await sorcery.fetch(Phone, "nobody") is None
    assert [phone.id for phone in await sorcery.fetch_all(Phone)] == ["alice", "bob", "r1"]
    assert [phone.id for phone in await sorcery.fetch_find(Phone, context="far")] == ["r1"]


def test_speed_of_a_large_file(kit: Kit, capsys: pytest.CaptureFixture[str]) -> None:
    text = ["[base](!)\ntype=phone\ncontext=office\nlimit=3\n"]
    text += [f"[u{n}](base)\nlines={n}\nset_var=A={n}\n" for n in range(10_000)]
    kit.write("".join(text))
    kit.sorcery.register_type(Phone, default=PHONES)
    began = time.process_time()
    kit.sorcery.load()
    spent = time.process_time() - began
    assert len(kit.sorcery.all(Phone)) == 10_000
    with capsys.disabled():
        print(f" [10,000 sections read and typed in {spent:.2f} s of CPU] ", end="")  # noqa: T201 - a measurement for the reader


def test_at_the_start_one_bad_object_does_not_take_the_others_with_it(
    kit: Kit, caplog: pytest.LogCaptureFixture
) -> None:
    kit.sorcery.register_type(Phone, default=PHONES)
    kit.write("[good]\ntype=phone\n[bad]\ntype=phone\nlimit=99\n")
    kit.sorcery.start(Phone)
    assert [phone.id for phone in kit.sorcery.all(Phone)] == ["good"]
    with pytest.raises(ConfigErrors, match=r"phones\.conf:5"):
        kit.sorcery.reload(Phone)
    kit.write("[good]\ntype=phone\n[bad]\ntype=phone\nlimit=9\n")
    kit.sorcery.reload(Phone)
    assert len(kit.sorcery.all(Phone)) == 2
