"""A fresh process for one question of `sealed.apart`: pickled on standard input, answered on standard output.

What else is printed goes to standard error.
"""

import os
import pickle
import sys

from engine.own.sealed import answered


def main() -> None:
    out = os.dup(1)
    os.dup2(2, 1)
    work, arguments, options = pickle.loads(sys.stdin.buffer.read())  # noqa: S301 - from the process that started us
    with os.fdopen(out, "wb") as file:
        file.write(answered(lambda: work(*arguments, **options)))


main()
