"""manager.conf: the interface's settings and its users, as typed options.

A user is a section named for it. What a reload changes holds for the next login; sessions keep what they had, as in
Asterisk.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar

from ami.classes import ALL, NONE, class_text, classes_of, parse_classes
from ami.filters import MAX_FILTERS, Filter, FilterError, parse_option
from ami.lists import split_list
from ami.secrets import HashedSecret, parse_secret
from pbx.config import types
from pbx.config.errors import flatten, raise_if_any
from pbx.config.options import ConfigObject, OptionError, option, parse_section
from pbx.config.types import AccessList
from pbx.errors import ConfigError

if TYPE_CHECKING:
    from pbx.config import Config, ConfigLoader, Section

FILE = "manager.conf"
ACL_FILE = "acl.conf"
DEFAULT_PORT = 5038
DEFAULT_TLS_PORT = 5039
#: Least milliseconds a client has to take what was written to it.
MIN_WRITE_TIMEOUT_MS = 100

_LATER = "accepted from Asterisk's file; changes nothing here yet"


def _parse_names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in split_list(text) if name.strip())


VARIABLE_NAMES = types.custom("names of variables and functions, with commas between", _parse_names, ",".join)
CLASSES = types.custom("classes of the manager, with commas between", parse_classes, class_text)


@dataclass(frozen=True, slots=True)
class General(ConfigObject):
    """``[general]`` of manager.conf."""

    type_name: ClassVar[str] = "general"

    enabled: bool = option(types.YESNO, False, help="whether the manager listens")
    bindaddr: str = option(types.STRING, "127.0.0.1", help="address it listens on")
    port: int = option(types.integer(0, 65535), DEFAULT_PORT, help="TCP port")
    tlsenable: bool = option(types.YESNO, False, aliases=("sslenable",), help="whether it listens for TLS as well")
    tlsbindaddr: str = option(
        types.STRING, "", aliases=("sslbindaddr",), help="address or address:port for TLS (bindaddr and 5039)"
    )
    tlscertfile: str = option(types.STRING, "", aliases=("sslcert", "tlscert"), help="certificate chain, PEM")
    tlsprivatekey: str = option(types.STRING, "", help="private key, PEM; by default in tlscertfile")
    authlimit: int = option(types.integer(1, 10000), 50, help="connections not logged in at one time")
    authtimeout: int = option(types.integer(1, 3600), 30, help="seconds to log in")
    allowmultiplelogin: bool = option(types.YESNO, True, help="whether a user may be logged in twice")
    displayconnects: bool = option(types.YESNO, True, help="whether logins and logoffs are logged (verbose 2)")
    timestampevents: bool = option(types.YESNO, False, help="whether events carry a Timestamp header")
    brokeneventsaction: bool = option(
        types.YESNO, False, help="whether the action Events gives no reply when everything is asked for"
    )
    channelvars: tuple[str, ...] = option(
        VARIABLE_NAMES, (), help="variables and functions of a channel that its events carry as ChanVariable"
    )
    disabledevents: tuple[str, ...] = option(types.COMMA_LIST, (), help="names of events that are never made")
    webenabled: bool = option(types.YESNO, False, help="whether the manager is served over HTTP too (http.conf)")
    httptimeout: int = option(types.integer(1, 86_400), 60, help="seconds a session over HTTP is kept between requests")
    debug: bool = option(types.YESNO, False, hidden=True, help=_LATER)
    tls_options: tuple[tuple[str, str], ...] = option(types.PREFIXED, (), prefix="tls", hidden=True, help=_LATER)

    def applied(self) -> General:
        """Check the options against each other. Raises OptionError."""
        if self.tlsenable and not self.tlscertfile:
            raise OptionError("tlscertfile", "is needed where tlsenable is yes")
        return self


@dataclass(frozen=True, slots=True)
class User(ConfigObject):
    """A user of the manager; ``id`` is the name to log in with."""

    type_name: ClassVar[str] = "user"

    secret: str = option(
        types.STRING, "", secret=True, help="password: plain, ${ENV:NAME}, or hashed by python -m ami.secrets"
    )
    read: int = option(CLASSES, NONE, help="classes of events the user gets")
    write: int = option(CLASSES, NONE, help="classes of actions the user may take")
    address_rules: AccessList = option(
        types.ACCESS_LIST, AccessList(), names=("permit", "deny"), help="networks the user may come from"
    )
    acl: tuple[str, ...] = option(
        types.accumulate(types.COMMA_LIST), (), help="lists of acl.conf that must let the user in"
    )
    allowmultiplelogin: bool = option(types.YESNO, True, help="whether the user may be logged in twice")
    displayconnects: bool = option(types.YESNO, True, help="whether the user's logins are logged")
    writetimeout: int = option(
        types.integer(MIN_WRITE_TIMEOUT_MS, 3_600_000), 30_000, help="milliseconds a client may leave data unread"
    )
    setvar: tuple[tuple[str, str], ...] = option(
        types.VARIABLES, (), help="variables set on channels the user originates"
    )
    eventfilter: tuple[tuple[str, str], ...] = option(
        types.PREFIXED, (), prefix="eventfilter", help="events to include or exclude"
    )


@dataclass(frozen=True, slots=True)
class NamedAcl(ConfigObject):
    """A section of acl.conf."""

    type_name: ClassVar[str] = "acl"

    rules: AccessList = option(
        types.ACCESS_LIST, AccessList(), names=("permit", "deny"), help="networks let in or kept out"
    )


@dataclass(frozen=True, slots=True)
class Account:
    """A user ready for logins."""

    user: User
    secret: str | HashedSecret = field(repr=False)
    filters: tuple[Filter, ...]
    acls: tuple[AccessList, ...]

    @property
    def name(self) -> str:
        return self.user.id

    def admits(self, address: str) -> bool:
        """Whether the user may come from an IP address."""
        return all(acl.permits(address) for acl in self.acls)


@dataclass(frozen=True, slots=True)
class ManagerConfig:
    """manager.conf as a whole."""

    general: General = field(default_factory=General)
    accounts: dict[str, Account] = field(default_factory=dict)


def read_manager_conf(loader: ConfigLoader) -> ManagerConfig:
    """manager.conf; without the file the manager is off. Raises ConfigErrors with everything that is wrong."""
    config = loader.load_optional(FILE)
    if config is None:
        return ManagerConfig()
    general = config.section("general")
    settings = parse_section(General, general)
    chosen = frozenset(item.key.lower() for item in general.items) if general is not None else frozenset()
    defaults = {name: getattr(settings, name) for name in _INHERITED if name in chosen}
    errors: list[ConfigError] = []
    accounts: dict[str, Account] = {}
    acl_config = loader.load_optional(ACL_FILE)
    for section in config.sections:
        if section.name.lower() == "general":
            continue
        try:
            if section.name in accounts:
                raise ConfigError(f"user '{section.name}' is defined twice", section.path, section.line)
            accounts[section.name] = _account(section, defaults, acl_config)
        except ConfigError as error:
            errors += flatten(error)
    raise_if_any(errors)
    return ManagerConfig(settings, accounts)


#: Options of a user whose default [general] gives.
_INHERITED = ("allowmultiplelogin", "displayconnects")


def _account(section: Section, defaults: dict[str, bool], acl_config: Config | None) -> Account:
    user = parse_section(User, section)
    own = {item.key.lower() for item in section.items}
    kept: dict[str, Any] = {name: value for name, value in defaults.items() if name not in own}
    user = replace(user, **kept)
    errors: list[ConfigError] = []

    def wrong(word: str, reason: str) -> None:
        item = section.last(word)
        errors.append(ConfigError(f"{word}: {reason}", section.path, section.line if item is None else item.line))

    secret: str | HashedSecret = ""
    try:
        secret = parse_secret(user.secret)
    except ValueError as error:
        wrong("secret", str(error))
    filters = []
    for word, value in user.eventfilter:
        try:
            filters.append(parse_option(word, value))
        except FilterError as error:
            wrong(word, str(error))
    if len(filters) > MAX_FILTERS:
        wrong("eventfilter", f"{len(filters)} filters; at most {MAX_FILTERS}")
    acls = [user.address_rules]
    for name in user.acl:
        named = None if acl_config is None else acl_config.section(name)
        if named is None:
            wrong("acl", f"there is no [{name}] in {ACL_FILE}")
        else:
            acls.append(parse_section(NamedAcl, named).rules)
    raise_if_any(errors)
    return Account(user, secret, tuple(filters), tuple(acls))


__all__ = [
    "ALL",
    "FILE",
    "Account",
    "General",
    "ManagerConfig",
    "NamedAcl",
    "User",
    "classes_of",
    "read_manager_conf",
]
