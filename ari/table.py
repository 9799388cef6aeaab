"""The table of operations: each registers with a decorator that carries its method, path, parameters and errors.

Routing, the checks of parameters, the Swagger 1.1 and OpenAPI 3.1 documents and docs/ari.md are made from it.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ari.request import Request

Handler = Callable[["Request"], "object | Awaitable[object]"]

#: Every error that each operation may answer with, whatever it does itself.
COMMON_ERRORS: Mapping[int, str] = {
    400: "Invalid parameters",
    401: "Authentication required",
    403: "Forbidden",
    404: "Resource not found",
    413: "Request body too large",
    500: "Internal error",
    503: "Asterisk not booted",
}


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter. ``place`` is ``path``, ``query`` or ``body``; ``missing`` is the text of the 400 without it."""

    name: str
    description: str
    place: str
    type: str = "string"
    required: bool = False
    multiple: bool = False
    default: object = None
    allowed: tuple[str, ...] = ()
    minimum: int | None = None
    maximum: int | None = None
    missing: str = ""


def path(name: str, description: str, type: str = "string", allowed: tuple[str, ...] = ()) -> Parameter:  # noqa: A002
    """A segment of the path, ``{name}`` there."""
    return Parameter(name, description, "path", type, required=True, allowed=allowed)


def query(
    name: str,
    description: str,
    *,
    type: str = "string",  # noqa: A002 - Swagger's word
    required: bool | str = False,
    multiple: bool = False,
    default: object = None,
    allowed: tuple[str, ...] = (),
    minimum: int | None = None,
    maximum: int | None = None,
) -> Parameter:
    """A parameter of the query string, or of a form or JSON body.

    ``type`` is string, int, long, double or boolean. ``required`` may be the text of the error without it.
    """
    missing = required if isinstance(required, str) else f"Missing parameter {name}"
    return Parameter(
        name, description, "query", type, bool(required), multiple, default, allowed, minimum, maximum, missing
    )


def body(name: str, description: str, type: str = "containers", required: bool | str = False) -> Parameter:  # noqa: A002
    """An object inside a JSON body; ``containers`` hold names and values, ``object`` anything."""
    missing = required if isinstance(required, str) else f"Missing parameter {name}"
    return Parameter(name, description, "body", type, bool(required), missing=missing)


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path."""

    method: str
    path: str
    nickname: str
    resource: str
    module: str
    handler: Handler
    summary: str
    response: str = "void"
    notes: str = ""
    parameters: tuple[Parameter, ...] = ()
    errors: Mapping[int, str] = field(default_factory=dict)
    #: Whether the path is a WebSocket, reached by upgrade.
    websocket: bool = False
    #: Status of success.
    success: int = 200
    since: tuple[str, ...] = ("12.0.0",)
    #: Names of the path's wildcards, in order.
    path_names: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """Unique among all operations."""
        return f"{self.resource}_{self.nickname}"

    def error_text(self, status: int) -> str:
        """What an error of that status says where the handler says nothing itself."""
        return self.errors.get(status) or COMMON_ERRORS.get(status, "")


class Resource:
    """The operations of one file of Asterisk's ``rest-api/api-docs``; ``module`` serves them while it runs."""

    def __init__(self, name: str, description: str, *, module: str, version: str = "2.0.0") -> None:
        self.name = name
        self.description = description
        self.module = module
        self.version = version
        self.operations: list[Operation] = []

    def operation(
        self,
        method: str,
        path: str,
        nickname: str,
        *,
        summary: str,
        response: str = "void",
        notes: str = "",
        parameters: tuple[Parameter, ...] = (),
        errors: Mapping[int, str] | None = None,
        websocket: bool = False,
        success: int | None = None,
        since: tuple[str, ...] = ("12.0.0",),
    ) -> Callable[[Handler], Handler]:
        """Make a function ``(request) -> answer``, or a coroutine function, the operation of a method and a path.

        ``response`` names a model, ``List[Model]``, ``binary`` or ``void``. ``success`` is 204 for void and 200 else,
        unless given.
        """
        status = success if success is not None else (204 if response == "void" else 200)

        def decorate(handler: Handler) -> Handler:
            self.operations.append(
                Operation(
                    method,
                    path,
                    nickname,
                    self.name,
                    self.module,
                    handler,
                    summary,
                    response,
                    notes,
                    parameters,
                    dict(errors or {}),
                    websocket,
                    status,
                    since,
                    tuple(re.findall(r"\{(\w+)\}", path)),
                )
            )
            return handler

        return decorate
