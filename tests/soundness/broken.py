"""Own stages that are broken, as the text of their files, and what is said of each."""

_HEAD = '''"""A stage."""
import numpy as np
from bulkhead import Classifier, Field, Indicator, RiskCaps, Strategy


class Stage(Strategy):
    """A stage that is broken."""

    kind = "NAME"

    def signal(self, market, indicators, regimes):
'''


def strategy(body: str, before: str = "") -> str:
    """A strategy file whose `signal` has this body."""
    return before + _HEAD + "\n".join(f"        {line}" for line in body.splitlines()) + "\n"


EMPTY = '''"""A stage."""
from bulkhead import Strategy


class Stage(Strategy):
    """Empty."""

    kind = "NAME"
'''
BARE = '''"""A stage."""
from engine.stage import Stage


class Own(Stage):
    """Bare."""

    kind = "NAME"
    family = "strategy"
'''

#: Name → text of the file, the check that finds it, what it says.
BROKEN: dict[str, tuple[str, str, str]] = {
    "wrong_shape": (
        strategy("return np.zeros(len(market.time))"),
        "shape and range",
        "signal() must return float64 (3270, 4) (bars, symbols), not float64 (3270,)",
    ),
    "wrong_dtype": (
        strategy("return market.close > 10"),
        "shape and range",
        "must return float64 (3270, 4) (bars, symbols), not bool",
    ),
    "out_of_range": (
        strategy("return market.close * 1.0"),
        "shape and range",
        "lies outside [-1, 1]; scale or clip it",
    ),
    "returns_nothing": (strategy("pass"), "shape and range", "not NoneType"),
    "raises": (
        strategy("return market.close + market.no_such_column"),
        "shape and range",
        "stages/raises.py:12: AttributeError",
    ),
    "writes_inputs": (
        strategy("market.close[0] = 1.0\nreturn np.zeros(market.close.shape)"),
        "mutation",
        "it writes to its inputs at stages/writes_inputs.py:12; work on a copy",
    ),
    "forces_inputs": (
        strategy(
            "close = market.close\nclose.flags.writeable = True\nclose[0] = 1.0\nclose.flags.writeable = False\n"
            "return np.zeros(close.shape)"
        ),
        "mutation",
        "it writes to its inputs at stages/forces_inputs.py:13; work on a copy",
    ),
    "pokes_inputs": (
        strategy("import ctypes\nctypes.memset(market.close.ctypes.data, 1, 8)\nreturn np.zeros(market.close.shape)"),
        "mutation",
        "it changed market.close, which all containers share",
    ),
    "writes_parameters": (
        strategy("self.kept = 1\nreturn np.zeros(market.close.shape)").replace(
            "    def", "    kept: int = 0\n\n    def"
        ),
        "mutation",
        "it writes to its parameters",
    ),
    "keeps_a_global": (
        strategy(
            "CALLS.append(len(market.time))\nreturn np.full(market.close.shape, 0.1 * min(len(CALLS), 9))",
            "CALLS = []\n",
        ),
        "kept state",
        "keeps_a_global.CALLS changed; what it returns changes with it",
    ),
    "keeps_on_the_class": (
        strategy("type(self).seen = len(market.time)\nreturn np.zeros(market.close.shape)"),
        "kept state",
        "keeps_on_the_class.Stage.seen changed",
    ),
    "keeps_in_a_default": (
        strategy("return np.full(market.close.shape, cached(len(market.symbols)) / 100)")
        + "\n\ndef cached(key, known={}):\n    return known.setdefault(key, key)\n",
        "kept state",
        "cached() changed",
    ),
    "unseeded": (
        strategy("return np.random.default_rng().random(market.close.shape)"),
        "determinism",
        "two calls on the same data return different values",
    ),
    "hashes": (
        strategy("return np.full(market.close.shape, hash('a text') % 1000 / 1000)"),
        "determinism",
        "a fresh process gets other values from the same data",
    ),
    "nan_spreads": (
        strategy("return np.sign(np.cumsum(market.close - 100.0, axis=0))"),
        "missing bars",
        "NaN spreads: a symbol that lacks some bars gets no value",
    ),
    "exits_at_import": (
        "import os\nkind = 'exits_at_import'\nos._exit(3)\n",
        "import",
        "while it was imported: its process exited with code 3",
    ),
    "leaves_at_import": ("import sys\nkind = 'leaves_at_import'\nsys.exit(4)\n", "import", "sys.exit(4) was called"),
    "imports_what_is_missing": (
        strategy("return market.close", "import no_such_package\n"),
        "import",
        "stages/imports_what_is_missing.py:1: ModuleNotFoundError: No module named 'no_such_package'",
    ),
    "does_not_parse": ("def broken(:\n    kind = 'does_not_parse'\n", "import", "does_not_parse.py:1: SyntaxError"),
    "dies": (
        strategy("import ctypes\nctypes.string_at(0)"),
        "shape and range",
        "during the check of shape and range: its process was ended by signal 11 (SIGSEGV)",
    ),
    "has_no_signal": (EMPTY, "contract", "class Stage has no signal(); define it"),
    "has_no_default": (
        strategy("return market.close").replace("    def", "    window: int = Field(ge=1)\n\n    def"),
        "contract",
        "window: no default",
    ),
    "derives_from_nothing": (
        BARE,
        "contract",
        "class Own must derive from one of Strategy, Classifier, Indicator, RiskCaps",
    ),
}


def text_of(name: str) -> str:
    """The file of a broken stage."""
    return BROKEN[name][0].replace("NAME", name)
