"""Substitution: values in the places of ``${...}`` and ``$[...]``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred

from dialplan.arguments import Arguments
from dialplan.engine import Engine
from dialplan.registry import DialplanModule, FunctionError, function
from dialplan.substitution import MAX_RESULT, MAX_VALUE, compile_template
from pbx.core.channel import Channel
from pbx.testing.deferreds import result_of, start
from pbx.testing.dialplan import DialplanHarness, Plan

VARIABLES = {
    "X": "abcdef",
    "N": "X",
    "M": "N",
    "N1": "one",
    "IDX": "1",
    "FUNCNAME": "LEN(xyz)",
    "E": "${X}",
    "U8": "éa",
    "QUOTED": '"q,\\"r"',
}


class Later(DialplanModule):
    """Functions that take their time, or fail."""

    name = "later"
    waiting: Deferred[str]

    @function("LATER", "text", synopsis="The text, once the test says so.")
    async def func_later(self, channel: Channel | None, args: object) -> str:
        self.waiting = Deferred()
        return await self.waiting

    @function("FAILS", "", synopsis="Nothing.")
    def func_fails(self, channel: Channel | None, args: object) -> str:
        raise FunctionError("it fails")

    @function("AGAIN", "text", synopsis="The text, substituted.")
    def func_again(self, channel: Channel | None, args: Arguments) -> str | Awaitable[str]:
        return self.server.require(Engine).substitute(channel, args.raw)


Subject = tuple[DialplanHarness, Channel]


@pytest.fixture
def subject(plan: Plan) -> Subject:
    harness = plan(extensions_conf="[default]\nexten => 100,1,Wait(1000)\n")
    Later(harness.server).register()
    channel = harness.call("100").channel
    for name, value in VARIABLES.items():
        channel.set_variable(name, value)
    return harness, channel


@pytest.fixture
def substitute(subject: Subject) -> Callable[[str], str]:
    harness, channel = subject

    def run(text: str) -> str:
        result = harness.engine.substitute(channel, text)
        assert isinstance(result, str)
        return result

    return run


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("${X}", "abcdef"),
        ("a${X}b${N}", "aabcdefbX"),
        ("${UNSET}", ""),
        ("${X:1}", "bcdef"),
        ("${X:1:2}", "bc"),
        ("${X:-3}", "def"),
        ("${X:-3:2}", "de"),
        ("${X:0:-2}", "abcd"),
        ("${X:2:-1}", "cde"),
        ("${X:2:-9}", ""),
        ("${X:-9:2}", "ab"),
        ("${X:9}", ""),
        ("${X:0:0}", ""),
        ("${X:}", "abcdef"),
        ("${X::2}", "abcdef"),
        ("${X:1:}", "bcdef"),
        ("${X:a}", "abcdef"),
        ("${X: 1:2}", "bc"),
        ("${X:1 :2}", "bcdef"),
        ("${X:1: 2}", "bc"),
        ("${X:+1:2}", "bc"),
        ("${X:1:2:3}", "bc"),
        ("${X:0:99999999999}", "abcdef"),
        ("${X:99999999999}", ""),
        ("${${N}}", "abcdef"),
        ("${${N}:1:2}", "bc"),
        ("${${${M}}}", "abcdef"),
        ("${N${IDX}}", "one"),
        ("${X${UNSET}}", "abcdef"),
        ("${LEN(abc)}", "3"),
        ("${LEN(${X})}", "6"),
        ("${LEN(${X:1:2})}", "2"),
        ("${LEN(abc):0:1}", "3"),
        ("${TOUPPER(${X}):2:3}", "CDE"),
        ("${TOUPPER(a:b:c):2}", "B:C"),
        ("${FUNCNAME}", "LEN(xyz)"),
        ("${${FUNCNAME}}", "3"),
        ("${${FUNCNAME}:1}", ""),
        ("${E}", "${X}"),
        ("${AGAIN(${E})}", "abcdef"),
        ("${AGAIN(\\${X})}", "\\abcdef"),
        ("${NOSUCH(x)}", ""),
        ("${LEN(abc}", "3"),
        ("${LEN(abc)def}", "3"),
        ("${LEN(a)b)}", "3"),
        ("${LEN()}", "0"),
        ("${LEN}", ""),
        ("$X", "$X"),
        ("$", "$"),
        ("$$", "$$"),
        ("$${X}", "$abcdef"),
        ("$(X)", "$(X)"),
        ("${}", ""),
        ("${ X }", ""),
        ("{${X}}", "{abcdef}"),
        ("${X[}", ""),
        ("a\\${X}", "a\\abcdef"),
        ('"${X}"', '"abcdef"'),
        ("\\,${X}", "\\,abcdef"),
        ("${QUOTED}", '"q,\\"r"'),
        ("${EXTEN}|${CONTEXT}|${PRIORITY}", "100|default|1"),
        ("${SYSTEMNAME}|${LINKEDID}|${HOSTNAME}", "||"),
        ("${CALLINGANI2}|${CALLINGTON}|${CALLINGTNS}|${HANGUPCAUSE}", "0|0|0|0"),
        ("${HINT}|${HINTNAME}", "|"),
        ("${__X}", ""),
        ("${U8}", "éa"),
        ("${U8:0:1}", "\udcc3"),
        ("${LEN(${U8})}", "3"),
        ("x$[1]y$[2]z", "x1y2z"),
        ("${X}$[${LEN(${X})} + 1]", "abcdef7"),
        ("$[${X:0:1}${X:1:1}]", "ab"),
        ('$["${X}" = "abcdef"]', "1"),
        ("$[$[1 + 2] * 3]", "9"),
        ("$[LEN(${X}) + 1]", "7"),
        ("${EXTEN:0:1}", "1"),
        ("${A${B${C${D${E1${F}}}}}}", ""),
        ("${X:0:1}${X:1:1}${X:2:1}", "abc"),
        ("${X", "abcdef"),
        ("${X${N}", ""),
        ("y$[1 + 1", "y2"),
        ("${X{}}", ""),
    ],
)
def test_results_are_asterisks(substitute: Callable[[str], str], text: str, result: str) -> None:
    assert substitute(text) == result


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("${X", "Error in extension logic (missing '}')"),
        ("$[1", "Error in extension logic (missing ']')"),
        ("${LEN(a}", "Can't find trailing parenthesis for function 'LEN(a'?"),
        ("${NOSUCH(a)}", "Function NOSUCH not registered"),
        ("${FAILS()}", "FAILS(): it fails"),
        ("$[1 +]", "syntax error, unexpected $end"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(subject: Subject, text: str, line: str) -> None:
    harness, channel = subject
    harness.engine.substitute(channel, text)
    found = [each for each in harness.log if line in each]
    assert len(found) == 1
    assert f"{channel.name} ({channel.uniqueid}) at 100@default:1, extensions.conf:2" in found[0]


def test_a_function_may_take_its_time(subject: Subject) -> None:
    harness, channel = subject
    module = Later(harness.server)
    harness.engine.registry.remove_function(harness.engine.registry.function("LATER"))  # type: ignore[arg-type]
    found = harness.engine.registry.function("LEN")
    assert found is not None
    harness.engine.registry.add_function(
        type(found)("LATER", found.grammar, found.help, module.func_later, None, "later")
    )
    waiting = start(_settled(harness.engine.substitute(channel, "a${LATER(x):1:3}b${N}$[LATER(y) + 1]c")))
    module.waiting.callback("vwxyz")
    module.waiting.callback("41")
    assert result_of(waiting) == "awxybX42c"
    waiting = start(_settled(harness.engine.substitute(channel, "${${LATER(z)}}|${LEN(${X})}")))
    module.waiting.errback(FunctionError("it took too long"))
    assert result_of(waiting) == "|6"
    assert harness.logged("it took too long")


async def _settled(value: object) -> object:
    return value if isinstance(value, str) else await value  # type: ignore[misc]


def test_without_a_channel_global_variables_and_given_ones_count(subject: Subject) -> None:
    harness, _channel = subject
    harness.server.channels.set_global("G", "global")
    assert harness.engine.substitute(None, "${G}|${X}|${LEN(ab)}|${V}", {"V": "given"}) == "global||2|given"
    assert str(harness.engine.substitute(None, "${EPOCH}")).isdecimal()


def test_recursion_ends_with_an_error(subject: Subject) -> None:
    harness, channel = subject
    channel.set_variable("LOOP", "x${AGAIN(${LOOP})}")
    assert harness.engine.substitute(channel, "${AGAIN(${LOOP})}") == "x" * 14
    assert harness.logged("Exceeded maximum variable substitution recursion depth (15)")
    assert harness.engine.substitution.depth == 0


def test_giant_results_are_cut_with_a_warning(subject: Subject) -> None:
    harness, channel = subject
    channel.set_variable("BIG", "0123456789" * 1000)
    assert len(str(harness.engine.substitute(channel, "${BIG}"))) == MAX_VALUE
    assert harness.logged(f"the value of BIG is longer than {MAX_VALUE} bytes")
    assert len(str(harness.engine.substitute(channel, "${BIG}" * 4))) == MAX_RESULT
    assert harness.logged(f"the result of a substitution is longer than {MAX_RESULT} bytes")
    channel.set_variable("WIDE", "é" * 3000)
    assert len(str(harness.engine.substitute(channel, "${WIDE}")).encode("utf-8", "surrogateescape")) == MAX_VALUE


@pytest.mark.parametrize("text", ["${" * 5000, "$[" * 5000, "${X:" * 3000, "${LEN(" * 2000 + ")}" * 2000, "$" * 9000])
def test_deep_texts_end(subject: Subject, text: str) -> None:
    harness, channel = subject
    assert isinstance(harness.engine.substitute(channel, text), str)


def reference(text: str, variables: dict[str, str]) -> str:
    """What substitution is, by looking for the innermost reference: for texts with names and values of letters only."""
    while (end := text.find("}")) >= 0:
        begin = text.rindex("${", 0, end)
        name, *cuts = text[begin + 2 : end].split(":")
        value = variables.get(name, "")
        if cuts:
            offset = int(cuts[0])
            value = value[offset:] if offset >= 0 or -offset <= len(value) else value
        if len(cuts) > 1:
            value = value[: int(cuts[1])] if cuts[1] != "-0" else value[:0]
        text = text[:begin] + value + text[end + 1 :]
    return text


NAMES = st.sampled_from(["A", "B", "AB", "NONE", "A"])
PIECES = st.recursive(
    st.sampled_from(["", "x", "A", "B", "$", "x$y"]) | NAMES.map(lambda name: f"${{{name}}}"),
    lambda inner: (
        st.tuples(inner, inner).map("".join)
        | inner.filter(lambda text: "$y" not in text and not text.endswith("$")).map(lambda text: f"${{{text}}}")
        | st.tuples(NAMES, st.integers(-4, 4), st.integers(-4, 4)).map(
            lambda each: f"${{{each[0]}:{each[1]}:{each[2]}}}"
        )
    ),
    max_leaves=8,
)


@given(PIECES, st.fixed_dictionaries({name: st.text("ABx", max_size=6) for name in ("A", "B", "AB", "x", "xA")}))
def test_nested_references_are_replaced_from_the_inside(text: str, variables: dict[str, str]) -> None:
    class Scope:
        depth = 0

        def variable(self, name: str) -> str | None:
            return variables.get(name)

        def bounded(self, text: str, limit: int, what: str) -> str:
            return text

    if "$${" in text or "$$" in text:
        return
    assert compile_template(text).evaluate(Scope()) == reference(text, variables)  # type: ignore[arg-type]


@given(st.text(alphabet='AX${}[]():,\\"1-é ', max_size=60))
def test_any_text_can_be_compiled(text: str) -> None:
    template = compile_template(text)
    if "${" not in text and "$[" not in text:
        assert "".join(part for part in template.parts if isinstance(part, str)) == text
