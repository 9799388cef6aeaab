"""AGI's commands for speech recognition. There are no engines, so they answer as Asterisk does where it has none."""

from __future__ import annotations

from collections.abc import Sequence

from dialplan.agi.interpreter import Interpreter
from dialplan.agi.table import Answer, command, result

_OTHERS = (
    "speech create",
    "speech set",
    "speech destroy",
    "speech load grammar",
    "speech unload grammar",
    "speech activate grammar",
    "speech deactivate grammar",
    "speech recognize",
)
_NONE = " Gives 0, as there is no engine."


@command(
    "speech create",
    "engine",
    arguments=(0, None),
    synopsis="Creates a speech object.",
    description="Creates a speech object for the other speech commands." + _NONE,
    see_also=_OTHERS,
)
def speech_create(agi: Interpreter, words: Sequence[str]) -> Answer:
    return result(0)


@command(
    "speech set",
    "name value",
    arguments=(2, 2),
    synopsis="Sets a speech engine setting.",
    description="Sets a setting of the engine." + _NONE,
    see_also=_OTHERS,
)
def speech_set(agi: Interpreter, words: Sequence[str]) -> Answer:
    return result(0)


@command(
    "speech destroy",
    arguments=(0, None),
    dead=True,
    synopsis="Destroys a speech object.",
    description="Destroys what speech create made." + _NONE,
    see_also=_OTHERS,
)
def speech_destroy(agi: Interpreter, words: Sequence[str]) -> Answer:
    return result(0)


@command(
    "speech load grammar",
    "grammar_name path_to_grammar",
    arguments=(2, 2),
    synopsis="Loads a grammar.",
    description="Loads a grammar under a name." + _NONE,
    see_also=_OTHERS,
)
def speech_load_grammar(agi: Interpreter, words: Sequence[str]) -> Answer:
    return result(0)


@command(
    "speech unload grammar",
    "grammar_name",
    arguments=(1, 1),
    dead=True,
    synopsis="Unloads a grammar.",
    description="Unloads a grammar." + _NONE,
    see_also=_OTHERS,
)
def speech_unload_grammar(agi: Interpreter, words: Sequence[str]) -> Answer:
    return result(0)


@command(
    "speech activate grammar",
    "grammar_name",
    arguments=(1, 1),
    synopsis="Activates a grammar.",
    description="Activates a grammar." + _NONE,
    see_also=_OTHERS,
)
def speech_activate_grammar(agi: Interpreter, words: Sequence[str]) -> Answer:
    return result(0)


@command(
    "speech deactivate grammar",
    "grammar_name",
    arguments=(1, 1),
    synopsis="Deactivates a grammar.",
    description="Deactivates a grammar." + _NONE,
    see_also=_OTHERS,
)
def speech_deactivate_grammar(agi: Interpreter, words: Sequence[str]) -> Answer:
    return result(0)


@command(
    "speech recognize",
    "prompt timeout [offset]",
    arguments=(2, None),
    synopsis="Recognizes speech.",
    description="Plays a prompt and listens for speech and digits." + _NONE,
    see_also=_OTHERS,
)
def speech_recognize(agi: Interpreter, words: Sequence[str]) -> Answer:
    return result(0)
