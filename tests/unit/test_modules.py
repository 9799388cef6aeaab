"""Loading modules in the order of their needs, and refusing what would break others."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

from pbx.modules import Module, ModuleBusy, ModuleDeclined, ModuleError, ModulePolicy, ModuleRegistry, ModuleState
from pbx.testing.deferreds import result_of, start

EVENTS: list[str] = []


@pytest.fixture(autouse=True)
def _clear() -> None:
    EVENTS.clear()


class Recorded(Module):
    """Says what was done to it."""

    async def load(self) -> None:
        EVENTS.append(f"load {self.name}")

    async def unload(self) -> None:
        EVENTS.append(f"unload {self.name}")

    async def reload(self) -> None:
        EVENTS.append(f"reload {self.name}")


class Base(Recorded):
    name = "res_base"


class User(Recorded):
    name = "app_user"
    requires: ClassVar[tuple[str, ...]] = ("res_base",)


class Declining(Recorded):
    name = "res_declining"

    async def load(self) -> None:
        raise ModuleDeclined("it has no configuration")


class NeedsDeclining(Recorded):
    name = "app_needs"
    requires: ClassVar[tuple[str, ...]] = ("res_declining",)


def registry(*kinds: type[Module]) -> ModuleRegistry:
    server: Any = object()
    return ModuleRegistry(server, kinds or (User, Base))


def done(coroutine: Any) -> None:
    result_of(start(coroutine))


def test_needs_come_first_and_leave_last() -> None:
    modules = registry()
    done(modules.start(ModulePolicy()))
    done(modules.stop())
    assert EVENTS == ["load res_base", "load app_user", "unload app_user", "unload res_base"]


def test_noload_wins_and_what_needs_it_declines() -> None:
    modules = registry()
    done(modules.start(ModulePolicy(noload={"res_base"})))
    assert EVENTS == []
    assert dict(modules.entries())["app_user"].state is ModuleState.DECLINED


def test_without_autoload_only_what_is_named_loads() -> None:
    modules = registry()
    done(modules.start(ModulePolicy(autoload=False, load=["res_base.so"])))
    assert EVENTS == ["load res_base"]


def test_a_declining_module_takes_its_users_with_it_but_not_the_exchange() -> None:
    modules = registry(Declining, NeedsDeclining, Base)
    done(modules.start(ModulePolicy()))
    assert [name for name, entry in modules.entries() if entry.state is ModuleState.RUNNING] == ["res_base"]


def test_a_required_module_that_does_not_run_stops_the_start() -> None:
    with pytest.raises(ModuleError, match=r"res_declining.*no configuration"):
        done(registry(Declining).start(ModulePolicy(require={"res_declining"})))


def test_what_others_need_is_not_unloaded() -> None:
    modules = registry()
    done(modules.start(ModulePolicy()))
    with pytest.raises(ModuleBusy, match="app_user"):
        done(modules.unload("res_base"))
    done(modules.unload("app_user"))
    done(modules.unload("res_base"))
    assert not modules.is_running("res_base")


def test_reload_of_one_and_of_all() -> None:
    modules = registry()
    done(modules.start(ModulePolicy()))
    EVENTS.clear()
    done(modules.reload("app_user.so"))
    done(modules.reload())
    assert EVENTS == ["reload app_user", "reload res_base", "reload app_user"]
    with pytest.raises(ModuleError, match="not loaded"):
        done(modules.reload("nothing"))


def test_modules_that_need_each_other_are_named() -> None:
    class One(Recorded):
        name = "one"
        requires: ClassVar[tuple[str, ...]] = ("two",)

    class Two(Recorded):
        name = "two"
        requires: ClassVar[tuple[str, ...]] = ("one",)

    with pytest.raises(ModuleError, match=r"one -> two -> one|need each other"):
        done(registry(One, Two).load("one"))
