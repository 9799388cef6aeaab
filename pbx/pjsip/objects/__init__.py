"""The objects of pjsip.conf as typed, immutable values; every option is listed here, whether it acts already or not.

docs/pjsip.md says which ones do. A section's ``type=`` word is the class's ``type_name``.
"""

from __future__ import annotations

from pbx.pjsip.objects.acl import Acl
from pbx.pjsip.objects.aor import Aor
from pbx.pjsip.objects.auth import Auth
from pbx.pjsip.objects.contact import Contact
from pbx.pjsip.objects.domain_alias import DomainAlias
from pbx.pjsip.objects.endpoint import Endpoint
from pbx.pjsip.objects.identify import Identify
from pbx.pjsip.objects.registration import Registration
from pbx.pjsip.objects.settings import GlobalSettings, SystemSettings
from pbx.pjsip.objects.transport import Transport

__all__ = [
    "Acl",
    "Aor",
    "Auth",
    "Contact",
    "DomainAlias",
    "Endpoint",
    "GlobalSettings",
    "Identify",
    "Registration",
    "SystemSettings",
    "Transport",
]
