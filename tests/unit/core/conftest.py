"""Fixtures of the core's tests."""

from __future__ import annotations

import pytest

from pbx.testing.core import FakeCore


@pytest.fixture
def core() -> FakeCore:
    return FakeCore()
