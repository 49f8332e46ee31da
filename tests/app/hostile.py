"""Configs that try to be more than data: code, paths, sockets, tags of other languages, letters that look like others.

As a script it tries them in a process of its own, under an audit hook: `python -m tests.app.hostile HOME`.
"""

import json
import os
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

GOOD = """
[experiment]
name = "small"
[data]
dataset = "us-tech"
symbols = ["AAPL", "IBM"]
start = 2000-06-01
[[classifier]]
kind = "volatility"
[risk]
stop_loss = 0.1
[[strategy]]
kind = "ma_cross"
fast = [5, 10]
slow = 40
[execution]
commission_bps = 5.0
"""
_EVIL = "import os\nos.system('touch hacked')\n"
_RUN = "__import__('os').system('touch hacked')"


def _where(condition: str) -> str:
    return GOOD + f"[sweep]\nwhere = [{json.dumps(condition)}]\n"


def _put(old: str, new: str) -> str:
    assert old in GOOD, old
    return GOOD.replace(old, new)


CONDITIONS = (
    _RUN, "ma_cross.fast.__class__.__bases__", "ma_cross.__class__ == 1", "().__class__.__mro__[1].__subclasses__()",
    "[x for x in (1,)]", "(lambda: 1)() == 1", "ma_cross.fast if True else 1", "open('/etc/passwd').read() == ''",
    "eval('1') == 1", "exec('x=1')", "f'{ma_cross.fast.__init__.__globals__}' == ''", "'{0.__class__}'.format(1) == ''",
    "'%s' % ma_cross.fast == ''", "ma_cross.fast ** 9 ** 9 ** 9 > 0", "ma_cross.fast << 10**9 > 0", "9**9**9**9 < 1",
    "'a' * 10**10 == ''", "ma_cross.fast == (yield)", "ma_cross.fast := 3", "ma_cross['fast'] < 3", "await x",
    "import os", "ma_cross.fast < 3; import os", "ma_cross.fast < 3\nimport os", "global x", "print(1) == None",
    "ma_cross.fast < ma_cross.slow.__add__(1)", "mа_cross.fast < 3", "ma_cross．fast < 3", "ma_cross.fast ＜ 3",
    "ⅿa_cross.fast.__ⅽlass__", "__builtins__ == 1", "globals() == 1", "(" * 500 + "1" + ")" * 500 + " < 2",
    "not " * 5000 + "ma_cross.fast", "ma_cross.fast" + " < 1" * 5000, "-" * 20_000 + "1 < 2", "1" * 20_000 + " < 2", "",
    " ", "\x00", "#", "\\", "{ma_cross.fast}", "${HOME} == 1", "`id` == 1", "$(id) == 1", "1 < 2", "...", "*",
)  # fmt: skip
KINDS = (
    "os.system", "os:system", "subprocess.Popen", "builtins.eval", "engine.errors", "app.cli.main", "../../stages/x",
    "/etc/passwd", "C:\\x", "file:///etc/passwd", "http://127.0.0.1:9/x", "ma_cross\x00", "ma_cross ", "mа_cross",
    "MA_CROSS", "__import__('os')", "!!python/object/apply:os.system", "", "x" * 100_000, "{kind}", "%(kind)s",
    "__init__",
    "ma_cross.__class__", "ﬁle", "ma_cross\u200b", "\u202essorc_am",
)  # fmt: skip
OTHERS = {
    "dataset": [_put('"us-tech"', json.dumps(name)) for name in (
        "../../etc/passwd", "/etc/passwd", "us-tech/../sp500", "us-tech.parquet", "http://127.0.0.1:9/x", "~/x",
        "us-tech\x00",
        "us‑tech", "*", "", "x" * 5000, "us-tech@../1", "s3://bucket/x", "//host/share", "con",
    )],
    "source": [
        GOOD + f'[source.{name}]\nhash = "{"0" * 64}"\ntext = "import os"\n' for name in ("x", '"../x"', '"os.path"',
        '""')
    ],
    "source, its hash right": [
        GOOD + f'[source.evil]\nhash = "{sha256(_EVIL.encode()).hexdigest()}"\ntext = {json.dumps(_EVIL)}\n',
        _put('"ma_cross"', '"evil"')
        + f'[source.evil]\nhash = "{sha256(_EVIL.encode()).hexdigest()}"\ntext = {json.dumps(_EVIL)}\n',
    ],
    "tags": [
        _put('name = "small"', text) for text in (
            "name = !!python/object:os.system", 'name = { "!include" = "/etc/passwd" }',
            'name = { from = "/etc/passwd" }',
            "<<: *x", "name: small", '{"name": 1}', "<!DOCTYPE x [<!ENTITY a SYSTEM 'file:///etc/passwd'>]>",
            'include = "/etc/passwd"', 'name = ["a"]', "name = 1979-05-27T07:32:00Z", "name = inf", "import = 'os'",
        )
    ],
    "attributes": [
        _put("slow = 40", text) for text in (
            '__class__ = "x"', '"__init__" = 1', "model_config = {}", 'kind.__class__ = "x"',
            "slow = '__import__(\"os\")'",
            'slow = { from = "__import__", to = 3, step = 1 }', "slow = { from = 1, to = 1e308, step = 1e-308 }",
            "slow = { from = nan, to = inf, step = 0 }", "slow = 99999999999999999999999999", "slow = []",
            "slow = [[[]]]",
            "slow = 1e400", "slow = { default_factory = 'os.system' }", "indicators = 'x'", "signal = 'x'",
            "signals = 1",
        )
    ],
    "shape": ["[" * 10_000, "a." * 9 + "b = 1", "a = " + "{a=" * 500, "x" * 300_000, "\x00", "\ufeff" + GOOD + "x",
    "[data]"],
}  # fmt: skip


def configs() -> dict[str, str]:
    """All of them, by a short name."""
    found = {f"where {i}: {text[:40]!r}": _where(text) for i, text in enumerate(CONDITIONS)}
    found |= {f"kind {i}: {text[:40]!r}": _put('"ma_cross"', json.dumps(text)) for i, text in enumerate(KINDS)}
    return found | {f"{name} {i}": text for name, texts in OTHERS.items() for i, text in enumerate(texts)}


#: What a config must not bring about, as Python's audit events call it.
_PROCESSES = ("subprocess.", "os.system", "os.exec", "os.fork", "os.posix_spawn", "os.spawn", "pty.", "ctypes.dlopen")
_SOCKETS = ("socket.", "urllib.", "http.", "ftplib.", "smtplib.")
_WRITES = (
    "os.remove",
    "os.rename",
    "os.mkdir",
    "os.rmdir",
    "os.link",
    "os.symlink",
    "os.chmod",
    "os.truncate",
    "shutil.",
)


def main(home: Path) -> dict[str, Any]:
    """Try each config; what it said, how long it took, and what happened meanwhile that should not."""
    from app.services import running
    from app.services.home import Home
    from engine.config import load
    from engine.errors import ConfigError, InputError
    from engine.experiment import parse_experiment
    from engine.registry import BUILT_IN

    opened, seen, loud = Home(home), [], False

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if not loud:
            return
        bad = event.startswith((*_PROCESSES, *_SOCKETS, *_WRITES)) or event in ("import", "compile", "exec")
        if event == "open":
            path, mode = str(arguments[0]), arguments[1] or "r"
            bad = mode not in ("r", "rb", "rt") or "passwd" in path
        if bad:
            seen.append(f"{event} {str(arguments)[:200]}")

    for text in (GOOD, _where("ma_cross.fast < 9"), GOOD + "[data]", _put('"us-tech"', '"x"')):  # what is loaded lazily
        try:
            running.check(opened, text)
            parse_experiment(load(text), BUILT_IN)
        except InputError:
            pass
    sys.addaudithook(hook)
    loud = True  # whether the hook hears at all
    (home / "heard").mkdir()
    os.system("true")
    loud = False
    heard = len(seen)
    found: dict[str, Any] = {}
    for name, text in configs().items():
        told = []
        for attempt in (
            lambda text=text: parse_experiment(load(text), BUILT_IN),
            lambda text=text: running.check(opened, text),
        ):
            seen.clear()
            loud = True
            try:
                attempt()
                told.append(["accepted", ""])
            except InputError as error:
                loud = False
                told.append(["refused" if isinstance(error, ConfigError) else type(error).__name__, str(error)])
            except BaseException as error:
                loud = False
                told.append(["broke", f"{type(error).__name__}: {error}"[:500]])
            loud = False
            told[-1].append(list(seen))
        found[name] = told
    return {"heard": heard, "told": found}


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]))))
