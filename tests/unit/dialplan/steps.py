"""Plans of a few steps, run in 100 of ``default``."""

from __future__ import annotations

from pbx.testing.dialplan import DialplanCall, DialplanHarness, Plan


def conf(*steps: str, more: str = "") -> str:
    """100 of ``default`` runs the steps; ``h`` sets H."""
    body = "\n".join(f"exten => 100,{number},{step}" for number, step in enumerate(steps, 1))
    return f"[default]\n{body}\nexten => h,1,Set(H=yes)\n{more}"


def run(plan: Plan, *steps: str, more: str = "") -> tuple[DialplanHarness, DialplanCall]:
    harness = plan(extensions_conf=conf(*steps, more=more))
    return harness, harness.call("100")


def trace(name: str) -> str:
    """A step that adds a letter to T."""
    return f"Set(T=${{T}}{name})"
