"""Running coroutines that last as long as a call."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

T = TypeVar("T")


def run(coroutine: Coroutine[Deferred[Any], Any, T]) -> Deferred[T]:
    """Run a coroutine: fires with what it returns or raises.

    As ``Deferred.fromCoroutine``, in a third of the memory, which is half a KiB for each of thousands of calls that
    wait: the coroutine has no context variables of its own, and cancelling the Deferred does not reach it.
    """
    running: _Running[T] = _Running()
    running.coroutine = coroutine
    running.resume(None)
    return running


class _Running(Deferred[T]):
    coroutine: Coroutine[Deferred[Any], Any, T]

    def resume(self, result: object) -> None:
        """Go on with what the coroutine waited for, to where it waits next."""
        try:
            if isinstance(result, Failure):
                waiting = result.throwExceptionIntoGenerator(self.coroutine)  # type: ignore[no-untyped-call]
            else:
                waiting = self.coroutine.send(result)
        except StopIteration as end:
            self.callback(end.value)
        except BaseException:  # whatever it is: to be told to whoever has the Deferred
            self.errback()
        else:
            # It has not fired: awaiting one that has does not come here. So this never nests.
            waiting.addBoth(self.resume)
