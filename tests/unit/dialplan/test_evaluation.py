"""Functions that evaluate, and those that reach other channels."""

from __future__ import annotations

from pbx.testing.deferreds import result_of, start
from pbx.testing.dialplan import DialplanCall, DialplanHarness, Plan
from tests.unit.dialplan.steps import conf, run


class TestFunctions:
    def read(self, plan: Plan, text: str, *before: str, more: str = "") -> str | None:
        _harness, call = run(plan, *before, f"Set(A=<{text}>)", more=more)
        return call.variable("A")

    def test_set_and_eval(self, plan: Plan) -> None:
        assert self.read(plan, "${SET(B= 5 )}${B}") == "<55>"
        assert self.read(plan, "${SET(GLOBAL(G)=7)}${GLOBAL(G)}") == "<77>"
        assert self.read(plan, "${SET(B)}${SET(=1)}") == "<>"
        assert self.read(plan, "${EVAL()}") == "<>"
        harness = plan(extensions_conf=conf("Set(C=x)", "Set(A=${EVAL(${B})})"))
        harness.server.channels.set_global("B", "${C}y")
        assert harness.call("100").variable("A") == "xy"

    def test_eval_that_evaluates_itself(self, plan: Plan) -> None:
        harness = plan(extensions_conf=conf("Set(A=${EVAL(${B})})", "Set(T=1)"))
        harness.server.channels.set_global("B", "${EVAL(${B})}")
        call = harness.call("100")
        assert (call.ended, call.variable("T")) == (True, "1")
        assert harness.logged("Exceeded maximum variable substitution recursion depth")

    def test_other_channels(self, plan: Plan) -> None:
        harness, call = run(plan, "Set(X=abc)", "Answer", "Wait(9)")
        name = call.channel.name
        harness.write(
            "extensions.conf",
            f"[default]\nexten => 100,1,NoOp\n[b]\nexten => 1,1,Set(A=${{IMPORT({name},X)}}${{IMPORT({name},X:1)}}"
            f"${{IMPORT({name},CHANNEL(state))}}${{IMPORT(gone,X)}}${{IMPORT({name})}})\n"
            f" same => n,Set(EXPORT({name},Y)=set)\n same => n,Set(EXPORT({name},CHANNEL(language))=fr)\n"
            " same => n,Set(EXPORT(gone,Y)=1)\n same => n,Set(EXPORT(x)=1)\n same => n,Set(B=${EXPORT(x,y)})\n",
        )
        harness.server.config.forget()
        waiting = start(harness.server.modules.reload("pbx_config"))
        harness.core.clock.advance(0)
        result_of(waiting)
        other = harness.call("1", "b")
        assert (other.variable("A"), other.variable("B")) == ("abcbcUp", "")
        assert (call.variable("Y"), call.channel.language) == ("set", "fr")
        assert harness.logged("Channel 'gone' not found! 'Y' not set.")
        call.far.hang_up()

    def test_the_master_channel(self, plan: Plan) -> None:
        more = (
            "[pre]\nexten => s,1,Set(A=${MASTER_CHANNEL(X)}${MASTER_CHANNEL(CHANNEL(exten))})\n"
            " same => n,Set(MASTER_CHANNEL(FROM)=${CHANNEL(name)})\n"
            " same => n,Set(MASTER_CHANNEL(CHANNEL(language))=fr)\n same => n,Return\n"
        )
        harness, call = run(
            plan, "Set(X=caller)", "Set(MASTER_CHANNEL(S)=self)", "Dial(Fake/bob,9,b(pre^s^1))", more=more
        )
        bob = harness.core.fake.drivers["bob"][-1].channel
        assert bob.variables.get("A") == "caller100"
        assert (call.variable("FROM"), call.channel.language, call.variable("S")) == (bob.name, "fr", "self")
        call.far.hang_up()

    EXTENS = """[table]
exten => _1XX,1,Return(one ${EXTEN} ${CONTEXT} ${PRIORITY} ${X})
exten => _2XX,1(way),NoOp(two)
exten => s,1,Set(LOCAL(v)=${ARG1})
 same => n,Return(${v}${v})
exten => wait,1,Wait(5)
 same => n,Return(late)
exten => deep,1,Return(${EVAL_SUB(table,deep,1)})
"""

    def test_eval_exten(self, plan: Plan) -> None:
        assert self.read(plan, "${EVAL_EXTEN(table,123,1)}", "Set(X=x)", more=self.EXTENS) == "<one 123 table 1 x>"
        assert self.read(plan, "${EVAL_EXTEN(table,200,way)}", more=self.EXTENS) == "<two>"
        assert self.read(plan, "${EVAL_EXTEN(1)}", "NoOp(mine)", more=self.EXTENS) == "<mine>"
        assert self.read(plan, "${EVAL_EXTEN(table,999,1)}${EVAL_EXTEN()}${EVAL_EXTEN(table,1,x)}") == "<>"

    def test_eval_sub(self, plan: Plan) -> None:
        assert self.read(plan, "${EVAL_SUB(table,s,1(ab))}-${EXTEN}", more=self.EXTENS) == "<abab-100>"
        assert self.read(plan, "${EVAL_SUB(table,gone,1)}${EVAL_SUB()}", "Set(GOSUB_RETVAL=stale)") == "<>"
        harness, call = run(plan, "Set(A=${EVAL_SUB(table,wait,1)})", more=self.EXTENS)
        assert call.channel.exten == "wait"
        harness.core.clock.advance(5)
        assert call.variable("A") == "late"

    def test_eval_sub_that_calls_itself(self, plan: Plan) -> None:
        harness, call = run(plan, "Set(A=${EVAL_SUB(table,deep,1)})", "Set(T=1)", more=self.EXTENS)
        assert (call.ended, call.variable("T")) == (True, "1")
        assert harness.logged("subroutines wait for each other")

    def test_eval_sub_from_lua_and_inside_a_subroutine_that_waited(self, plan: Plan) -> None:
        more = "[outer]\nexten => s,1,Wait(1)\n same => n,Return(<${EVAL_SUB(table,s,1(x))}>)\n"
        harness = plan(
            """extensions = { default = { ["100"] = function()
                channel.A = channel.EVAL_SUB("outer", "s", "1"):get() channel.T = "on"
            end } }""",
            extensions_conf=more + self.EXTENS,
        )
        call = harness.call("100")
        harness.core.clock.advance(1)
        assert (call.variable("A"), call.variable("T"), call.ended) == ("<xx>", "on", True)

    def test_eval_sub_while_an_application_waits_is_refused(self, plan: Plan) -> None:
        harness, call = run(plan, "Wait(9)", more=self.EXTENS)
        waiting = start(self._read(harness, call))
        assert waiting.called
        waiting.addErrback(lambda _failure: None)
        assert harness.logged("an application is busy here")
        assert (call.channel.exten, call.channel.priority) == ("100", 1)
        call.far.hang_up()

    @staticmethod
    async def _read(harness: DialplanHarness, call: DialplanCall) -> str:
        value = harness.engine.read_function(call.channel, "EVAL_SUB(table,s,1(x))")
        return value if isinstance(value, str) else await value

    def test_clear_hash_and_dbdeltree(self, plan: Plan) -> None:
        _harness, call = run(
            plan,
            *("Set(HASH(h,a)=1)", "Set(HASH(h,b)=2)", "Set(HASH(other,a)=3)", "ClearHash(h)"),
            "Set(A=${HASH(h,a)}${HASHKEYS(h)}:${HASH(other,a)})",
            *("Set(DB(f/a/x)=1)", "Set(DB(f/a/y)=1)", "Set(DB(f/b)=1)", "Set(DB(g/a)=1)"),
            "DBdeltree(f/a)",
            "Set(B=${DB_EXISTS(f/a/x)}${DB_EXISTS(f/b)}${DB_EXISTS(g/a)})",
            *("DBdeltree(f)", "DBdeltree()", "DBdeltree(/)"),
            "Set(C=${DB_EXISTS(f/b)}${DB_EXISTS(g/a)})",
        )
        assert [call.variable(name) for name in "ABC"] == [":3", "011", "01"]
