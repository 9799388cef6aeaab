"""Programs that are files, well and badly behaved, on live calls."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest

from pbx.testing.server import LiveServer
from tests.integration.agi.conftest import HEAD, Exchange, children_of, is_there

NOTE = """
def note(**fields):
    import json
    path = os.path.join(env_dir, f"note-{env['agi_uniqueid']}.json")
    with open(path + ".part", "w") as file:
        json.dump(fields, file)
    os.rename(path + ".part", path)

env_dir = os.environ["AST_AGI_DIR"]
"""


async def noted(exchange: Exchange, uniqueid: str, seconds: float = 5.0) -> Any:
    """What the program of a call has written down."""
    path = exchange.agi_directory / f"note-{uniqueid}.json"
    for _ in range(int(seconds / 0.05)):
        if path.exists():
            return json.loads(path.read_text())
        await exchange.server.sleep(0.05)
    raise AssertionError("the program wrote nothing down")


async def uniqueid(exchange: Exchange, channel: str) -> str:
    event = await exchange.ami.event("Newchannel", Channel=channel)
    return event["Uniqueid"]


async def test_times_and_words_are_said_with_the_prompts_that_are_shipped(exchange: Exchange) -> None:
    exten = exchange.script(
        NOTE
        + """
answers = [ask('SAY DATE 946684800 ""'), ask('SAY TIME 946684800 ""'), ask('SAY PHONETIC a9 ""')]
answers.append(ask("SAY DATETIME 946684800 '' 'd IMp' UTC".replace("'", '"')))
note(answers=answers)
"""
    )
    channel = await exchange.call("script", exten)
    seen = await noted(exchange, await uniqueid(exchange, channel), 30.0)
    assert seen["answers"] == ["200 result=0"] * 4
    assert (await exchange.done())["Status"] == "SUCCESS"


async def test_a_script_does_its_work(exchange: Exchange) -> None:
    exten = exchange.script(
        NOTE
        + """
answers = [ask('SET VARIABLE COLOUR "dark red"'), ask("GET VARIABLE COLOUR"), ask("CHANNEL STATUS"), ask("bogus")]
answers.append(ask("DATABASE PUT agi key value"))
answers.append(ask("DATABASE GET agi key"))
note(env=env, argv=sys.argv, answers=answers, paths={k: v for k, v in os.environ.items() if k.startswith("AST_")},
     descriptors=sorted(os.listdir("/proc/self/fd")))
"""
    )
    channel = await exchange.call("script", exten)
    done = await exchange.done()
    assert done["Status"] == "SUCCESS"
    seen = await noted(exchange, done["Uniqueid"])
    assert seen["argv"] == [f"{exten}.py", "one", "two words"] or seen["argv"][1:] == ["one", "two words"]
    assert (seen["env"]["agi_channel"], seen["env"]["agi_request"]) == (channel, f"{exten}.py")
    assert (seen["env"]["agi_arg_1"], seen["env"]["agi_arg_2"]) == ("one", "two words")
    assert seen["answers"] == [
        "200 result=1",
        "200 result=1 (dark red)",
        "200 result=6",
        "510 Invalid or unknown command",
        "200 result=1",
        "200 result=1 (value)",
    ]
    assert seen["paths"]["AST_CONFIG_DIR"] == str(exchange.server.etc)
    assert len(seen["paths"]) == 11
    # Its own three, and the directory it lists.
    assert seen["descriptors"] == ["0", "1", "2", "3"]


@pytest.mark.parametrize(
    ("text", "head", "status"),
    [
        ("sys.exit(3)", None, "FAILURE"),
        ("os.kill(os.getpid(), signal.SIGKILL)", None, "FAILURE"),
        ("", "#!/no/such/interpreter\n", "FAILURE"),
        ("", "not a program at all\n", "FAILURE"),
        ("print('failure')", None, "FAILURE"),
        ("print('EXEC NoOp', flush=True)", None, "SUCCESS"),
        ("os.close(1); time.sleep(0.2)", None, "SUCCESS"),
        ("print('NOOP'); print('SET VARIABLE A 1', end='')", None, "SUCCESS"),
    ],
)
async def test_how_scripts_end(exchange: Exchange, text: str, head: str | None, status: str) -> None:
    exten = exchange.script(text) if head is None else exchange.script(text, head=head)
    await exchange.call("script", exten)
    assert (await exchange.done())["Status"] == status


async def test_no_script_and_no_right_to_run_it(exchange: Exchange) -> None:
    await exchange.call("script", "199")
    assert (await exchange.done())["Status"] == "NOTFOUND"
    exten = exchange.script("")
    (exchange.agi_directory / f"{exten}.py").chmod(0o000)
    if os.geteuid():
        await exchange.call("script", exten)
        assert (await exchange.done())["Status"] == "FAILURE"


async def test_a_hangup_sends_sighup_and_the_script_may_clean_up(exchange: Exchange) -> None:
    exten = exchange.script(
        NOTE
        + """
hung = []
signal.signal(signal.SIGHUP, lambda *_: hung.append(1))
first = ask("WAIT FOR DIGIT -1")
while not hung:
    time.sleep(0.01)
note(first=first, second=ask("ANSWER"), third=ask("SET VARIABLE SEEN yes"))
"""
    )
    channel = await exchange.call("script", exten)
    await exchange.ami.event("AGIExecStart", Command="WAIT FOR DIGIT -1")
    await exchange.hang_up(channel)
    over = await exchange.done("Over")
    assert (over["Status"], over["Seen"]) == ("HANGUP", "yes")
    seen = await noted(exchange, over["Uniqueid"])
    assert seen["first"] == "200 result=-1"
    assert seen["second"] == "511 Command Not Permitted on a dead channel or intercept routine"


async def test_a_script_that_idles_is_ended_by_the_hangup(exchange: Exchange) -> None:
    exten = exchange.script("time.sleep(1000)")
    channel = await exchange.call("script", exten)
    assert len(exchange.children()) == 1
    await exchange.hang_up(channel)
    assert (await exchange.done("Over"))["Status"] == "HANGUP"


async def test_agiexitonhangup_leaves_nobody_behind(exchange: Exchange) -> None:
    exten = exchange.script("ask('WAIT FOR DIGIT -1')\ntime.sleep(1000)")
    channel = await exchange.call("script", f"h-{exten}")
    await exchange.ami.event("AGIExecStart", Command="WAIT FOR DIGIT -1")
    await exchange.hang_up(channel)
    assert (await exchange.done("Over"))["Status"] == "HANGUP"


@pytest.mark.parametrize(
    "text",
    [
        "while True: os.write(1, b'NOOP\\n' * 1000)",
        "while True: os.write(1, b'x' * 100000)",
        "while True: os.write(1, b'\\0' * 1000 + b'\\n')",
        "while True: os.write(2, b'noise\\n' * 1000)",
        "while True: os.write(1, b'VERBOSE \"%s\" 9\\n' % (b'v' * 8000))",
    ],
)
async def test_floods_do_not_hold_up_others(exchange: Exchange, text: str) -> None:
    # Not of each command: the test itself would drown.
    await exchange.ami.action("Events", EventMask="call,dialplan,user")
    exten = exchange.script(text)
    channel = await exchange.call("script", exten)
    for _ in range(5):
        # Another call, from its beginning to its end, while the flood lasts.
        other = await exchange.call("script", exchange.script("assert ask('NOOP') == '200 result=0'"))
        done = await exchange.ami.event("UserEvent", Channel=other)
        assert done["Status"] == "SUCCESS"
    await exchange.hang_up(channel)
    await exchange.done("Over")


async def test_long_lines(exchange: Exchange) -> None:
    exten = exchange.script(
        NOTE
        + """
note(answers=[ask("NOOP " + "x" * 100_000), ask("NOOP " + "x" * 8000), ask("GET VARIABLE A\\0B"), ask("NOOP")])
"""
    )
    await exchange.call("script", exten)
    done = await exchange.done()
    seen = await noted(exchange, done["Uniqueid"])
    assert seen["answers"] == [
        "510 Invalid or unknown command",
        "200 result=0",
        "200 result=0",
        "200 result=0",
    ]


async def test_what_a_script_says_to_standard_error_is_logged(exchange: Exchange) -> None:
    exten = exchange.script("print('it hurts here', file=sys.stderr)\nfor _ in range(200): os.write(2, b'again\\n')")
    await exchange.call("script", exten)
    await exchange.done()
    await exchange.server.wait_log(f"AGI {exten}.py: it hurts here")
    assert exchange.server.log_text().count(f"AGI {exten}.py: again") < 200


async def test_a_script_that_closes_everything(exchange: Exchange) -> None:
    exten = exchange.script("os.closerange(0, 100)\ntime.sleep(1000)")
    channel = await exchange.call("script", exten)
    await exchange.server.sleep(0.3)
    assert len(exchange.children()) == 1
    await exchange.hang_up(channel)
    assert (await exchange.done("Over"))["Status"] == "HANGUP"


async def test_a_redirect_ends_the_script_and_not_the_call(exchange: Exchange) -> None:
    exten = exchange.script("ask('WAIT FOR DIGIT -1')\ntime.sleep(1000)")
    channel = await exchange.call("script", exten)
    await exchange.ami.event("AGIExecStart", Command="WAIT FOR DIGIT -1")
    reply = await exchange.ami.action("Redirect", Channel=channel, Context="elsewhere", Exten="s", Priority="1")
    assert reply["Response"] == "Success"
    elsewhere = await exchange.done("Elsewhere")
    assert (elsewhere["Channel"], elsewhere["Status"]) == (channel, "HANGUP")
    await exchange.hang_up(channel)


@pytest.mark.parametrize(
    "text",
    [
        'for line in ("SET CONTEXT elsewhere", "SET EXTENSION s", "SET PRIORITY there"): ask(line)',
        'for line in ("SET PRIORITY 2", "SET EXTENSION s", "SET CONTEXT elsewhere"): ask(line)',
        'ask("EXEC Goto elsewhere,s,there")',
    ],
)
async def test_a_script_sends_the_call_elsewhere(exchange: Exchange, text: str) -> None:
    channel = await exchange.call("script", exchange.script(text))
    there = await exchange.done("There")
    assert (there["Channel"], there["Status"], there["Context"]) == (channel, "SUCCESS", "elsewhere")
    assert not [each for each in exchange.ami.events if each.get("UserEvent") in {"Done", "Elsewhere"}]
    await exchange.hang_up(channel)


async def test_a_script_in_the_h_extension(exchange: Exchange) -> None:
    exten = exchange.script(
        """
assert ask("STREAM FILE beep ''").startswith("511 ")
assert ask("GET VARIABLE HANGUPCAUSE") == "200 result=1 (17)"
ask("SET VARIABLE SEEN late")
"""
    )
    await exchange.ami.action(
        "Originate",
        Channel="Local/10@late",
        Context="idle",
        Exten="s",
        Priority="1",
        Async="on",
        Variable=f"__LATE={exten}",
    )
    late = await exchange.done("Late")
    assert (late["Status"], late["Seen"]) == ("SUCCESS", "late")


async def test_the_exchange_stops_without_leaving_a_script() -> None:
    from twisted.internet import reactor

    extensions = "[default]\nexten => s,1,AGI(deaf.py)\n"
    server = await LiveServer.start(
        reactor=reactor, extensions="extensions = {}", files={"extensions.conf": extensions}
    )
    script = server.path("astagidir") / "deaf.py"
    script.write_text(HEAD + "signal.signal(signal.SIGHUP, signal.SIG_IGN)\nos.write(2, b'deaf\\n')\ntime.sleep(1000)")
    script.chmod(0o755)
    await server.cli("channel originate Local/s@default application Wait 60")
    await server.wait_log("deaf.py: deaf")
    (pid,) = children_of(server.pid)
    assert await server.stop() == 0
    server.discard()
    for _ in range(100):
        if not is_there(pid):
            return
        await server.sleep(0.05)
    raise AssertionError("the script outlived the exchange")


async def test_events_of_commands(exchange: Exchange) -> None:
    exten = exchange.script("ask('VERBOSE \"a message\" 1')\nask('bogus command')")
    await exchange.call("script", exten)
    started = await exchange.ami.event("AGIExecStart", Command='VERBOSE "a message" 1')
    assert started["Privilege"] == "agi,all"
    ended = await exchange.ami.event("AGIExecEnd", CommandId=started["CommandId"])
    assert [name for name, _ in ended.headers][-4:] == ["CommandId", "Command", "ResultCode", "Result"]
    assert (ended["ResultCode"], ended["Result"]) == ("200", "Success")
    refused = await exchange.ami.event("AGIExecEnd", Command="bogus command")
    assert (refused["ResultCode"], refused["Result"]) == ("510", "Invalid or unknown command")
    await exchange.done()
