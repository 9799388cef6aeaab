"""SIP messages as tests look at them: tolerant reading of text that has already been exchanged."""

from __future__ import annotations

from dataclasses import dataclass

COMPACT_NAMES = {
    "i": "call-id",
    "m": "contact",
    "e": "content-encoding",
    "l": "content-length",
    "c": "content-type",
    "f": "from",
    "s": "subject",
    "k": "supported",
    "t": "to",
    "v": "via",
}


@dataclass(frozen=True)
class SipMessage:
    """First line, headers in order and body of one message; ``text`` is the whole."""

    first_line: str
    headers: tuple[tuple[str, str], ...]
    body: str
    text: str

    @classmethod
    def parse(cls, text: str) -> SipMessage:
        """Read a message; folded header lines are joined, lines without a colon are dropped."""
        head, _, body = text.replace("\r\n", "\n").partition("\n\n")
        first, *lines = head.split("\n")
        headers: list[tuple[str, str]] = []
        for line in lines:
            if line[:1] in (" ", "\t") and headers:
                name, value = headers[-1]
                headers[-1] = (name, f"{value} {line.strip()}")
            elif ":" in line:
                name, _, value = line.partition(":")
                headers.append((name.strip(), value.strip()))
        return cls(first, tuple(headers), body, text)

    @property
    def status(self) -> int:
        """Status code of a response; 0 for a request."""
        return int(self.first_line.split(" ", 2)[1]) if self.first_line.startswith("SIP/2.0 ") else 0

    @property
    def reason(self) -> str:
        """Reason phrase of a response."""
        return self.first_line.split(" ", 2)[2] if self.status else ""

    @property
    def method(self) -> str:
        """Method of a request; empty for a response."""
        return "" if self.status else self.first_line.split(" ", 1)[0]

    @property
    def cseq_method(self) -> str:
        return (self.header("CSeq") or "").rpartition(" ")[2]

    def header(self, name: str) -> str | None:
        """The first header of this name, long or compact form, whatever its case."""
        found = self.all_headers(name)
        return found[0] if found else None

    def all_headers(self, name: str) -> list[str]:
        wanted = _long(name)
        return [value for header, value in self.headers if _long(header) == wanted]


def _long(name: str) -> str:
    lower = name.lower()
    return COMPACT_NAMES.get(lower, lower)
