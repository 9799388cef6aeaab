"""What one section of pjsip.conf cannot see: names that lead nowhere. Logged with their places; nothing is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pbx.errors import ConfigError
from pbx.pjsip.digest import Algorithm
from pbx.pjsip.objects import Aor, Auth, Endpoint, GlobalSettings, Identify, Transport

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pbx.config.options import ConfigObject
    from pbx.sorcery import Sorcery


def _at(item: ConfigObject, message: str) -> ConfigError:
    source = item.source
    text = f"{item.type_name} '{item.id}' {message}"
    return ConfigError(text) if source is None else ConfigError(text, source.path, source.line)


def dangling_names(sorcery: Sorcery) -> list[ConfigError]:
    """One error for each name of an auth, transport or endpoint that no section has.

    Objects from other wizards may come later, so an address of record need not be there.
    """
    auths = {auth.id: auth for auth in sorcery.all(Auth)}
    transports = {transport.id for transport in sorcery.all(Transport)}
    endpoints = {endpoint.id for endpoint in sorcery.all(Endpoint)}
    found: list[ConfigError] = []
    for endpoint in sorcery.all(Endpoint):
        found += [
            _at(endpoint, f"has {option_name} = {name}, which does not exist: nobody gets in by it")
            for option_name in ("auth", "outbound_auth")
            for name in getattr(endpoint, option_name)
            if name not in auths
        ]
        if endpoint.transport and endpoint.transport not in transports:
            found.append(_at(endpoint, f"has transport = {endpoint.transport}, which does not exist"))
    found += [
        _at(each, f"has endpoint = {each.endpoint}, which does not exist")
        for each in (sorcery.all(Identify) if Identify in sorcery.types() else ())
        if each.endpoint not in endpoints
    ]
    found += _unusable(sorcery, auths.values())
    return found


def _unusable(sorcery: Sorcery, auths: Iterable[Auth]) -> list[ConfigError]:
    settings = next(iter(sorcery.all(GlobalSettings)), GlobalSettings("global"))
    named = {name for endpoint in sorcery.all(Endpoint) for name in endpoint.auth}
    found: list[ConfigError] = []
    for auth in auths:
        wanted: tuple[Algorithm, ...] = auth.supported_algorithms_uas or settings.default_auth_algorithms_uas
        if auth.id in named and not any(auth.usable(algorithm) for algorithm in wanted):
            names = ", ".join(algorithm.value for algorithm in wanted)
            found.append(_at(auth, f"has no password or hash for {names}: nobody gets in by it"))
    return found


def missing_aors(sorcery: Sorcery) -> list[ConfigError]:
    """Addresses of record that endpoints name and that are not there: allowed, worth a look."""
    known = {aor.id for aor in sorcery.all(Aor)}
    return [
        _at(endpoint, f"has aors = {name}, which does not exist: it cannot be called there")
        for endpoint in sorcery.all(Endpoint)
        for name in endpoint.aors
        if name not in known
    ]
