"""Configs with something changed at random: by a slip of the hand, a bad merge, a truncated file, a stranger.

As a script it parses so many of them: `python -m tests.app.mutants HOME COUNT SEED`.
"""

import json
import random
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
_TOKENS = (
    "[", "]", "[[", "]]", "{", "}", '"', "'", '"""', "'''", "=", ".", ",", "#", "\n", "\r\n", "\r", "\t", "\\",
    "\\u0000",
    "\x00", "\ufeff", "\u202e", "\ud7ff", "é", "日",
    "nan", "-inf", "1e999", "-0", "0x", "1_0", "1979-05-27", "25:61:61",
    "true", "none", "from", "to", "step", "values", "kind", "name", "[[strategy]]", "[sweep]", "[limits]", "[expected]",
    "[source.x]", "[portfolio]", "[data]", "9" * 400, "a" * 3000, "[" * 200, "{a=" * 50, "-" * 300, "a." * 12,
    "__class__",
    "where = ['1 <']", "{ from = 1, to = 9, step = 1e-9 }", "by_regime = { calm = 1 }", "= 0", "= -1", "= ''",
    "= []", "= {}",
)  # fmt: skip
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_NUMBERS = (
    "0",
    "-1",
    "1e308",
    "-1e308",
    "1e-308",
    "9223372036854775808",
    "0.1",
    "nan",
    "inf",
    "'1'",
    "[1, 2]",
    "1.5",
    "[]",
)


def originals() -> list[str]:
    """The examples, and the configs in the documents."""
    found = [path.read_text() for path in sorted((ROOT / "assets" / "experiments").glob("*.toml"))]
    for name in ("README.md", "TUTORIAL.md", "ARCHITECTURE.md"):
        found += re.findall(r"```toml\n(.*?)```", (ROOT / name).read_text(), re.DOTALL)
    return found


def mutants(count: int, seed: int) -> Iterator[str]:
    made, texts = random.Random(seed), originals()
    for _ in range(count):
        text = made.choice(texts)
        for _ in range(made.choice((1, 1, 1, 2, 3, 6))):
            text = _changed(made, text, texts)
        yield text


def _changed(made: random.Random, text: str, texts: list[str]) -> str:
    at = made.randrange(len(text) + 1)
    to = min(len(text), at + made.choice((1, 1, 3, 10, 60)))
    lines = text.splitlines(keepends=True) or [""]
    match made.randrange(9):
        case 0:
            return text[:at] + text[to:]
        case 1:
            return text[:at] + made.choice(_TOKENS) + text[at:]
        case 2:
            return text[:at] + made.choice(_TOKENS) + text[to:]
        case 3:
            return text[:to] + text[at:to] * made.choice((1, 2, 50)) + text[to:]
        case 4:
            made.shuffle(lines)
            return "".join(lines)
        case 5:
            del lines[made.randrange(len(lines))]
            return "".join(lines)
        case 6:
            other = made.choice(texts).splitlines(keepends=True)
            lines.insert(made.randrange(len(lines) + 1), made.choice(other))
            return "".join(lines)
        case 7:
            numbers = list(_NUMBER.finditer(text))
            if not numbers:
                return text
            one = made.choice(numbers)
            return text[: one.start()] + made.choice(_NUMBERS) + text[one.end() :]
        case _:
            words = list(re.finditer(r"\w+", text))
            if len(words) < 2:
                return text
            one, other = made.sample(words, 2)
            return text[: one.start()] + other.group() + text[one.end() :]


def main(home: Path, count: int, seed: int) -> dict[str, object]:
    """Parse them all, and check every tenth as a run does; how many were accepted, refused, and what broke."""
    from app.services import running
    from app.services.home import Home
    from engine.config import load
    from engine.errors import InputError
    from engine.experiment import parse_experiment
    from engine.registry import BUILT_IN

    opened = Home(home)
    accepted = refused = 0
    broke = []
    for number, text in enumerate(mutants(count, seed)):
        try:
            parse_experiment(load(text), BUILT_IN)
            if number % 10 == 0:
                running.check(opened, text)
            accepted += 1
        except InputError as error:
            refused += 1
            if not str(error).isprintable() or not 10 < len(str(error)) < 2100:
                broke.append([number, f"the message is no line: {str(error)[:300]!r}"])
        except BaseException as error:
            broke.append([number, f"{type(error).__name__}: {error}"[:500]])
    return {"accepted": accepted, "refused": refused, "broke": broke}


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))))
