"""func_strings, func_cut, func_sprintf: each function's values and wrong uses."""

from __future__ import annotations

import pytest

from tests.unit.functions.conftest import Functions


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("LEN(example)", "7"),
        ("LEN()", "0"),
        ("LEN(é)", "2"),
        ("TOUPPER(aBc1é)", "ABC1é"),
        ("TOLOWER(AbC1É)", "abc1É"),
        ("TRIM( \t a b \n)", "a b"),
        ("LTRIM(  a )", "a "),
        ("RTRIM( a  )", " a"),
        ("PASSTHRU(${x})", "${x}"),
        ('QUOTE(ab"c"de\\f)', '"ab\\"c\\"de\\\\f"'),
        ("QUOTE()", '""'),
        ('CSV_QUOTE("a,b" 123)', '"""a,b"" 123"'),
        ("KEYPADHASH(Les-1 Zq)", "537197"),
        ("FILTER(a-c,abcdeABC)", "abc"),
        ("FILTER(0-9,1a2b,3)", "123"),
        ("FILTER(\\-a,a-b)", "a-"),
        ("FILTER(\\x41-C,xABCD)", "ABC"),
        ('REGEX("^[0-9]+$" 123)', "1"),
        ('REGEX("^[[:alpha:]]+$" 123)', "0"),
        ('REGEX("a|b" xbx)', "1"),
        ('REGEX("" anything)', "1"),
        ("CUT(LIST,\\,,2)", "two"),
        ("CUT(LIST,\\,,1-2)", "one,two"),
        ("CUT(LIST,\\,,2-)", "two,three"),
        ("CUT(LIST,\\,,-2)", "one,two"),
        ("CUT(LIST,\\,,1&3)", "one,three"),
        ("CUT(LIST,\\,,9)", ""),
        ("CUT(CHANNEL(name),/,1)", "Fake"),
        ("CUT(DASHED,,2)", "b"),
        ("CUT(UNSET,-,1)", ""),
        ("CUT(LIST:4,\\,,1)", "two"),
        ("SORT(a:3,b:1.5,c:2)", "b,c,a"),
        ("SORT(a,b:1)", "b"),
        ("FIELDQTY(LIST,\\,)", "3"),
        ("FIELDQTY(DASHED,-)", "3"),
        ("FIELDQTY(UNSET,-)", "0"),
        ("FIELDQTY(LIST)", "1"),
        ("FIELDNUM(LIST,\\,,TWO)", "2"),
        ("FIELDNUM(LIST,\\\\x2c,three)", "3"),
        ("FIELDNUM(LIST,-,one)", "0"),
        ("FIELDNUM(LIST,,one)", "0"),
        ("LISTFILTER(LIST,\\,,two)", "one,three"),
        ("LISTFILTER(DASHED,-,x)", "a-b-c"),
        ("REPLACE(DASHED,-,_)", "a_b_c"),
        ("REPLACE(DASHED,ab)", "--c"),
        ("REPLACE(UNSET,a,b)", ""),
        ("STRREPLACE(DASHED,-,==)", "a==b==c"),
        ("STRREPLACE(DASHED,-,,1)", "ab-c"),
        ("STRREPLACE(DASHED,x,y)", "a-b-c"),
        ("STRBETWEEN(ABC,-)", "a-b-c"),
        ("STRBETWEEN(UNSET,-)", ""),
        ("STRFTIME(0,UTC,%Y-%m-%d %H:%M:%S)", "1970-01-01 00:00:00"),
        ("STRFTIME(1.25,UTC,%S.%q)", "01.250"),
        ("STRFTIME(1.25,UTC,%6q)", "250000"),
        ("STRFTIME(x,UTC,%s)", "1700000000"),
        ("STRPTIME(2006-03-01 12:00:00,America/Chicago,%Y-%m-%d %H:%M:%S)", "1141236000"),
        ("STRPTIME(1 Mar 2006 1:05 PM,UTC,%d %b %Y %I:%M %p)", "1141218300"),
        ("STRPTIME(060301T1200,UTC,%y%m%dT%H%M)", "1141214400"),
        ("STRPTIME(2006 60,UTC,%Y %j)", "1141171200"),
        ("STRPTIME(12345,UTC,%s)", "12345"),
        ("STRPTIME(2006-03-01T01:02:03+0100,UTC,%FT%T%z)", "1141174923"),
        ("STRPTIME(nonsense,UTC,%Y)", ""),
        ("STRPTIME(2006-13-01,UTC,%Y-%m-%d)", ""),
        ("SPRINTF(%d-%s-%5.2f,7,x,3.14159)", "7-x- 3.14"),
        ("SPRINTF(%05d|%-4d|%+d|%x|%#x|%o|%#o,7,7,7,255,255,8,8)", "00007|7   |+7|ff|0xff|10|010"),
        ("SPRINTF(%x,-1)", "ffffffff"),
        ("SPRINTF(%c%%%e,65,1)", "A%1.000000e+00"),
        ("SPRINTF(%-5s|,ab)", "ab   |"),
        ("SPRINTF(plain)", "plain"),
        ("SPRINTF(%s)", "(null)"),
    ],
)
def test_values(functions: Functions, expression: str, value: str) -> None:
    functions.write("LIST", "one,two,three")
    functions.write("DASHED", "a-b-c")
    functions.write("ABC", "abc")
    assert functions.read(expression) == value


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("FILTER(x)", "Usage: FILTER"),
        ("FILTER(\\xzz,a)", "hexadecimal"),
        ("REGEX(a b)", "should have been in the form"),
        ('REGEX("(" a)', "malformed regular expression"),
        ("CUT(LIST,-)", "missing argument"),
        ("CUT(LIST,-,x)", "Usage: CUT"),
        ("FIELDNUM(LIST,-)", "Usage: FIELDNUM"),
        ("LISTFILTER(LIST,-)", "Usage: LISTFILTER"),
        ("REPLACE(LIST)", "Usage: REPLACE"),
        ("REPLACE(LIST,)", "must not be empty"),
        ("STRREPLACE(LIST,)", "Usage: STRREPLACE"),
        ("STRBETWEEN(LIST)", "Usage: STRBETWEEN"),
        ("STRPTIME(1,UTC)", "No format"),
        ("SPRINTF(%d,x)", "not an integer"),
        ("SPRINTF(%f,x)", "not a floating point"),
        ("SPRINTF(%d)", "more format specifiers"),
        ("SPRINTF(%n,1)", "not supported"),
        ("SPRINTF(%99999999d,1)", "wider than"),
        ("PUSH(x)", "cannot be read"),
        ("UNSHIFT(x)", "cannot be read"),
        ("ARRAY(x)", "cannot be read"),
        ("POP()", "requires a variable name"),
    ],
)
def test_wrong_uses(functions: Functions, expression: str, reason: str) -> None:
    with pytest.raises(Exception, match=reason):
        functions.read(expression)


def test_lists_that_change(functions: Functions) -> None:
    functions.write("PUSH(list)", "one")
    functions.write("PUSH(list)", "two,three")
    functions.write("UNSHIFT(list)", "zero")
    assert functions.variable("list") == "zero,one,two,three"
    assert [functions.read("SHIFT(list)"), functions.read("POP(list)")] == ["zero", "three"]
    assert functions.variable("list") == "one,two"
    assert [functions.read("POP(list)"), functions.read("POP(list)")] == ["two", "one"]
    assert functions.variable("list") == ""
    assert functions.read("SHIFT(list)") == ""
    functions.write("PUSH(__kept,-)", "a")
    functions.write("PUSH(__kept,-)", "b")
    assert functions.variable("kept") == "a-b"
    assert dict(functions.channel.variables.inherited())["__kept"] == "a-b"


def test_array_and_hash(functions: Functions) -> None:
    functions.write("ARRAY(a,b,c)", "1,2")
    assert [functions.variable(name) for name in "abc"] == ["1", "2", ""]
    functions.write("HASH(person,name)", "Ann, A.")
    functions.write("HASH(person,age)", "42")
    assert functions.read("HASHKEYS(person)") == "age,name"
    assert functions.read("HASH(person,age)") == "42"
    assert functions.read("HASH(person,none)") == ""
    assert functions.read("HASH(person)") == "42,Ann, A."
    functions.write("HASH(other)", "x,y")
    assert functions.read("HASH(other,name)") == "y"
    assert functions.variable("~HASH~other~age~") == "x"
    with pytest.raises(Exception, match="channel"):
        functions.read_globally("HASHKEYS(person)")


def test_a_hash_without_columns_takes_nothing(functions: Functions) -> None:
    functions.write("HASH(x)", "1")
    assert functions.read("HASHKEYS(x)") == ""


def test_a_time_zone_there_is_not_is_utc(functions: Functions) -> None:
    assert functions.read("STRFTIME(0,No/Where,%H %z)") == "00 +0000"


def test_functions_without_a_channel_read_globals(functions: Functions) -> None:
    functions.harness.core.channels.set_global("G", "a-b")
    assert functions.read_globally("CUT(G,-,2)") == "b"
    functions.write_globally("PUSH(G,-)", "c")
    assert functions.harness.core.channels.globals.get("G") == "a-b-c"
    assert functions.read_globally("POP(G,-)") == "c"
