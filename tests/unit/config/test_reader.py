"""The .conf language as a user of Asterisk knows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pbx.config import Config, ConfigError, ConfigErrors, load_config
from pbx.config.lines import MAX_LINE_BYTES

if TYPE_CHECKING:
    from pathlib import Path
from typing import Protocol


class Reader(Protocol):
    def __call__(self, text: str | bytes, *, exec_allowed: bool = False) -> Config: ...


@pytest.fixture
def read(tmp_path: Path) -> Reader:
    def read(text: str | bytes, *, exec_allowed: bool = False) -> Config:
        path = tmp_path / "test.conf"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return load_config(path, exec_allowed=exec_allowed)

    return read


def pairs(config: Config, name: str) -> list[tuple[str, str]]:
    section = config.section(name)
    assert section is not None
    return [(item.key, item.value) for item in section]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[a]\nk=v\n", [("k", "v")]),
        ("[a]\n  k  =  v  \n", [("k", "v")]),
        ("[a]\r\nk=v\r\n", [("k", "v")]),
        ("[a]\nk=v", [("k", "v")]),
        ("[a]\nk => v\n", [("k", "v")]),
        ("[a]\nexten => 1,1,Set(x=y)\n", [("exten", "1,1,Set(x=y)")]),
        ("[a]\nk=\n", [("k", "")]),
        ("[a]\nk=v ; comment\n", [("k", "v")]),
        ("[a]\nk=v;comment\n", [("k", "v")]),
        ("[a]\nk=a\\;b;comment\n", [("k", "a;b")]),
        ("[a]\nk=a\\;b\\;c\n", [("k", "a;b;c")]),
        ("[a]\n;k=v\n", []),
        ("[a]\n;--\nk=v\n--;\nl=w\n", [("l", "w")]),
        ("[a]\n;-- ;-- inner --; still\nk=v --;\nl=w\n", [("l", "w")]),
        ("[a]\nk=v ;-- hidden --;w\n", [("k", "v w")]),
        ("[a]\n;--- rule ---\nk=v\n", [("k", "v")]),
        ("[a]\nx=1 ;-- open\ny=2\n--; z=3\n", [("x", "1"), ("z", "3")]),
        ("[a]\nk=a\nk+=b\n", [("k", "ab")]),
        ("[a]\nk=a\nk += ,b\n", [("k", "a ,b")]),
        ("[a]\nk+=b\n", [("k", "b")]),
        ("[a]\nk +=> b\n", [("k", "> b")]),
        ("[a]\nk=1\nk=1\nk+=2\n", [("k", "12"), ("k", "1")]),
        ("[a]\nK=x\nk=X\nk+=y\n", [("k", "Xy"), ("k", "X")]),
        ("[a]\nk=1\nk=\nk+=2\n", [("k", "2"), ("k", "")]),
        ("[a]\nk=a\\\\;b\n", [("k", "a\\;b")]),
        ("[a]\nk=1;--c--;2;--d--;3\n", [("k", "123")]),
        ("[a]\n;--;\nk=v\n--;\nl=w\n", [("l", "w")]),
        ("[a]\nk=;--;\n", [("k", "")]),
        ("[a]\nk=1 --; 2\nl=3\n", [("k", "1 --; 2")]),
        ("[a]\nk=1 --; 2 ; 3\n", [("k", "1 --; 2 ; 3")]),
        ("[a]\n--;=x\nl=1\n;-- x\nm=2\n", [("--;", "x"), ("m", "2")]),
        ("[a]\nx --; y ;-- z\nm=2\n", [("m", "2")]),
        ("[a]\nk=1\nk=2\n", [("k", "1"), ("k", "2")]),
        ("[a]\nk=1\nk=2\nk+=3\n", [("k", "1"), ("k", "23")]),
        ("[a]\n\\#k=v\n", [("#k", "v")]),
        ("[a]\n\\[k]=v\n", [("[k]", "v")]),
        ("\ufeff[a]\nk=v\n", [("k", "v")]),
        ("[a]\n\tk\t=\tv\t\n", [("k", "v")]),
        ('[a]\nk="v"\n', [("k", '"v"')]),
        ("[a]\nk=grüße\n", [("k", "grüße")]),
    ],
)
def test_lines(read: Reader, text: str, expected: list[tuple[str, str]]) -> None:
    assert pairs(read(text), "a") == expected


def test_a_section_may_have_an_empty_name(read: Reader) -> None:
    config = read("[]\nk=1\n[a](!)\nl=2\n[](a)\n")
    assert [[section.name, *(item.value for item in section)] for section in config.sections] == [["", "1"], ["", "2"]]


def test_what_asterisk_skips_is_skipped_with_a_warning(read: Reader) -> None:
    config = read("[a]\n\nk=" + "x" * MAX_LINE_BYTES + "\nl=1\nm --; n\no=2\n")
    assert pairs(config, "a") == [("l", "1")]
    assert [(warning.line, warning.message) for warning in config.warnings] == [
        (3, "more than 8191 bytes, line ignored"),
        (5, "a block comment ends here that never began: nothing more is read"),
        (5, "no '=' in 'm --; n', line ignored"),
    ]


def test_object_flag(read: Reader) -> None:
    (section,) = read("[a]\nx => 1\ny = 2\n").sections
    assert [item.is_object for item in section] == [True, False]


def test_templates_give_their_values_first_and_are_no_sections(read: Reader) -> None:
    config = read("[t](!)\nk=1\nl=2\n[a](t)\nk=3\n[b](a)\nm=4\n")
    assert pairs(config, "a") == [("k", "1"), ("l", "2"), ("k", "3")]
    assert pairs(config, "b") == [("k", "1"), ("l", "2"), ("k", "3"), ("m", "4")]
    assert [section.name for section in config.sections] == ["a", "b"]
    assert [section.name for section in config.templates] == ["t"]
    assert config.section("t") is None
    assert config.get("a", "K") == "3"
    section = config.section("a")
    assert section is not None
    assert [section.is_inherited(item) for item in section] == [True, True, False]
    assert [item.line for item in section] == [2, 3, 5]


def test_several_templates_apply_in_the_order_named(read: Reader) -> None:
    config = read("[t](!)\nk=1\n[u](!,t)\nk=2\n[a](t, u)\n")
    assert pairs(config, "a") == [("k", "1"), ("k", "1"), ("k", "2")]


def test_equal_names_stay_apart(read: Reader) -> None:
    config = read("[alice]\ntype=endpoint\n[alice]\ntype=auth\n")
    assert [section.get("type") for section in config.sections_named("ALICE")] == ["endpoint", "auth"]


def test_plus_adds_to_the_first_section_of_the_name(read: Reader) -> None:
    config = read("[a]\nk=1\n[a]\nk=2\n[a](+)\nl=3\n")
    assert [[item.key for item in section] for section in config.sections] == [["k", "l"], ["k"]]


def test_plus_with_a_filter_chooses_the_section(read: Reader) -> None:
    config = read("[a]\ntype=endpoint\n[a]\ntype=auth\n[a](+type=auth)\npassword=x\n")
    assert config.sections[1].get("password") == "x"


def test_plus_with_a_filter_reaches_templates(read: Reader) -> None:
    config = read("[t](!)\nk=1\n[t](+TEMPLATES=restrict)\nl=2\n[a](t)\n")
    assert pairs(config, "a") == [("k", "1"), ("l", "2")]


def test_plus_with_a_template(read: Reader) -> None:
    config = read("[t](!)\nk=1\n[a]\nl=2\n[a](t,+)\nm=3\n")
    assert pairs(config, "a") == [("l", "2"), ("k", "1"), ("m", "3")]


def test_append_to_an_inherited_value_leaves_the_template_alone(read: Reader) -> None:
    config = read("[t](!)\nk=1\n[a](t)\nk+=2\n[b](t)\n")
    assert config.get("a", "k") == "12"
    assert config.get("b", "k") == "1"


def test_includes_with_globs_and_places(read: Reader, tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "2.conf").write_text("[two]\nk=2\n")
    (tmp_path / "d" / "1.conf").write_text("in_one=yes\n[one]\nk=1\n")
    config = read('[a]\n#include "d/*.conf"\nafter=1\n#tryinclude <missing.conf>\n#tryinclude none*.conf\n')
    assert [section.name for section in config.sections] == ["a", "one", "two"]
    assert pairs(config, "a") == [("in_one", "yes"), ("after", "1")]
    one = config.section("one")
    assert one is not None
    assert (one.path, one.line) == (tmp_path / "d" / "1.conf", 2)
    assert [path.name for path in config.files] == ["test.conf", "1.conf", "2.conf"]


def test_includes_are_relative_to_the_configuration_directory(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "a.conf").write_text("#include sub/b.conf\n")
    (tmp_path / "sub" / "b.conf").write_text("#include c.conf\n")
    (tmp_path / "c.conf").write_text("[c]\n")
    assert load_config(tmp_path / "a.conf").section("c") is not None


def test_braces_in_includes(read: Reader, tmp_path: Path) -> None:
    for name in ("x1", "x2", "x3"):
        (tmp_path / f"{name}.inc").write_text(f"[{name}]\n")
    assert [section.name for section in read("#include x{1,3}.inc\n").sections] == ["x1", "x3"]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("k=v\n", 1, "before any"),
        ("[a\n", 1, "no closing ']'"),
        ("[a](b\n", 1, "no closing ')'"),
        ("[a](b)\n", 1, "inherits from 'b'"),
        ("\n[a](+)\n", 2, "does not exist"),
        ("[a]\n[a](+type=[)\n", 2, "bad expression"),
        ("[a]\nk=\0\n", 2, "NUL"),
        ("[a]\n#include nothing.conf\n", 2, "there is no 'nothing.conf'"),
        ("[a]\n#include <no*.conf>\n", 2, "there is no 'no*.conf'"),
        ("[a]\n#include test.conf\n", 2, "include loop"),
        ("[a]\n\\ k=v\n", 2, "backslash"),
        (";--" * 200, 1, "nest deeper"),
    ],
)
def test_errors_name_their_place(read: Reader, tmp_path: Path, text: str, line: int, words: str) -> None:
    with pytest.raises(ConfigErrors) as caught:
        read(text)
    (error,) = caught.value.errors
    assert words in error.message
    assert str(error).startswith(f"{tmp_path / 'test.conf'}:{line}: ")


def test_every_error_is_reported(read: Reader) -> None:
    with pytest.raises(ConfigErrors) as caught:
        read("[a](x)\n[b](y)\n[c\n")
    assert [error.line for error in caught.value.errors] == [1, 2, 3]


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        load_config(tmp_path / "none.conf")


def test_a_directory_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="not a regular file"):
        load_config(tmp_path)


def test_deep_includes_are_refused(tmp_path: Path) -> None:
    for number in range(13):
        (tmp_path / f"{number}.conf").write_text(f"#include {number + 1}.conf\n")
    (tmp_path / "13.conf").write_text("[a]\n")
    with pytest.raises(ConfigErrors, match="more than 10 deep"):
        load_config(tmp_path / "0.conf")


def test_an_include_loop_over_two_files(tmp_path: Path) -> None:
    (tmp_path / "a.conf").write_text("#include b.conf\n")
    (tmp_path / "b.conf").write_text("\n#include a.conf\n")
    with pytest.raises(ConfigErrors, match=r"b\.conf:2: include loop"):
        load_config(tmp_path / "a.conf")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[a]\njust words\n", "no '='"),
        ("[a]\n=v\n", "without a name"),
        ("[a]\n#inclood x\n", "unknown directive '#inclood'"),
        ("[a]\n#include\n", "without a name"),
        ("[a]\n#exec /bin/true\n", "execincludes"),
        ("[a] (t)\n", "ignored"),
        ("[a]\n;-- open\n", "never closed"),
    ],
)
def test_what_asterisk_passes_over_is_a_warning(read: Reader, text: str, words: str) -> None:
    (warning,) = read(text).warnings
    assert words in warning.message


def test_exec_when_allowed(read: Reader) -> None:
    config = read('[a]\n#exec "echo k=v"\n', exec_allowed=True)
    assert pairs(config, "a") == [("k", "v")]


def test_exec_that_fails(read: Reader) -> None:
    with pytest.raises(ConfigErrors, match="exit status 3: sorry"):
        read("[a]\n#exec echo sorry >&2\\; exit 3\n", exec_allowed=True)


def test_latin1_lines_are_read(read: Reader) -> None:
    config = read("[a]\nname=J\xf6rg\n".encode("latin-1") + "city=Köln\n".encode())
    assert pairs(config, "a") == [("name", "Jörg"), ("city", "Köln")]


def refusal(path: Path) -> str:
    """What reading says when it refuses; the path when it does not."""
    try:
        load_config(path)
    except ConfigError as error:
        return str(error)
    return str(path)


@given(st.binary(max_size=300))
@settings(max_examples=300)
def test_any_bytes_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "fuzz.conf"
    path.write_bytes(data)
    assert str(path) in refusal(path)


TOKENS = st.lists(
    st.sampled_from(
        ["[a]", "[b](a)", "(!)", "(+)", "k", "=", "=>", "+=", ";", ";--", "--;", "\\", " ", "\n", "#include x", "v"]
    ),
    max_size=40,
)


@given(TOKENS)
@settings(max_examples=300)
def test_any_tokens_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, tokens: list[str]) -> None:
    path = tmp_path_factory.getbasetemp() / "tokens.conf"
    path.write_text("".join(tokens))
    assert str(path) in refusal(path)
