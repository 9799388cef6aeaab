"""``type=auth``: a user name with a password or its hashes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pbx.config import types
from pbx.config.options import ConfigObject, OptionError, option
from pbx.pjsip.digest import Algorithm, Secret
from pbx.pjsip.objects.enums import AuthType
from pbx.pjsip.objects.types import ALGORITHMS, DIGESTS, Digests, choice

MAX_REALM_CHARS = 255


@dataclass(frozen=True, slots=True)
class Auth(ConfigObject):
    """Credentials, for requests to us and for challenges from others."""

    type_name: ClassVar[str] = "auth"

    auth_type: AuthType = option(choice(AuthType), AuthType.USERPASS, help="how the credentials are held")
    username: str = option(types.STRING, "", help="user name; the section's name does not stand in for it")
    password: str = option(types.STRING, "", secret=True, help="password in the clear")
    md5_cred: Digests = option(DIGESTS, (), secret=True, help="MD5 of user:realm:password, as hex")
    password_digest: Digests = option(
        DIGESTS, (), secret=True, help="ALGORITHM:hash of user:realm:password; may be repeated for several algorithms"
    )
    realm: str = option(
        types.STRING, "", help="realm; empty takes default_realm when we challenge, any when challenged"
    )
    nonce_lifetime: int = option(types.integer(0, 86_400), 32, help="seconds for which a challenge can be answered")
    supported_algorithms_uas: tuple[Algorithm, ...] = option(
        ALGORITHMS, (), help="algorithms we challenge with; empty takes default_auth_algorithms_uas"
    )
    supported_algorithms_uac: tuple[Algorithm, ...] = option(
        ALGORITHMS, (), help="algorithms we answer challenges with; empty takes default_auth_algorithms_uac"
    )
    oauth_clientid: str = option(types.STRING, "", help="OAuth client")
    oauth_secret: str = option(types.STRING, "", secret=True, help="OAuth secret")
    refresh_token: str = option(types.STRING, "", secret=True, help="OAuth refresh token")

    @property
    def hashes(self) -> dict[Algorithm, str]:
        """H(A1) by algorithm, from ``md5_cred`` and ``password_digest``."""
        return dict(self.md5_cred) | dict(self.password_digest)

    def usable(self, algorithm: Algorithm) -> bool:
        """Whether these credentials can compute ``algorithm``."""
        return bool(self.password) or algorithm in self.hashes

    def applied(self) -> Auth:
        if not self.username:
            raise OptionError("username", "no authentication username")
        if len(self.realm) > MAX_REALM_CHARS:
            raise OptionError("realm", f"longer than {MAX_REALM_CHARS} characters")
        if self.auth_type is AuthType.GOOGLE_OAUTH:
            for name in ("refresh_token", "oauth_clientid", "oauth_secret"):
                if not getattr(self, name):
                    raise OptionError(name, "google_oauth needs refresh_token, oauth_clientid and oauth_secret")
            return self
        if self.auth_type is AuthType.MD5 and not self.md5_cred:
            raise OptionError("md5_cred", "auth_type=md5 needs md5_cred")
        for option_name in ("supported_algorithms_uas", "supported_algorithms_uac"):
            for algorithm in getattr(self, option_name):
                if not self.usable(algorithm):
                    raise OptionError(option_name, f"there is no password or hash for {algorithm.value}")
        return self

    def secret(self, default_realm: str, default_algorithms: tuple[Algorithm, ...]) -> Secret:
        """What digest verification needs, with the global defaults filled in."""
        wanted = self.supported_algorithms_uas or default_algorithms
        return Secret(
            self.username,
            self.realm or default_realm,
            tuple(algorithm for algorithm in wanted if self.usable(algorithm)),
            self.password or None,
            self.hashes,
            self.nonce_lifetime,
        )
