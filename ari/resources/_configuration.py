"""The part of /asterisk that is about stored objects: endpoints, auths and others that sorcery.conf puts somewhere."""

from __future__ import annotations

from ari.replies import AriError
from ari.request import Request
from ari.table import Resource, body, path
from pbx.config.options import ConfigObject
from pbx.errors import ConfigError
from pbx.sorcery.wizards import NotLocal, SorceryError

RESOURCE = Resource("asterisk", "Asterisk resources", module="res_ari_asterisk")
SINCE = ("13.5.0",)
_PATH = "/asterisk/config/dynamic/{configClass}/{objectType}/{id}"
_PLACE = (
    path("configClass", "The configuration class containing dynamic configuration objects."),
    path("objectType", "The type of configuration object."),
    path("id", "The unique identifier of the object."),
)
#: Fields of one object.
MAX_FIELDS = 512


def _kind(request: Request) -> type[ConfigObject]:
    """The class that the path names. Raises AriError 404."""
    sorcery = request.server.sorcery
    module, name = request["configClass"], request["objectType"]
    if module not in {sorcery.module_of(kind) for kind in sorcery.types()}:
        raise AriError(404, f"configClass '{module[:80]}' not found")
    kind = sorcery.class_of(name)
    if kind is None or sorcery.module_of(kind) != module:
        raise AriError(404, f"objectType '{name[:80]}' not found")
    return kind


async def _find(request: Request, kind: type[ConfigObject]) -> ConfigObject | None:
    try:
        return request.server.sorcery.get(kind, request["id"])
    except NotLocal:
        return await request.server.sorcery.fetch(kind, request["id"])


def _shown(request: Request, built: ConfigObject) -> list[dict[str, str]]:
    """The object's options, as they would be written; secrets only to those who may write."""
    pairs = request.server.sorcery.fields(built, secrets=not request.user.read_only)
    return [{"attribute": name, "value": text} for name, text in pairs]


@RESOURCE.operation(
    "GET",
    _PATH,
    "getObject",
    summary="Retrieve a dynamic configuration object.",
    response="List[ConfigTuple]",
    parameters=_PLACE,
    errors={404: "{configClass|objectType|id} not found"},
    since=SINCE,
)
async def get_object(request: Request) -> object:
    kind = _kind(request)
    found = await _find(request, kind)
    if found is None:
        raise AriError(404, f"Object with id '{request['id'][:80]}' not found")
    return _shown(request, found)


@RESOURCE.operation(
    "PUT",
    _PATH,
    "updateObject",
    summary="Create or update a dynamic configuration object.",
    notes='The body holds the fields: {"fields": [{"attribute": "directmedia", "value": "false"}]}',
    response="List[ConfigTuple]",
    parameters=(*_PLACE, body("fields", "The body object, a list of ConfigTuples under 'fields'", type="object")),
    errors={
        400: "Bad request body",
        403: "Could not create or update object",
        404: "{configClass|objectType} not found",
    },
    since=SINCE,
)
async def update_object(request: Request) -> object:
    kind, sorcery = _kind(request), request.server.sorcery
    given = _fields(request)
    present = await _find(request, kind)
    if present is not None and given is None:
        raise AriError(400, f"Fields must be provided to update object '{request['id'][:80]}'")
    fields = given or []
    try:
        built = sorcery.build(kind, request["id"], fields) if present is None else sorcery.changed(present, fields)
    except (ConfigError, ValueError) as error:
        what = f"{'Creation' if present is None else 'Update'} of object '{request['id'][:80]}'"
        raise AriError(400, f"{what} failed field value validation: {error}") from error
    try:
        sorcery.save(built)
    except SorceryError as error:
        what = "create" if present is None else "update"
        raise AriError(403, f"Cannot {what} sorcery objects of type '{kind.type_name}'") from error
    return _shown(request, built)


def _fields(request: Request) -> list[tuple[str, str]] | None:
    """The body's list of attributes and values; None without one. Raises AriError 400."""
    document = request["fields"]
    listed = None if document is None else document.get("fields")
    if listed is None:
        return None
    if not isinstance(listed, list) or len(listed) > MAX_FIELDS:
        raise AriError(400, f"fields must be a list of at most {MAX_FIELDS} attributes and values")
    found: list[tuple[str, str]] = []
    for each in listed:
        name = each.get("attribute") if isinstance(each, dict) else None
        value = each.get("value") if isinstance(each, dict) else None
        if not isinstance(name, str) or not isinstance(value, str) or "\0" in name + value:
            raise AriError(400, "each of fields must hold an attribute and a value, both texts")
        found.append((name, value))
    return found


@RESOURCE.operation(
    "DELETE",
    _PATH,
    "deleteObject",
    summary="Delete a dynamic configuration object.",
    parameters=_PLACE,
    errors={403: "Could not delete object", 404: "{configClass|objectType|id} not found"},
    since=SINCE,
)
async def delete_object(request: Request) -> None:
    kind = _kind(request)
    if await _find(request, kind) is None:
        raise AriError(404, f"Object with id '{request['id'][:80]}' not found")
    try:
        request.server.sorcery.delete(kind, request["id"])
    except SorceryError as error:
        raise AriError(403, f"Could not delete object with id '{request['id'][:80]}'") from error
