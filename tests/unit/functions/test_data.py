"""JSON_DECODE, DIALGROUP, AST_CONFIG, SRVQUERY and LOCK."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from twisted.internet.defer import Deferred, fail, succeed
from twisted.names import dns
from twisted.names.error import DNSNameError

from dialplan.functions.dialgroup import ServiceModule
from pbx.core.channel import settle
from pbx.testing.deferreds import result_of, start
from tests.unit.functions.conftest import Functions

ARRAYS = '{"path": {"to": {"arr": ["item0", "item1"]}}}'


@pytest.mark.parametrize(
    ("document", "arguments", "value"),
    [
        ('{"a": true, "b": false}', "a", "1"),
        ('{"a": true, "b": false}', "b", "0"),
        ('{"a": 1E+2}', "a", "100"),
        ('{"a": 1.23}', "a", "1.23"),
        ('{"a": [[1]]}', "a.0.0", "1"),
        ('{"a": [null]}', "a.0", ""),
        ('{"a": [0, 1]}', "a", "[0,1]"),
        ("[0, 1]", "0", "0"),
        ("[0, 1]", "x", ""),
        ('{"a": null}', "a", ""),
        ('{"a": "x, é"}', "a", "x, é"),
        ('{"a": "x"}', "b", ""),
        ('{"a": 123}', "a", "123"),
        (ARRAYS, "path/to/arr/1,/", "item1"),
        (ARRAYS, "path.to.arr", '["item0","item1"]'),
        (ARRAYS, "path.to.arr,,c", "2"),
        (ARRAYS, "path.to.arr.2", ""),
        (ARRAYS, "path.to.arr.-1", ""),
        (ARRAYS, "path.to.none.test", ""),
        (ARRAYS, "path.to", '{"arr":["item0","item1"]}'),
        ("17", "a", ""),
        ("", "a", ""),
    ],
)
def test_json(functions: Functions, document: str, arguments: str, value: str) -> None:
    functions.write("doc", document)
    assert functions.read(f"JSON_DECODE(doc,{arguments})") == value


@pytest.mark.parametrize(
    ("document", "arguments", "reason"),
    [
        ("{", "doc,a", "Failed to parse"),
        ("[" * 100000, "doc,a", "Failed to parse"),
        ("{}", ",a", "requires a variable"),
        ("{}", "doc", "requires a key"),
    ],
)
def test_json_that_is_wrong(functions: Functions, document: str, arguments: str, reason: str) -> None:
    functions.write("doc", document)
    with pytest.raises(Exception, match=reason):
        functions.read(f"JSON_DECODE({arguments})")


def test_dialgroup(functions: Functions) -> None:
    with pytest.raises(Exception, match="No such dialgroup"):
        functions.read("DIALGROUP(front)")
    functions.write("DIALGROUP(front,add)", "PJSIP/a")
    functions.write("DIALGROUP(front,add)", "PJSIP/b&PJSIP/a")
    assert functions.read("DIALGROUP(front)") == "PJSIP/a&PJSIP/b"
    functions.write("DIALGROUP(front,del)", "PJSIP/a&PJSIP/none")
    assert functions.read("DIALGROUP(front)") == "PJSIP/b"
    functions.write("DIALGROUP(front)", "PJSIP/c")
    assert functions.harness.server.astdb.get("dialgroup", "front") == "PJSIP/c"
    functions.write("DIALGROUP(front,del)", "PJSIP/c")
    assert functions.harness.server.astdb.get("dialgroup", "front") is None
    with pytest.raises(Exception, match="Unrecognized operation"):
        functions.write("DIALGROUP(front,x)", "PJSIP/c")


def test_ast_config(functions: Functions) -> None:
    functions.harness.write("own.conf", "[t](!)\nkey=template\n[part](t)\nKey=one\nkey=two\n")
    assert functions.read("AST_CONFIG(own.conf,part,key)") == "template"
    assert functions.read("AST_CONFIG(own.conf,part,key,1)") == "one"
    assert functions.read("AST_CONFIG(own.conf,part,key,-1)") == "two"
    for expression, reason in (
        ("own.conf,part,key,3", "not found at index 3"),
        ("own.conf,none,key", "not found"),
        ("none.conf,part,key", "not found"),
        ("../own.conf,part,key", "configuration's directory only"),
        ("own.conf,part,key,x", "must be an integer"),
        ("own.conf,part", "requires a variable_name"),
    ):
        with pytest.raises(Exception, match=reason):
            functions.read(f"AST_CONFIG({expression})")


def srv(priority: int, weight: int, host: str) -> dns.RRHeader:
    return dns.RRHeader(type=dns.SRV, payload=dns.Record_SRV(priority, weight, 5060, host))  # type: ignore[no-untyped-call]


def test_services_of_the_dns(functions: Functions, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def look_up(service: str, _timeout: Any) -> Deferred[Any]:
        asked.append(service)
        if "none" in service:
            return fail(DNSNameError())
        return succeed(([srv(20, 1, "b.example"), srv(10, 1, "c.example"), srv(10, 9, "a.example")], [], []))

    monkeypatch.setattr(ServiceModule, "_resolver", SimpleNamespace(lookupService=look_up))
    name = "_sip._udp.example"
    assert functions.read(f"SRVQUERY({name})") == name
    assert functions.read(f"SRVRESULT({name},getnum)") == "3"
    hosts = [functions.read(f"SRVRESULT({name},{number},host)") for number in (1, 2, 3)]
    assert hosts == ["a.example", "c.example", "b.example"]
    fields = [functions.read(f"SRVRESULT({name},1,{field})") for field in ("port", "priority", "weight")]
    assert fields == ["5060", "10", "9"]
    assert asked == [name]
    functions.read(f"SRVQUERY({name})")
    assert asked == [name, name]
    for expression, reason in (
        ("SRVQUERY()", "requires a service"),
        ("SRVQUERY(none)", "Error performing lookup"),
        (f"SRVRESULT({name})", "two arguments"),
        (f"SRVRESULT({name},1)", "field must be provided"),
        (f"SRVRESULT({name},x,host)", "Invalid value"),
        (f"SRVRESULT({name},4,host)", "record number 4"),
        (f"SRVRESULT({name},1,x)", "Unrecognized SRV field"),
    ):
        with pytest.raises(Exception, match=reason):
            functions.read(expression)


def test_locks(functions: Functions) -> None:
    harness = functions.harness
    other = harness.call("100", resource="other").channel
    third = harness.call("100", resource="third").channel
    assert functions.read("UNLOCK(a)") == "0"
    assert functions.read("LOCK(a)") == "1"
    assert functions.read("LOCK(a)") == "1"
    assert functions.read("TRYLOCK(a)", other) == "0"
    assert functions.read("TRYLOCK(b)", other) == "1"

    async def lock(channel: Any) -> str:
        return await settle(harness.engine.read_function(channel, "LOCK(a)"))

    second, last = start(lock(other)), start(lock(third))
    shown = result_of(start(harness.server.cli.run("dialplan locks show"))).output
    assert "2          " + functions.channel.name in shown
    assert "2 total locks listed." in shown
    assert functions.read("UNLOCK(a)", other) == "0"
    assert functions.read("UNLOCK(a)") == "1"
    harness.core.clock.advance(2)
    assert not second.called
    assert functions.read("UNLOCK(a)") == "1"
    assert result_of(second) == "1"
    harness.core.clock.advance(1)
    assert result_of(last) == "0"
    last = start(lock(third))
    other.hangup()
    assert result_of(last) == "1"
    waiting = start(lock(functions.channel))
    functions.call.far.hang_up()
    assert "ChannelInterrupted" in str(waiting.result)
    waiting.addErrback(lambda _failure: None)
    third.hangup()
    assert "0 total locks" in result_of(start(harness.server.cli.run("dialplan locks show"))).output
