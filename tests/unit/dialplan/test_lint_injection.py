"""``obelisk dialplan check`` on what a caller says, in places where it must not stand."""

from __future__ import annotations

import pytest

from tests.unit.dialplan.linting import Lint, function, shown

# What a caller says


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("1", "Dial(PJSIP/${CALLERID(name)})"),
        ("1", "Dial(PJSIP/${TOUPPER(${CALLERID(name)})})"),
        ("_X.", "Dial(PJSIP/${EXTEN:1}@trunk)"),
        ("_X!", "Goto(${EXTEN},1)"),
        ("i", "Dial(PJSIP/${INVALID_EXTEN})"),
        ("1", "Dial(PJSIP/${PJSIP_HEADER(read,X-To)})"),
        ("1", "Dial(PJSIP/${CUT(N,-,1)})"),
        ("1", "Dial(PJSIP/a,,U(${MESSAGE(body)}))"),
    ],
)
def test_destinations_that_a_caller_chooses(lint: Lint, name: str, call: str) -> None:
    report = lint(f"exten => {name},1,{call}\nexten => 9,1,Set(N=${{CALLERID(num)}})\n")
    assert [each.check for each in report.findings] == ["unsafe-destination"]


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("_2XX", "Dial(PJSIP/${EXTEN})"),
        ("_X.", "Dial(PJSIP/${FILTER(0-9,${EXTEN})})"),
        ("_X.", "NoOp(${EXTEN})"),
        ("1", "Dial(PJSIP/a,$[${LEN(${CALLERID(num)})} + 1])"),
        ("1", "Dial(PJSIP/${CALLERID(num-pres)})"),
        ("1", "Set(X=${CURL(http://127.0.0.1/?n=${URIENCODE(${CALLERID(num)})})})"),
        ("1", "Set(CALLERID(name)=x ${CALLERID(name)})"),
    ],
)  # fmt: skip
def test_what_a_caller_says_in_its_place(lint: Lint, name: str, call: str) -> None:
    assert shown(lint(f"exten => {name},1,{call}")) == []


def test_a_value_is_followed_through_variables(lint: Lint) -> None:
    report = lint(
        "exten => 1,1,Set(A=${CALLERID(name)})\n same => n,Set(B=x${A})\n same => n,NoOp(${SHELL(echo ${B})})\n"
    )
    (found,) = shown(report)
    assert found == (
        "extensions.conf:4: error: SHELL() with B, which holds A, which holds CALLERID(name) since extensions.conf:2 "
        "since extensions.conf:3: FILTER() it [unsafe-command]"
    )


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ('app.Dial("PJSIP/" .. channel.CALLERID("num"):get())', True),
        ('app.Dial("PJSIP/" .. channel["CALLERID(num)"]:get())', True),
        ('local n = channel.CALLERID("num"):get() app.Dial("PJSIP/" .. n)', True),
        ('local n = "x" .. channel.CALLERID("num"):get():lower() app.Dial("PJSIP/" .. n)', True),
        ('app.Dial("PJSIP/" .. extension)', True),
        ('app.Dial(("PJSIP/%s"):format(extension))', True),
        ('app.Dial("PJSIP/" .. channel.FILTER("0-9", extension):get())', False),
        ('app.Dial("PJSIP/" .. extension:gsub("[^%d]", ""))', False),
        ("app.Dial(phones[extension], 20)", False),
        ('app.Dial("PJSIP/" .. #extension)', True),
    ],
)
def test_what_a_caller_says_in_lua(lint: Lint, body: str, found: bool) -> None:
    report = lint(lua=function(body, "_X."))
    assert [each.check for each in report.findings] == (["unsafe-destination"] if found else [])


def test_an_extension_that_is_a_function_of_its_own(lint: Lint) -> None:
    lua = (
        'local function out(context, number)\n  app.Dial("PJSIP/" .. number)\nend\n'
        'extensions = { default = { ["_X."] = out, ["_2XX"] = inside } }\n'
    )
    report = lint(lua=lua.replace("inside", "out"))
    assert [str(each.place) for each in report.findings] == ["extensions.lua:2"]
    assert shown(lint(lua=lua.replace('["_X."] = out, ', "").replace("inside", "out"))) == []
