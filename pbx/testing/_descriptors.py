"""What a process has open."""

from __future__ import annotations

from pathlib import Path

RTP_POOL = range(10000, 32001)


def open_descriptors(pid: int) -> dict[str, int]:
    """How many descriptors of each kind are open; RTP sockets, which are pooled for reuse, are left out."""
    found: dict[str, int] = {}
    pooled = _datagram_inodes(pid, RTP_POOL)
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        try:
            target = str(entry.readlink())
        except OSError:
            continue
        if target in pooled:
            continue
        kind = target.partition(":")[0] if ":[" in target or target.startswith("anon_inode") else target
        found[kind] = found.get(kind, 0) + 1
    return found


def _datagram_inodes(pid: int, ports: range) -> set[str]:
    """``socket:[INODE]`` of all UDP sockets of a process's network that are bound to one of these ports."""
    found = set()
    for line in Path(f"/proc/{pid}/net/udp").read_text().splitlines()[1:]:
        fields = line.split()
        if int(fields[1].rpartition(":")[2], 16) in ports:
            found.add(f"socket:[{fields[9]}]")
    return found
