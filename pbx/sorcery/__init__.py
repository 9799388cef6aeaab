"""Stored objects: who registers, who calls, where they are reached, and what they are kept in."""

from __future__ import annotations

from pbx.sorcery.files import LoadReport
from pbx.sorcery.sorcery import Sorcery
from pbx.sorcery.wizards import LocalWizard, NotLocal, RemoteWizard, SorceryError

__all__ = ["LoadReport", "LocalWizard", "NotLocal", "RemoteWizard", "Sorcery", "SorceryError"]
