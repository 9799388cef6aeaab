"""Editing files: what was not changed stays byte for byte."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pbx.config import Section, load_config
from pbx.config.editor import ConfigEditor, EditError

if TYPE_CHECKING:
    from pathlib import Path

FILE = """\
; the head of the file
[general]
; a comment
udpbindaddr = 0.0.0.0   ; where
  port=5060;--x--;

;-- a block
[hidden]
--;
[tmpl](!)
type = friend
[alice](tmpl)
secret=a\\;b ; keep me
allow => ulaw
allow => alaw

[bob](tmpl)
; only a comment
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "x.conf"
    path.write_text(FILE)
    return path


def reread(path: Path, name: str) -> Section:
    section = load_config(path).section(name)
    assert section is not None
    return section


def edited(path: Path, old: str, new: str) -> bool:
    return path.read_text() == FILE.replace(old, new)


def test_nothing_changed_nothing_written(path: Path) -> None:
    editor = ConfigEditor.open(path)
    assert editor.render() == FILE.encode()
    assert editor.save() == []


@pytest.mark.parametrize(
    ("section", "key", "value", "old", "new"),
    [
        ("general", "udpbindaddr", "127.0.0.1", "= 0.0.0.0 ", "= 127.0.0.1 "),
        ("general", "port", "5070", "port=5060;", "port=5070;"),
        ("alice", "secret", "x;y", "a\\;b", "x\\;y"),
        ("alice", "secret", "back\\", "a\\;b ;", "back\\ ;"),
        ("alice", "allow", "g722", "allow => ulaw", "allow => g722"),
        ("alice", "new", "1", "allow => alaw\n", "allow => alaw\nnew = 1\n"),
        ("alice", "type", "peer", "allow => alaw\n", "allow => alaw\ntype = peer\n"),
        ("bob", "k", ">v", "[bob](tmpl)\n", "[bob](tmpl)\nk = >v\n"),
    ],
)
def test_set(path: Path, section: str, key: str, value: str, old: str, new: str) -> None:
    editor = ConfigEditor.open(path)
    editor.set(editor.section(section), key, value)
    editor.save()
    assert edited(path, old, new)
    assert reread(path, section).get_all(key)[-1 if key != "allow" else 0] == value


def test_set_by_value(path: Path) -> None:
    editor = ConfigEditor.open(path)
    editor.set(editor.section("alice"), "allow", "opus", match="alaw")
    editor.save()
    assert edited(path, "=> alaw", "=> opus")
    with pytest.raises(EditError, match="has no allow = gsm"):
        editor.set(editor.section("alice"), "allow", "x", match="gsm")


def test_delete(path: Path) -> None:
    editor = ConfigEditor.open(path)
    editor.delete(editor.section("alice"), "allow", match="ulaw")
    editor.save()
    assert edited(path, "allow => ulaw\n", "")


def test_delete_beside_a_block_comment(tmp_path: Path) -> None:
    path = tmp_path / "b.conf"
    path.write_text("[a]\nk=1 ;-- open\nnot=this\n--; l=2\n")
    editor = ConfigEditor.open(path)
    editor.delete(editor.section("a"), "k")
    editor.delete(editor.section("a"), "l")
    editor.append(editor.section("a"), "m", "3")
    editor.save()
    section = reread(path, "a")
    assert [(item.key, item.value) for item in section] == [("m", "3")]


def test_insert(path: Path) -> None:
    editor = ConfigEditor.open(path)
    editor.insert(editor.section("alice"), 1, "disallow", "all")
    editor.save()
    assert edited(path, "allow => ulaw", "disallow = all\nallow => ulaw")


def test_new_section(path: Path) -> None:
    editor = ConfigEditor.open(path)
    section = editor.new_section("carol", bases=["tmpl"])
    editor.append(section, "exten", "1,1,NoOp", is_object=True)
    editor.save()
    assert path.read_text() == FILE + "\n[carol](tmpl)\nexten => 1,1,NoOp\n"
    assert reread(path, "carol").get("type") == "friend"


def test_rename_section(path: Path) -> None:
    editor = ConfigEditor.open(path)
    editor.rename_section(editor.section("alice"), "alicia")
    editor.save()
    assert edited(path, "[alice]", "[alicia]")
    with pytest.raises(EditError, match="inherited by"):
        editor.rename_section(editor.section("tmpl"), "other")


def test_delete_section(path: Path) -> None:
    editor = ConfigEditor.open(path)
    editor.delete_section(editor.section("alice"))
    editor.save()
    assert edited(path, "[alice](tmpl)\nsecret=a\\;b ; keep me\nallow => ulaw\nallow => alaw\n", "")
    with pytest.raises(EditError, match="inherited by"):
        editor.delete_section(editor.section("tmpl"))


def test_continued_sections_go_together(tmp_path: Path) -> None:
    path = tmp_path / "c.conf"
    path.write_text("[a]\nk=1\n[b]\n[a](+)\nl=2\n")
    editor = ConfigEditor.open(path)
    editor.rename_section(editor.section("a"), "z")
    assert editor.render() == b"[z]\nk=1\n[b]\n[z](+)\nl=2\n"
    editor.delete_section(editor.section("z"))
    editor.save()
    assert path.read_text() == "[b]\n"


def test_appended_values(tmp_path: Path) -> None:
    path = tmp_path / "p.conf"
    path.write_text("[a]\nk=1\nk+=2\nk+=3\nl=4\n")
    editor = ConfigEditor.open(path)
    editor.set(editor.section("a"), "k", "9")
    editor.save()
    assert path.read_text() == "[a]\nk=9\nl=4\n"


def test_changes_go_to_the_file_they_belong_to(tmp_path: Path) -> None:
    (tmp_path / "m.conf").write_text("#include i.conf\n[b]\nk=1\n")
    (tmp_path / "i.conf").write_text("[a]\nk=1 ; here\n")
    editor = ConfigEditor.open(tmp_path / "m.conf")
    editor.set(editor.section("a"), "k", "2")
    assert editor.save() == [tmp_path / "i.conf"]
    assert (tmp_path / "i.conf").read_text() == "[a]\nk=2 ; here\n"


def test_line_ends_encoding_mode_and_links_are_kept(tmp_path: Path) -> None:
    real = tmp_path / "real.conf"
    real.write_bytes(b"\xef\xbb\xbf[a]\r\nname=J\xf6rg\r\nk=1")
    real.chmod(0o604)
    link = tmp_path / "link.conf"
    link.symlink_to(real)
    editor = ConfigEditor.open(link)
    editor.set(editor.section("a"), "k", "2")
    editor.append(editor.section("a"), "l", "3")
    editor.save()
    assert link.is_symlink()
    assert real.read_bytes() == b"\xef\xbb\xbf[a]\r\nname=J\xf6rg\r\nk=2\r\nl = 3\r\n"
    assert stat.S_IMODE(real.stat().st_mode) == 0o604
    assert sorted(each.name for each in tmp_path.iterdir()) == ["link.conf", "real.conf"]


@pytest.mark.parametrize(
    ("key", "value"),
    [("a\nb", "c"), ("a", "b\nc"), ("a=b", "c"), ("", "v"), ("k", "x\0"), ("\\k", "v"), ("k", "x" * 9000)],
)
def test_what_the_language_cannot_hold_is_refused(path: Path, key: str, value: str) -> None:
    editor = ConfigEditor.open(path)
    with pytest.raises(EditError):
        editor.append(editor.section("bob"), key, value)
    assert editor.render() == FILE.encode()


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0\r\n", exclude_categories=["Cs"]), max_size=30).map(
    str.strip
)
KEY = TEXT.filter(
    lambda text: text.strip("".join(map(chr, range(33)))) == text and text and "=" not in text and text[0] != "\\"
)
VALUE = TEXT.filter(lambda text: text.strip("".join(map(chr, range(33)))) == text)
NAME = st.text(st.characters(codec="ascii", categories=("L", "N")), min_size=1, max_size=8)
SECTIONS = st.dictionaries(NAME.map(str.lower), st.lists(st.tuples(KEY, VALUE, st.booleans()), max_size=5), max_size=5)


@given(SECTIONS)
@settings(max_examples=200)
def test_what_is_written_reads_back(
    tmp_path_factory: pytest.TempPathFactory, sections: dict[str, list[tuple[str, str, bool]]]
) -> None:
    path = tmp_path_factory.getbasetemp() / "roundtrip.conf"
    path.unlink(missing_ok=True)
    editor = ConfigEditor.open(path)
    for name, items in sections.items():
        section = editor.new_section(name)
        for key, value, is_object in items:
            editor.append(section, key, value, is_object=is_object)
    editor.save(to=path)
    again = load_config(path)
    assert {
        section.name: [(item.key, item.value, item.is_object) for item in section] for section in again.sections
    } == sections


@given(SECTIONS, st.data())
@settings(max_examples=100)
def test_a_changed_value_reads_back(
    tmp_path_factory: pytest.TempPathFactory, sections: dict[str, list[tuple[str, str, bool]]], data: st.DataObject
) -> None:
    path = tmp_path_factory.getbasetemp() / "change.conf"
    path.write_text(FILE)
    editor = ConfigEditor.open(path)
    value = data.draw(VALUE)
    editor.set(editor.section("alice"), "secret", value)
    editor.save()
    assert load_config(path).get("alice", "secret") == value
