"""app_db: DBdeltree."""

from __future__ import annotations

from twisted.logger import Logger

from dialplan.arguments import Arguments
from dialplan.registry import SYSTEM, DialplanModule, application
from dialplan.run import RESULT_OK
from dialplan.verbosity import verbose
from pbx.core.channel import Channel

log = Logger()


class DatabaseApplications(DialplanModule):
    """DBdeltree."""

    name = "app_db"
    description = "Database Access Functions"

    @application(
        "DBdeltree",
        "family[/keytree]",
        synopsis="Delete a family or keytree from the asterisk database.",
        see_also=("DB_DELETE", "DB"),
        capability=SYSTEM,
    )
    def app_db_deltree(self, channel: Channel, args: Arguments) -> int:
        family, _, keytree = args.raw.partition("/")
        verbose(log, 3, "DBdeltree: family={family}, keytree={keytree}", family=family, keytree=keytree)
        # Without a family everything would go.
        if family:
            self.server.astdb.delete_tree(family, keytree)
        return RESULT_OK
