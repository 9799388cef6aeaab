"""Managers see of a dialplan what they see with Asterisk: the same calls, the same events.

What is expected was written down from an Asterisk by tools/record_asterisk.py; each file says from which and when.
"""

from __future__ import annotations

import pytest
import pytest_twisted

from tests.integration.dialplan.comparison import Player, Scenario, start_server, without_comment
from tests.integration.dialplan.scenarios import SCENARIOS


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
@pytest_twisted.ensureDeferred
async def test_a_manager_sees_what_asterisk_shows(scenario: Scenario) -> None:
    from twisted.internet import reactor

    server = await start_server(reactor, scenario)
    try:
        player = await Player.of(reactor, server)
        try:
            seen = await player.play(scenario)
        finally:
            await player.close()
    finally:
        await server.stop()
        server.discard()
    assert seen.splitlines() == without_comment(scenario.expected.read_text("utf-8")).splitlines()
