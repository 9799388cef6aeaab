"""cdr_csv and cdr_manager: what keeps the records, and what tells clients of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from twisted.logger import Logger

from pbx.cdr.engine import CdrEngine
from pbx.cdr.record import Cdr, amaflags_text, date_text
from pbx.cdr.settings import FILE
from pbx.cdr.writer import LineWriter
from pbx.config.types import is_true
from pbx.modules import Module, ModuleDeclined

if TYPE_CHECKING:
    from collections.abc import Callable

log = Logger()

_MANAGER_FILE = "cdr_manager.conf"
_CSV_OPTIONS = ("usegmtime", "loguniqueid", "loguserfield", "accountlogs", "newcdrcolumns")


@dataclass(frozen=True, slots=True)
class CdrLogged:
    """A record was finished, and cdr_manager is to tell; ``fields`` are the ones of its own configuration."""

    record: Cdr
    fields: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class CsvSettings:
    """``[csv]`` of cdr.conf."""

    usegmtime: bool = False
    loguniqueid: bool = False
    loguserfield: bool = False
    accountlogs: bool = True
    newcdrcolumns: bool = False


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def csv_line(record: Cdr, settings: CsvSettings) -> str:
    """A record as cdr_csv writes it, with its line end."""
    times = (date_text(when, gmt=settings.usegmtime) for when in (record.start, record.answer, record.end))
    texts = (
        record.accountcode, record.src, record.dst, record.dcontext, record.clid, record.channel, record.dstchannel,
        record.lastapp, record.lastdata,
    )  # fmt: skip
    fields = [_quoted(text) for text in texts]
    fields += [_quoted(text) if text else "" for text in times]
    fields += [str(record.duration), str(record.billsec)]
    fields += [_quoted(record.disposition.text), _quoted(amaflags_text(record.amaflags))]
    if settings.loguniqueid:
        fields.append(_quoted(record.uniqueid))
    if settings.loguserfield:
        fields.append(_quoted(record.userfield))
    if settings.newcdrcolumns:
        fields += [_quoted(record.peeraccount), _quoted(record.linkedid), str(record.sequence)]
    # A line break inside a field would make two records of one.
    return ",".join(fields).replace("\r", " ").replace("\n", " ") + "\n"


class CsvModule(Module):
    """Master.csv, and a file for each account, in the log directory's ``cdr-csv``."""

    name = "cdr_csv"
    description = "Comma Separated Values CDR Backend"
    support_level = "extended"
    requires = ("cdr",)

    async def load(self) -> None:
        self._settings = self._read()
        self._writer = LineWriter(self.server.reactor)
        self._withdraw: Callable[[], None] = self.server.require(CdrEngine).add_backend("csv", self._log)

    async def unload(self) -> None:
        self._withdraw()
        self._writer.flush()

    async def reload(self) -> None:
        self._settings = self._read()

    def _read(self) -> CsvSettings:
        config = self.server.config.load_optional(FILE)
        section = None if config is None else config.section("csv")
        if section is None:
            raise ModuleDeclined(f"{FILE} has no [csv]")
        given = {item.key.lower(): is_true(item.value) for item in section.items}
        return CsvSettings(**{name: given[name] for name in _CSV_OPTIONS if name in given})

    def _log(self, record: Cdr) -> None:
        directory = self.server.directories.log / "cdr-csv"
        line = csv_line(record, self._settings)
        self._writer.write(directory / "Master.csv", line)
        account = record.accountcode
        if not account or not self._settings.accountlogs:
            return
        if "/" in account or "\0" in account or account.startswith("."):
            log.warn("Account code '{account}' insecure for writing file", account=account)
            return
        self._writer.write(directory / f"{account}.csv", line)


class ManagerModule(Module):
    """The manager's event Cdr."""

    name = "cdr_manager"
    description = "Asterisk Manager Interface CDR Backend"
    requires = ("cdr",)

    async def load(self) -> None:
        self._withdraw: Callable[[], None] | None = None
        enabled, self._mappings = self._read()
        self._use(enabled=enabled)

    async def unload(self) -> None:
        self._use(enabled=False)

    async def reload(self) -> None:
        enabled, self._mappings = self._read()
        self._use(enabled=enabled)

    def _read(self) -> tuple[bool, list[tuple[str, str]]]:
        config = self.server.config.load_optional(_MANAGER_FILE)
        if config is None:
            raise ModuleDeclined(f"there is no {_MANAGER_FILE}")
        mappings = config.section("mappings")
        pairs = [] if mappings is None else [(item.key, item.value) for item in mappings.items]
        return is_true(config.get("general", "enabled", "no") or ""), pairs

    def _use(self, *, enabled: bool) -> None:
        if enabled and self._withdraw is None:
            self._withdraw = self.server.require(CdrEngine).add_backend("cdr_manager", self._tell)
        elif not enabled and self._withdraw is not None:
            self._withdraw()
            self._withdraw = None

    def _tell(self, record: Cdr) -> None:
        if self.server.bus.wanted(CdrLogged):
            fields = tuple((name, record.text(field)) for field, name in self._mappings if name)
            self.server.bus.publish(CdrLogged(record, fields))
