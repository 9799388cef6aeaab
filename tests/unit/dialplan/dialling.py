"""Calls that dial."""

from __future__ import annotations

from pathlib import Path

from pbx.testing.dialplan import DialplanCall, DialplanHarness, Plan, extensions


def begin(plan: Plan, body: str, *sounds: str, lua: str = "") -> tuple[DialplanHarness, DialplanCall]:
    """A call to a function of ``body``, where some sounds exist."""
    harness = plan(extensions(body) + lua)
    harness.core.switchboard.sounds.update({name: Path(f"/{name}.wav") for name in sounds})
    return harness, harness.call("100")
