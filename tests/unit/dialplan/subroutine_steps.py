"""Plans of a few steps, with a subroutine to go to."""

from __future__ import annotations

from pbx.testing.dialplan import DialplanCall, DialplanHarness, Plan
from tests.unit.dialplan import steps

SUB = """
[sub]
exten => s,1,Set(GOT=${ARGC}:${ARG1}:${ARG2})
 same => n(said),Set(PLACE=${STACK_PEEK(1,l)}-${STACK_PEEK(1,c)}-${STACK_PEEK(1,e)}-${STACK_PEEK(1,p)})
 same => n,Return(value ${ARG1})
exten => _X.,1,Return(${EXTEN})
exten => plain,1,Return
"""


def conf(*lines: str, more: str = SUB) -> str:
    return steps.conf(*lines, more=more)


def run(plan: Plan, *lines: str, more: str = SUB) -> tuple[DialplanHarness, DialplanCall]:
    return steps.run(plan, *lines, more=more)
