"""The language of `[sweep] where`: comparisons, arithmetic, and/or/not over parameter names and literals.

It is parsed here, term by term, and never handed to `eval`. Grammar, loosest first:

    condition := and ("or" and)*          and := not ("and" not)*        not := "not" not | comparison
    comparison := sum (("<" | "<=" | ">" | ">=" | "==" | "!=") sum)*     (chained as in Python)
    sum := product (("+" | "-") product)*                               product := sign (("*" | "/" | "//" | "%") sign)*
    sign := "-" sign | atom               atom := number | "text" | true | false | name | "(" condition ")"
"""

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from engine.errors import ConfigError

Value = Any
Term = Callable[[Mapping[str, Value]], Value]

MAX_LENGTH = 1000
MAX_DEPTH = 50
_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+)|(?P<text>\"[^\"]*\"|'[^']*')"
    r"|(?P<name>[A-Za-z_][\w-]*(?:\.[A-Za-z_]\w*)*)|(?P<sign><=|>=|==|!=|//|[<>+\-*/%()]))"
)
_COMPARE = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
_SUM = {"+": operator.add, "-": operator.sub}
_PRODUCT = {"*": operator.mul, "/": operator.truediv, "//": operator.floordiv, "%": operator.mod}


@dataclass(frozen=True)
class Condition:
    """A parsed condition: its text, the parameter names it reads, and `holds(values)`."""

    text: str
    names: frozenset[str]
    term: Term

    def holds(self, values: Mapping[str, Value]) -> bool:
        """Whether the condition holds. Raises ConfigError when it cannot be worked out for these values."""
        try:
            return bool(self.term(values))
        except (TypeError, ZeroDivisionError, OverflowError) as error:
            shown = ", ".join(f"{name}={values[name]!r}" for name in sorted(self.names))
            raise ConfigError(f'[sweep] where "{self.text}" cannot be worked out for {shown}: {error}') from None


def parse(text: str) -> Condition:
    """Parse one condition. Raises ConfigError naming the place where it stops making sense."""
    if len(text) > MAX_LENGTH:
        raise ConfigError(f"[sweep] where: a condition of {len(text)} characters; at most {MAX_LENGTH} are read")
    parser = _Parser(text)
    term = parser.condition(0)
    parser.expect_end()
    return Condition(text, frozenset(parser.names), term)


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.names: dict[str, None] = {}
        self.tokens = self._tokens(text)
        self.at = 0

    def _tokens(self, text: str) -> list[tuple[str, str, int]]:
        found, place = [], 0
        while place < len(text.rstrip()):
            match = _TOKEN.match(text, place)
            if match is None:
                self._fail(place)
            found.append((str(match.lastgroup), match.group(str(match.lastgroup)), match.start(str(match.lastgroup))))
            place = match.end()
        return found

    def _fail(self, place: int) -> NoReturn:
        rest = self.text[place:].strip()[:20] or "the end"
        raise ConfigError(
            f'[sweep] where "{self.text}": cannot read it from "{rest}" on; '
            "use comparisons, + - * / // %, and, or, not, parentheses, parameter names and literals"
        )

    def _peek(self) -> str:
        return self.tokens[self.at][1] if self.at < len(self.tokens) else ""

    def _take(self, *words: str) -> str | None:
        if self.at < len(self.tokens) and self.tokens[self.at][0] != "text" and self.tokens[self.at][1] in words:
            self.at += 1
            return self.tokens[self.at - 1][1]
        return None

    def expect_end(self) -> None:
        if self.at < len(self.tokens) or not self.tokens:
            self._fail(self.tokens[self.at][2] if self.tokens else 0)

    def condition(self, depth: int) -> Term:
        left = self._and(depth)
        while self._take("or"):
            left = _either(left, self._and(depth))
        return left

    def _and(self, depth: int) -> Term:
        left = self._not(depth)
        while self._take("and"):
            left = _both(left, self._not(depth))
        return left

    def _not(self, depth: int) -> Term:
        if depth > MAX_DEPTH:
            raise ConfigError(f"[sweep] where: a condition nested more than {MAX_DEPTH} deep")
        if self._take("not"):
            inner = self._not(depth + 1)
            return lambda values: not inner(values)
        return self._comparison(depth)

    def _comparison(self, depth: int) -> Term:
        terms, signs = [self._sum(depth)], []
        while sign := self._take(*_COMPARE):
            signs.append(_COMPARE[sign])
            terms.append(self._sum(depth))
        if not signs:
            return terms[0]

        def chain(values: Mapping[str, Value]) -> bool:
            results = [term(values) for term in terms]
            return all(sign(results[i], results[i + 1]) for i, sign in enumerate(signs))

        return chain

    def _sum(self, depth: int) -> Term:
        return self._binary(_SUM, self._product, depth)

    def _product(self, depth: int) -> Term:
        return self._binary(_PRODUCT, self._sign, depth)

    def _binary(self, signs: dict[str, Callable[[Any, Any], Any]], operand: Callable[[int], Term], depth: int) -> Term:
        left = operand(depth)
        while sign := self._take(*signs):
            left = _apply(signs[sign], left, operand(depth))
        return left

    def _sign(self, depth: int) -> Term:
        if depth > MAX_DEPTH:
            raise ConfigError(f"[sweep] where: a condition nested more than {MAX_DEPTH} deep")
        if self._take("-"):
            inner = self._sign(depth + 1)
            return lambda values: -_number(inner(values))
        if self._take("("):
            inner = self.condition(depth + 1)
            if not self._take(")"):
                self._fail(self.tokens[self.at][2] if self.at < len(self.tokens) else len(self.text))
            return inner
        return self._atom()

    def _atom(self) -> Term:
        if self.at >= len(self.tokens):
            self._fail(len(self.text))
        group, word, place = self.tokens[self.at]
        self.at += 1
        constant: Value
        if group == "number":
            constant = float(word) if any(c in word for c in ".eE") else int(word[:400])
        elif group == "text":
            constant = word[1:-1]
        elif word in ("true", "false"):
            constant = word == "true"
        elif group == "name" and word not in ("and", "or", "not"):
            self.names[word] = None
            return lambda values: values[word]
        else:
            self._fail(place)
        return lambda values: constant


def _number(value: Value) -> Any:
    """Arithmetic is for numbers: text times a number would be a way to fill the memory."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{value!r} is not a number")
    return value


def _apply(sign: Callable[[Any, Any], Any], left: Term, right: Term) -> Term:
    return lambda values: sign(_number(left(values)), _number(right(values)))


def _both(left: Term, right: Term) -> Term:
    return lambda values: left(values) and right(values)


def _either(left: Term, right: Term) -> Term:
    return lambda values: left(values) or right(values)
