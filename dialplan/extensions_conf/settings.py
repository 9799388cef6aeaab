"""The section [general] of extensions.conf."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pbx.config.types import is_true

if TYPE_CHECKING:
    from pbx.config import Config


@dataclass(frozen=True, slots=True)
class Settings:
    """What [general] says. Words it does not have are passed over, as in Asterisk."""

    #: Whether the file may be written by ``dialplan save``; it also needs ``writeprotect`` off.
    static: bool = False
    writeprotect: bool = False
    #: End a call that has run out of steps; without, wait for digits.
    autofallthrough: bool = True
    #: Forget all global variables on a reload.
    clearglobalvars: bool = False
    extenpatternmatchnew: bool = False
    #: ``Name/data`` of a switch that is asked before any extension.
    overrideswitch: str = ""
    userscontext: str = "default"

    @property
    def may_save(self) -> bool:
        return self.static and not self.writeprotect


def read_settings(config: Config) -> Settings:
    """[general], with its defaults."""

    def truth(name: str, default: bool) -> bool:
        value = config.get("general", name)
        return default if value is None else is_true(value)

    return Settings(
        # These four are off where they are not written.
        static=truth("static", default=False),
        writeprotect=truth("writeprotect", default=False),
        autofallthrough=truth("autofallthrough", default=True),
        clearglobalvars=truth("clearglobalvars", default=False),
        extenpatternmatchnew=truth("extenpatternmatchnew", default=False),
        overrideswitch=config.get("general", "overrideswitch") or "",
        userscontext=config.get("general", "userscontext") or "default",
    )
