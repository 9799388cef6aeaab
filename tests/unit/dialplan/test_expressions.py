"""Expressions: what Asterisk makes of them, and bad ones."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialplan.expressions import Evaluation, Expression, Pending
from dialplan.long_double import parse, to_text
from tests.unit.dialplan.expression_results import RESULTS


def evaluate(text: str) -> tuple[str, list[str]]:
    def read(name: str, arguments: str) -> str | None:
        return str(len(arguments)) if name == "LEN" else arguments.upper() if name == "TOUPPER" else None

    evaluation = Evaluation(Expression(text), read)
    return evaluation.run(), evaluation.warnings


@pytest.mark.parametrize(("text", "result"), RESULTS)
def test_results_are_asterisks(text: str, result: str) -> None:
    assert evaluate(text)[0] == result


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (" = 1", "syntax error, unexpected '=', expecting $end; Input:\n = 1\n ^"),
        ("1 2", "syntax error, unexpected '<token>', expecting $end; Input:\n1 2\n  ^"),
        ("1 + ", "syntax error, unexpected $end, expecting '-' or '!' or '(' or '<token>'; Input:\n1 + \n    ^"),
        ("(1 2)", "syntax error, unexpected '<token>'; Input:\n(1 2)\n   ^"),
        ("1 ? 2", "syntax error, unexpected $end; Input:\n1 ? 2\n     ^"),
        ("LEN(1 2)", "syntax error, unexpected '<token>', expecting ',' or ')'; Input:\nLEN(1 2)\n      ^"),
        ("1 + abc * 2", "non-numeric argument"),
        ("1 / 0", "division by zero"),
        ("5 % 0", "div by zero"),
        ("NOSUCH(1)", "Error! 'NOSUCH' doesn't appear to be an available function!"),
        ("COS(1,2)", "Wrong args to COS() function"),
        ("a : (", "syntax error, unexpected $end"),
        ('a : "("', "regcomp() error"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(text: str, message: str) -> None:
    assert message in evaluate(text)[1][0]


def test_functions_of_the_dialplan_are_read_once_even_when_another_has_to_be_waited_for() -> None:
    asked: list[str] = []

    class Answer:
        def __await__(self) -> object:  # pragma: no cover: nobody awaits it here
            raise AssertionError

    def read(name: str, arguments: str) -> object:
        asked.append(f"{name}({arguments})")
        return "2" if name == "NOW" else Answer()

    evaluation = Evaluation(Expression("NOW(a,b) + LATER(x) * 10"), read)  # type: ignore[arg-type]
    with pytest.raises(Pending) as pending:
        evaluation.run()
    evaluation.results[pending.value.key] = "4"
    assert evaluation.run() == "42"
    assert asked == ["NOW(a,b)", "LATER(x)"]


@pytest.mark.parametrize(
    "text",
    ["(" * 4000, "-" * 4000, "!" * 4000, "1?" * 2000, "LEN(" * 1000, "1+" * 2000, "(" * 2000 + "1" + ")" * 1999],
)
def test_deep_texts_end_with_an_error(text: str) -> None:
    assert "syntax error" in evaluate(text)[1][0]
    assert evaluate("${" * 2000) == ("", [])
    assert evaluate("1" + "+1" * 2000) == ("2001", [])
    assert evaluate("1" + "?2::3" * 800) == ("2", [])


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("(" * 2000 + "7" + ")" * 2000, "7"),
        ("-" * 4000 + "7", "7"),
        ("-" * 3999 + "7", "-7"),
        ("!" * 4001 + "7", "0"),
        ("1 - (" * 800 + "1" + ")" * 800, "1"),
        ("1 ? " * 600 + "5" + " :: 2" * 600, "5"),
        ("ABS(" * 600 + "0 - 5" + ")" * 600, "5"),
    ],
)
def test_however_deep_operations_are_inside_each_other(text: str, result: str) -> None:
    assert evaluate(text) == (result, [])


def test_no_pattern_takes_long() -> None:
    assert evaluate('"' + "a" * 3000 + '" =~ "(a+)+(a+)+b"')[0] == ""


@given(st.text(alphabet="01a.\"'()+-*/%!?:=<>|&~, ${}[]\\é", max_size=40))
def test_any_text_has_a_result(text: str) -> None:
    result, _warnings = evaluate(text)
    assert isinstance(result, str)


class Model:
    """Arithmetic and logic on whole numbers the slow way: fully bracketed text beside its value."""

    operators = st.sampled_from(["+", "-", "*", "=", "!=", "<", ">", "<=", ">=", "&", "|"])
    leaves = st.integers(0, 999).map(lambda number: (str(number), number))

    @staticmethod
    def join(parts: tuple[tuple[str, int], str, tuple[str, int]]) -> tuple[str, int]:
        (left, a), operator, (right, b) = parts
        match operator:
            case "+":
                value = a + b
            case "-":
                value = a - b
            case "*":
                value = a * b
            case "&":
                value = a if a and b else 0
            case "|":
                value = a or b
            case "=":
                value = int(a == b)
            case "!=":
                value = int(a != b)
            case "<":
                value = int(a < b)
            case ">":
                value = int(a > b)
            case "<=":
                value = int(a <= b)
            case _:
                value = int(a >= b)
        return f"({left} {operator} {right})", value


TREES = st.recursive(
    Model.leaves, lambda inner: st.tuples(inner, Model.operators, inner).map(Model.join), max_leaves=12
).filter(lambda tree: abs(tree[1]) < 10**15)


@given(TREES)
def test_bracketed_arithmetic_is_arithmetic(tree: tuple[str, int]) -> None:
    text, value = tree
    result, warnings = evaluate(text)
    assert (result or "0").removeprefix("-0") in (str(value), "" if value == 0 else str(value))
    assert not warnings


BINDING = {"|": 1, "&": 2, "=": 3, "<": 3, "+": 4, "-": 4, "*": 5, "%": 5}


@given(st.lists(st.tuples(st.sampled_from(sorted(BINDING)), st.integers(1, 9)), min_size=1, max_size=8))
def test_precedence_is_that_of_the_same_text_in_brackets(rest: list[tuple[str, int]]) -> None:
    """Operators bind by a table, left to right: brackets put in by that rule change nothing."""
    values = ["5", *(str(number) for _operator, number in rest)]
    operators = [operator for operator, _number in rest]
    plain = values[0] + "".join(f" {operator} {value}" for operator, value in zip(operators, values[1:], strict=True))
    while operators:
        at = max(range(len(operators)), key=lambda index: (BINDING[operators[index]], -index))
        values[at : at + 2] = [f"({values[at]} {operators[at]} {values[at + 1]})"]
        del operators[at]
    assert evaluate(plain)[0] == evaluate(values[0])[0]


@given(st.integers(-(10**17), 10**17), st.integers(0, 6))
def test_numbers_are_written_as_they_were_read(number: int, places: int) -> None:
    text = f"{number}.{'5'.zfill(places)}" if places and abs(number) < 10**10 else str(number)
    assert to_text(parse(text)) == text
