"""Whether what app_while and app_if begin is ended, in each extension of extensions.conf."""

from __future__ import annotations

from dataclasses import dataclass

from dialplan.lint.world import Step, World

CHECK = "unbalanced-block"


@dataclass(frozen=True, slots=True)
class _Block:
    """What begins a block, what ends it, and what stands only inside; the names as they are shown."""

    begin: str
    end: str
    inside: tuple[str, ...]


_BLOCKS = (
    _Block("While", "EndWhile", ("ExitWhile", "ContinueWhile")),
    _Block("If", "EndIf", ("ElseIf", "Else", "ExitIf")),
)


def check_blocks(world: World) -> None:
    """Look at every extension whose steps are all there, from priority 1 on."""
    extensions: dict[tuple[str, str], dict[int, Step]] = {}
    for step in world.steps:
        if step.context and step.number:
            extensions.setdefault((step.context, step.exten), {})[step.number] = step
    for steps in extensions.values():
        # What is missing may be in another extension that takes the same numbers.
        if set(steps) == set(range(1, len(steps) + 1)):
            for block in _BLOCKS:
                _check(world, block, [steps[number] for number in sorted(steps)])


def _check(world: World, block: _Block, steps: list[Step]) -> None:
    inside = {name.lower(): name for name in block.inside}
    begun: list[Step] = []
    for step in steps:
        name = step.application.lower()
        if name == block.begin.lower():
            begun.append(step)
        elif name == block.end.lower():
            if begun:
                begun.pop()
            else:
                world.tell(CHECK, step.place, f"{block.end} without {block.begin} before it")
        elif name in inside and not begun:
            world.tell(CHECK, step.place, f"{inside[name]} outside of {block.begin} and {block.end}")
    for step in begun:
        world.tell(CHECK, step.place, f"{block.begin} without {block.end} in its extension")
