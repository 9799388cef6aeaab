"""Write docs/agi.md: what is written here, and the table of commands from the program's own.

python tools/make_agi_docs.py            writes the file
python tools/make_agi_docs.py --check    exits with 1 when it is stale
"""

from __future__ import annotations

import sys

from dialplan.agi.commands import COMMANDS
from dialplan.agi.conversation import DEAD_SECONDS
from dialplan.agi.lines import MAX_LINE
from dialplan.agi.link import UNREAD_SECONDS
from dialplan.agi.network import CONNECT_SECONDS, PORT
from dialplan.agi.script import GRACE_SECONDS
from pbx.core.agi import MAX_QUEUED
from tools.page import DOCS, write_or_check

TARGET = DOCS / "agi.md"

HEAD = f"""# AGI

The module `res_agi` lets programs in any language control a call, line by line, as Asterisk 22 does. Programs written
for it run unchanged. This page is made by `tools/make_agi_docs.py`; a test fails when it is stale.

    exten => 100,1,AGI(hello.py,first argument)          ; a file of astagidir: a process each
    exten => 101,1,AGI(agi://host:{PORT}/some/script)      ; a FastAGI server: a connection each
    exten => 102,1,AGI(hagi://example.com/some/script)   ; one of those that SRV records of _agi._tcp.example.com name
    exten => 103,1,AGI(agi:async)                        ; managers, who send commands by the AMI action AGI
    exten => 104,1,EAGI(listen.py)                       ; as AGI, with what the caller says on descriptor 3

`AGISTATUS` tells how it went: SUCCESS, FAILURE (it could not be run, or ended with another status than 0), NOTFOUND,
HANGUP. On an originated call AMI and ARI users need the right `system` to run any of them.

When the call is hung up a file gets SIGHUP and a server the line `HANGUP`, unless the variable AGISIGHUP is `no`; then
only the commands marked below work, others are answered `511`. AGIEXITONHANGUP=`yes` ends the program's part at once.

EAGI gives 16-bit samples of 8 kHz, or as the variable EAGI_AUDIO_FORMAT says: slin, slin16, ulaw, alaw. They come
20 ms at a time, also while a command runs; what the program does not read is lost. It takes one more pair of RTP ports.

The action AGI needs the class `agi`. What a command names counts as in Originate: without the class `system` a user may
not send `EXEC System`, or read SHELL(), and is answered `Permission denied`.

## Differences from Asterisk, by intent

- A line break in a value of the environment becomes a blank, so that nobody's name can forge a line.
- A line of more than {MAX_LINE} bytes is one unknown command, not several. Commands sent ahead of answers are all run;
  as in Asterisk, one that waits for the caller gives way to the next.
- A program that leaves its answers unread for {UNREAD_SECONDS:g} s is given up; Asterisk loses answers after 0.1 s.
- A program that says nothing for {DEAD_SECONDS:g} s after its call has ended is ended too, and a process that outlives
  its conversation by {GRACE_SECONDS:g} s is killed; Asterisk waits for ever.
- At most {MAX_QUEUED} commands wait for a call in AsyncAGI. Its answers are not cut at 1024 bytes.
- Each address of a FastAGI server has {CONNECT_SECONDS:g} s to accept, but several are tried side by side.
- There is no speech engine, no text telephone and no channel that takes images; their commands answer accordingly.

## Commands

| Command | What it does | Without a call |
|---|---|---|
"""


def page() -> str:
    """The whole page."""
    rows = []
    for each in sorted(COMMANDS, key=lambda command: command.name):
        usage = f"{each.name.upper()} {each.syntax}".rstrip().replace("|", "\\|")
        rows.append(f"| `{usage}` | {each.description} | {'yes' if each.dead else ''} |\n")
    return HEAD + "".join(rows)


if __name__ == "__main__":
    sys.exit(write_or_check(TARGET, page()))
