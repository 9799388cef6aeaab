"""Fixtures of the SIP half."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import pytest_twisted
from twisted.internet import defer

from pbx.testing.sip_half import PJSIP_CONF, RawPhone, SipHalf


@pytest.fixture
def extra_conf() -> str:
    """What a test adds to pjsip.conf, by parametrising this name."""
    return ""


@pytest.fixture
def sip(tmp_path: Path, extra_conf: str) -> Iterator[SipHalf]:
    """The SIP half, running."""
    from twisted.internet import reactor

    half = SipHalf(tmp_path, PJSIP_CONF + extra_conf, reactor)
    pytest_twisted.blockon(defer.ensureDeferred(half.start()))
    yield half
    pytest_twisted.blockon(defer.ensureDeferred(half.stop()))


@pytest.fixture
def phone(sip: SipHalf) -> Iterator[RawPhone]:
    """A phone with a socket of its own."""
    from twisted.internet import reactor

    made = RawPhone(reactor, sip)
    yield made
    pytest_twisted.blockon(defer.maybeDeferred(made.listener.stopListening))
