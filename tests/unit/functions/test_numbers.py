"""func_math, func_rand and the functions that write a text in another way."""

from __future__ import annotations

import re

import pytest

from tests.unit.functions.conftest import Functions


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("MATH(170.55*7.3,int)", "1245"),
        ("MATH(1+2)", "3.000000"),
        ("MATH(7/2,i)", "3"),
        ("MATH(7/-2,i)", "0"),
        ("MATH(7/0,i)", "0"),
        ("MATH(-7%3,i)", "-1"),
        ("MATH(7%0,i)", "0"),
        ("MATH(2^10,int)", "1024"),
        ("MATH(2^100000,f)", "inf"),
        ("MATH(12AND10,i)", "8"),
        ("MATH(12OR3,i)", "15"),
        ("MATH(12XOR10,i)", "6"),
        ("MATH(1<<4,hex)", "10"),
        ("MATH(256>>4,i)", "16"),
        ("MATH(3>2)", "TRUE"),
        ("MATH(3>=3)", "TRUE"),
        ("MATH(3<2,int)", "FALSE"),
        ("MATH(3<=2)", "FALSE"),
        ("MATH(123==123,int)", "TRUE"),
        ("MATH(5-7,i)", "-2"),
        ("MATH(-5--7,i)", "2"),
        ("MATH(-1-0,hex)", "ffffffff"),
        ("MATH(60+5,char)", "A"),
        ("MATH(8e9*1,int)", "-2147483648"),
        ("ABS(-13)", "13"),
        ("ABS(-13.5)", "13.500000"),
        ("MIN(3,2.5)", "2.500000"),
        ("MIN(,4)", "4"),
        ("MAX(3,2)", "3"),
        ("DIGIT_SUM(859x)", "22"),
        ("RAND(5,5)", "5"),
        ("BASE64_ENCODE(Hello é)", "SGVsbG8gw6k="),
        ("BASE64_DECODE(SGVsbG8gw6k=)", "Hello é"),
        ("BASE64_DECODE(SGVsbG8)", "Hello"),
        ("BASE64_DECODE(!)", ""),
        ("MD5(data)", "8d777f385d3dfec8815d20f7496026dc"),
        ("SHA1(data)", "a17c9aaa61e80a1bf71d0d850af4e5baa9800bbd"),
        ("URIENCODE(a b/c?d=é~'()*!)", "a%20b%2Fc%3Fd%3D%C3%A9~'()*!"),
        ("URIDECODE(a%20b+%2f%C3%A9)", "a b+/é"),
        ("URIENCODE()", ""),
    ],
)
def test_values(functions: Functions, expression: str, value: str) -> None:
    assert functions.read(expression) == value


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("MATH()", "missing argument"),
        ("MATH(1)", "no operator"),
        ("MATH(1=1)", "no operator"),
        ("MATH(x+1)", "not a valid number"),
        ("MATH(1+x)", "not a valid number"),
        ("MATH(1+1,x)", "Unknown type"),
        ("ABS(x)", "Bad or missing"),
        ("MIN()", "Missing argument"),
        ("MAX(x,1)", "not a valid number"),
        ("DIGIT_SUM()", "Missing argument"),
        ("INC(unset)", "doesn't exist"),
        ("MD5()", "missing argument"),
    ],
)
def test_wrong_uses(functions: Functions, expression: str, reason: str) -> None:
    with pytest.raises(Exception, match=reason):
        functions.read(expression)


def test_steps(functions: Functions) -> None:
    functions.write("n", "41")
    assert functions.read("INC(n)") == "42"
    assert functions.read("DEC(n)") == "41"
    assert functions.variable("n") == "41"
    functions.write("n", "4x")
    with pytest.raises(Exception, match="not a numeric value"):
        functions.read("INC(n)")
    functions.write("n", "2147483647")
    assert functions.read("INC(n)") == "-2147483648"


def test_chance(functions: Functions) -> None:
    assert {functions.read("RAND(1,3)") for _ in range(100)} == {"1", "2", "3"}
    assert functions.read("RAND(3,1)") in ("1", "2", "3")
    assert 0 <= int(functions.read("RAND()")) < 1 << 31
    assert re.fullmatch(r"[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}", functions.read("UUID()"))
