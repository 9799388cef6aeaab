"""SIPp under our control, one scenario against another, without an exchange."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import pytest_twisted

from pbx.testing.sipp import SippFailed, SippProcess, run_sipp

pytestmark = pytest.mark.e2e
SCENARIOS = Path(__file__).parent / "sipp"


def _reactor() -> Any:
    from twisted.internet import reactor

    return reactor


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize(
    ("caller", "callee"),
    [
        ("uac_until_bye", "uas_hangup"),
        ("uac_late_offer", "uas_hangup"),
        ("uac_hangup", "uas_answer"),
        ("uac_cancel", "uas_cancelled"),
    ],
)
async def test_scenarios_fit_together(caller: str, callee: str) -> None:
    uas = await SippProcess.start(SCENARIOS / f"{callee}.xml", reactor=_reactor(), calls=3)
    result = await run_sipp(SCENARIOS / f"{caller}.xml", uas.address, reactor=_reactor(), calls=3)
    assert (result.successful, result.failed) == (3, 0)
    assert (await uas.finish()).successful == 3


@pytest_twisted.ensureDeferred
async def test_failure_tells_what_sipp_saw() -> None:
    uas = await SippProcess.start(SCENARIOS / "uas_refuse.xml", reactor=_reactor(), fill={"CODE": "486"}, calls=2)
    await run_sipp(SCENARIOS / "uac_refused.xml", uas.address, reactor=_reactor(), fill={"CODE": "486"})
    with pytest.raises(SippFailed, match="486 Refused"):
        await run_sipp(SCENARIOS / "uac_hangup.xml", uas.address, reactor=_reactor())
    await uas.finish()
