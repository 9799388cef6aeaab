"""A web that the test writes: what requests of the exchange are answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pbx.clock import Clock
from pbx.http.client import DEFAULT_BODY, DEFAULT_SECONDS, MAX_REDIRECTS, HttpAnswer, HttpClient, HttpError
from pbx.http.tls import TlsSettings


@dataclass(frozen=True, slots=True)
class Request:
    """A request that was made."""

    method: str
    url: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    redirects: int = MAX_REDIRECTS
    connect_seconds: float | None = None
    tls: TlsSettings | None = None


class FakeWeb(HttpClient):
    """Answers by the longest beginning of a URL that `answer` was given; other requests fail as without a network."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(None, clock)
        self._pages: dict[str, tuple[HttpAnswer, float]] = {}
        self.requests: list[Request] = []

    def answer(
        self,
        url: str,
        body: str = "",
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        *,
        after: float = 0.0,
    ) -> None:
        """What requests get whose URL begins with ``url``, ``after`` seconds of virtual time."""
        got = tuple((name.lower(), value) for name, value in (headers or {}).items())
        self._pages[url] = (HttpAnswer(status, "OK" if status == 200 else "", got, body.encode()), after)

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | Sequence[tuple[str, str]] = (),
        body: bytes | None = None,
        seconds: float = DEFAULT_SECONDS,
        max_body: int = DEFAULT_BODY,
        redirects: int = MAX_REDIRECTS,
        connect_seconds: float | None = None,
        tls: TlsSettings | None = None,
    ) -> HttpAnswer:
        """Note the request and give its answer. Raises HttpError as the real one does."""
        self.requests.append(Request(method, url, dict(headers), body, redirects, connect_seconds, tls))
        known = max((each for each in self._pages if url.startswith(each)), key=len, default=None)
        if known is None:
            raise HttpError(f"the test gives no answer for {url}")
        answer, after = self._pages[known]
        if after:
            await self._clock.sleep(min(after, seconds))
        if after > seconds:
            raise HttpError(f"no answer within {seconds:g} seconds")
        if len(answer.body) > max_body:
            raise HttpError(f"the answer is longer than {max_body} bytes")
        return answer
