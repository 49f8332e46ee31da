"""Texts that pretend to be names: ways out of a folder, onto a device, into a terminal or a page."""

import random

_CLASSIC = (
    "", " ", ".", "..", "...", "/", "//", "\\", "~", "~root", "~nobody-here", "-", "--help", "a/../..", "../x",
    "../../x", "..\\x", "..\\..\\x", "/etc/passwd", "/tmp/x", "//host/share", "\\\\host\\share\\x", "C:\\x", "C:x",
    "c:/x", "x:stream", "x::$DATA", "con", "CON", "con.txt", "nul", "NUL.parquet", "aux", "prn", "com1", "COM9.csv",
    "lpt1", "CONIN$", "a\0b", "\0", "x\0.csv", "../x\0.csv", "a\nb", "a\rb", "\n../x", "a\tb", "\x1b[31mred",
    "a\x7fb", "\u202eexe.vsc", "a\u200bb", "..\u2215x", "\u2024\u2024/x", "\uff0e\uff0e/x", "\uff0e\uff0e\uff0fx",
    "%2e%2e%2fx", "%2e%2e/x", "..%2fx", "%00", "..%c0%afx", "....//x", "..././x", "x/..", "./x", "x/.", "x/", "x//y",
    "x/./../../y", " x", "x ", "x.", "x..", ".x", "x\u00a0", "file:///etc/passwd", "http://example/x", "$HOME/x",
    "${HOME}", "`id`", "$(id)", "x;id", "x|id", "x&y", "*", "?", "[a]", "*.parquet", "x*", "{a,b}", "'x'", '"x"',
    "<x>", "|x", "a" * 65, "a" * 300, "a" * 5000, "é" * 150, "日" * 100, "a/" * 600 + "x", "../" * 50 + "etc/passwd",
    "\ud800", "x\udcff", "e\u0301" * 40, "names.json", "../datasets/names", "bulkhead.sqlite", "../bulkhead.sqlite",
    ".lock", "__init__", "os", "sys", "engine", "class", "link", "link/x", "link/../x", "../outside/x",
    "stages/../../outside", "@1", "x@", "x@-1", "x@../1", "x@1/../../y", "0" * 64, "f" * 8, "../", "0" * 64, "None",
    "nan", "1e9", "-1", "١", "run-1-../x", "file-000000000000/../..",
)  # fmt: skip
_PARTS = (
    "..",
    ".",
    "/",
    "\\",
    "x",
    "~",
    "\0",
    "%2e",
    ":",
    " ",
    "\n",
    "link",
    "\u202e",
    "con",
    "*",
    "é",
    "outside",
    "-",
)


def tricks(count: int = 200, seed: int = 7) -> list[str]:
    """The classic ones, and as many made of their parts as it takes."""
    made = random.Random(seed)
    found = dict.fromkeys(_CLASSIC)
    while len(found) < count:
        found["".join(made.choice(_PARTS) for _ in range(made.randint(2, 7)))] = None
    return list(found)[:count]
