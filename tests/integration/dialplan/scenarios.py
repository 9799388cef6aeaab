"""What is compared: the Lua contract part by part, and extensions.conf beside it."""

from __future__ import annotations

from tests.integration.dialplan.comparison import Ask, Call, Load, Scenario, Step

READY = {"UserEvent": "Ready"}


def press(digits: str, *, first: float = 0.1, apart: float = 0.15) -> tuple[Step, ...]:
    """Digits from the far end, once the call says that it is ready."""
    return tuple(
        Step(
            "UserEvent",
            READY,
            "PlayDTMF",
            {"Channel": "{1}", "Digit": digit, "Duration": "100"},
            after=first if place == 0 else apart,
        )
        for place, digit in enumerate(digits)
    )


APPLICATIONS = Scenario(
    "applications",
    "sections 4, 5 and 11: the call of an extension, app, numeric errors, Goto and Gosub",
    (
        Call("arguments"),
        *(
            Call(f"noop-{name}")
            for name in ("none", "empty", "null", "nulls", "between", "trailing", "numbers", "raw", "large")
        ),
        Call("values"),
        Call("hangup"),
        Call("unwind"),
        Call("goto"),
        Call("swallowed"),
        Call("nowhere"),
        Call("mixed"),
        *(
            Call(f"error-{name}")
            for name in (
                "one",
                "minus",
                "text",
                "digit",
                "star",
                "seven",
                "float",
                "half",
                "zero",
                "twelve",
                "hex",
                "padded",
                "nil",
                "table",
            )
        ),
    ),
)

JUMPS = Scenario(
    "jumps",
    "section 5: Gosub, GotoIf, Exec and their kin, called by Lua",
    tuple(Call(exten) for exten in ("gotoif", "gosub", "gosubs", "caught", "back", "execute", "handlers")),
)

VARIABLES = Scenario(
    "variables",
    "section 6: channel",
    (
        Call("read", caller='"Ann" <1000>'),
        Call("functions", caller='"Ann" <1000>'),
        Call("write"),
        Call("keys"),
        Call("write", variables=("PLAIN=1", "_ONE=2", "__ALL=3")),
    ),
)

GLOBALS = Scenario(
    "globals",
    "sections 7 and 8: other globals, the state's life",
    (
        Call("helpers"),
        Call("state"),
        Call("state"),
        Call("libraries"),
        Call("direct"),
        Call("threads"),
        Call("state2"),
    ),
)

MATCHING = Scenario(
    "matching",
    "sections 2 and 3: keys, patterns, order, includes, overlap dialling",
    (
        Call("all"),
        Call("includes"),
        Call("included"),
        Call("include-11"),
        Call("include-20"),
        Call("include-native"),
        Call("both"),
        Call("only-lua"),
        Call("start", "overlap", steps=press("1")),
        Call("start", "overlap", steps=press("12")),
        Call("start", "overlap", steps=press("200")),
        Call("start", "overlap", steps=press("20")),
        Call("start", "overlap", steps=press("3")),
        Call("start", "overlap", steps=press("45")),
        Call("start", "overlap", steps=press("5")),
        Call("start", "overlap", steps=press("57")),
        Call("start", "overlap", steps=press("9")),
        Call("start", "overlap", steps=press("")),
    ),
)

ENDINGS = Scenario(
    "endings",
    "sections 4, 8 and 10: returns, errors, special extensions, h",
    (
        Call("returns"),
        Call("answered"),
        # The tone of busy and congestion lasts until somebody hangs up, or for ten seconds.
        *(
            Call(f"fall-{status}", steps=(Step("UserEvent", READY, "Hangup", {"Channel": "{2}"}, after=0.5),))
            for status in ("BUSY", "CONGESTION", "CHANUNAVAIL")
        ),
        Call("fall-NOANSWER"),
        Call("text"),
        Call("none"),
        Call("callnil"),
        Call("handler"),
        Call("number"),
        Call("text_value"),
        Call("recursion"),
        Call("100", "bare"),
        Call("s", "bare"),
        *(Call(exten, "special") for exten in ("away", "limit", "silent")),
        *(Call(exten, "again") for exten in ("away", "limit", "silent", "wrong")),
        Call("100", "broken"),
    ),
)

RELOAD = Scenario(
    "reload",
    "sections 1 and 9: new code for new calls, the old plan where the new one is wrong",
    (
        Call("long", steps=(Step("UserEvent", READY), Load(lua="reload2.lua"))),
        Call("long"),
        Call("new1"),
        Call("new2"),
        Call("100", "own2"),
        Load(lua="broken-syntax.lua"),
        Load(lua="broken-body.lua"),
        Load(lua="broken-missing.lua"),
        Load(lua="broken-key.lua"),
        Call("new2"),
        Ask("ShowDialPlan", {"Context": "own2"}, "ShowDialPlanComplete"),
        Load(lua="reload1.lua"),
        Ask("ShowDialPlan", {"Context": "own2"}),
        Ask("ExtensionState", {"Context": "lua", "Exten": "201"}),
        Ask("ExtensionState", {"Context": "lua", "Exten": "202"}),
    ),
)

HINTS = Scenario(
    "hints",
    "sections 2 and 11: hints of both files, lists of the dialplan",
    (
        Call("n", "shared"),
        Ask("ShowDialPlan", {"Context": "lua"}, "ShowDialPlanComplete"),
        Ask("ExtensionState", {"Context": "lua", "Exten": "100"}),
        Ask("ExtensionState", {"Context": "lua", "Exten": "345"}),
        Ask("ExtensionState", {"Context": "only", "Exten": "z"}),
        Ask("ExtensionState", {"Context": "only", "Exten": "nothing"}),
        Ask("ShowDialPlan", {"Context": "only"}, "ShowDialPlanComplete"),
        Ask("ShowDialPlan", {"Context": "shared"}, "ShowDialPlanComplete"),
    ),
)

NATIVE = Scenario(
    "native",
    "extensions.conf: labels, callers, includes, subroutines, loops, jumps and h",
    (
        Call("labels", "native"),
        Call("caller", "native", caller='"Ann" <1000>'),
        Call("caller", "native", caller="2345"),
        Call("caller", "native"),
        *(
            Call(exten, "native")
            for exten in ("gap", "loop", "calls", "case", "911", "945", "9", "777", "unknown", "nowhere", "busy")
        ),
    ),
)
EXPRESSIONS = Scenario("expressions", "hundreds of expressions", (Call("e", "expressions"),))
SUBSTITUTIONS = Scenario("substitutions", "variables, slices and functions in texts", (Call("e", "substitutions"),))

#: Extensions of the context answers, and applications that run in h.
_ARGUMENTS = (
    "playback", "background", "wait", "read", "log", "set", "exec", "exec-nothing", "exec-none", "exec-time",
    "goto", "goto-nothing", "answered", "hangup-404", "hangup-nonsense", "hangup-name", "hangup-number",
    "hangup-minus", "bridge", "others", "redirect", "originate", "originate-tech", "originate-type", "dial",
    "stack", "while", "others2", "system", "system-nothing", "exception", "authenticate", "authenticate-file",
    "privacy",
)  # fmt: skip
_AFTERWARDS = (
    "answer", "playback", "wait", "waitdigit", "read", "readexten", "echo", "dial", "authenticate", "incomplete",
    "tryexec", "bridge", "stasis", "busy", "background", "originate", "senddtmf", "waitexten", "waituntil",
    "hangup", "goto", "privacy", "retrydial",
)  # fmt: skip

ANSWERS = Scenario(
    "answers",
    "applications: wrong and missing arguments, statuses, what goes on and what does not, also in h",
    (
        *(Call(exten, "answers") for exten in _ARGUMENTS),
        *(Call("1", f"after-{name}") for name in _AFTERWARDS),
    ),
)

BRANCHES = Scenario(
    "branches",
    "blocks of If, statuses of Record and Reload, and where a jump came from",
    tuple(
        Call(exten, "branches")
        for exten in ("taken", "elseif", "else", "left", "open", "record", "skipped", "reload", "label")
    ),
)

SCENARIOS = (
    APPLICATIONS,
    JUMPS,
    VARIABLES,
    GLOBALS,
    MATCHING,
    ENDINGS,
    RELOAD,
    HINTS,
    NATIVE,
    ANSWERS,
    BRANCHES,
    EXPRESSIONS,
    SUBSTITUTIONS,
)
