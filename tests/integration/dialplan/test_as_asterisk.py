"""Managers see of a dialplan what they see with Asterisk: the same calls, the same events.

What is expected was written down from an Asterisk by tools/record_asterisk.py; each file says from which and when.
"""

from __future__ import annotations

import pytest
import pytest_twisted

from tests.integration.dialplan.comparison import Player, Scenario, start_server, without_comment
from tests.integration.dialplan.scenarios import SCENARIOS

#: What Obelisk says otherwise by intent, and Asterisk's text: a place, or what is wrong, where that has none.
OTHERWISE = {
    "Script error: extensions.lua:82: nil": "Script error: stack traceback:",
    "Script error: extensions.lua:83: (error object is a table)": "Script error: attempt to concatenate a table value",
    "Script error: extensions.lua:19: (error object is a table)": "Script error: attempt to concatenate a table value",
    'Script error: extensions.lua: extensions["lua"]["number"] is a number, not a function': (
        "Script error: attempt to call a number value"
    ),
    'Script error: extensions.lua: extensions["lua"]["text_value"] is a string, not a function': (
        "Script error: attempt to call a string value"
    ),
    # The memory that a script may take comes to its end before Lua's own bound, or its time does.
    "Script error: extensions.lua:22: not enough memory": "Script error: extensions.lua:22: stack overflow",
    "Script error: extensions.lua:22: time budget exhausted: string or table functions ran too long without calling an "
    "application": "Script error: extensions.lua:22: stack overflow",
}


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
@pytest_twisted.ensureDeferred
async def test_a_manager_sees_what_asterisk_shows(scenario: Scenario) -> None:
    from twisted.internet import reactor

    expected = without_comment(scenario.expected.read_text("utf-8"))
    server = await start_server(reactor, scenario)
    try:
        player = await Player.of(reactor, server)
        try:
            seen = await player.play(scenario, expected)
        finally:
            await player.close()
    finally:
        await server.stop()
        server.discard()
    assert [OTHERWISE.get(line, line) for line in seen.splitlines()] == expected.splitlines()
