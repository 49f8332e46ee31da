"""From dense signals to SIGNAL events: one where a symbol's signal changes."""

import numpy as np
import numpy.typing as npt

from engine.compiled import kernel, lean_kernel
from engine.ensemble.combine import write
from engine.errors import StageError
from engine.events import EVENT, NO_CAUSE, Kind, Level

SIGNAL, LEVEL_STRATEGY = int(Kind.SIGNAL), int(Level.STRATEGY)
#: Out of range is what is beyond ±1 by more than rounding.
ROUNDING = 1e-12


@kernel
def _walk(values, valid, first, source, out):  # type: ignore[no-untyped-def]
    """Write SIGNAL rows to `out`. Returns how many, and where a value is out of range (bar × symbols + s, or −1)."""
    bars, symbols = values.shape
    current = np.zeros(symbols)
    logged = np.zeros(symbols)
    rows = 0
    for t in range(bars):
        for s in range(symbols):
            if not valid[t, s]:
                continue
            value = values[t, s]
            if value == value:
                if abs(value) > 1.0 + ROUNDING:
                    return rows, t * symbols + s
                current[s] = value
            if t >= first and current[s] != logged[s]:
                row = write(out, rows, t, SIGNAL, LEVEL_STRATEGY, source, s, NO_CAUSE, 0)
                row.value = current[s] + 0.0
                logged[s] = current[s]
                rows += 1
    return rows, -1


@lean_kernel
def note(values, valid, bar, current, logged, source, out):  # type: ignore[no-untyped-def]
    """Write the SIGNAL rows of one bar to `out` and remember them. Returns how many, and which value is out of range.

    values, current, logged: float64 (symbols,); valid: bool (symbols,).
    """
    rows = 0
    for s in range(len(values)):
        if not valid[s]:
            continue
        value = values[s]
        if value == value:
            if abs(value) > 1.0 + ROUNDING:
                return rows, s
            current[s] = value
        if current[s] != logged[s]:
            row = write(out, rows, bar, SIGNAL, LEVEL_STRATEGY, source, s, NO_CAUSE, 0)
            row.value = current[s] + 0.0
            logged[s] = current[s]
            rows += 1
    return rows, -1


def shaped(values: npt.NDArray[np.float64], shape: tuple[int, ...], name: str) -> npt.NDArray[np.float64]:
    """`values`, when they are float64 of this shape. Raises StageError."""
    if not isinstance(values, np.ndarray) or values.shape != shape or values.dtype != np.float64:
        got = f"{values.dtype} {values.shape}" if isinstance(values, np.ndarray) else type(values).__name__
        raise StageError(f"strategy '{name}': signal() must return float64 {shape} (bars, symbols), not {got}")
    return values


def signal_rows(
    values: npt.NDArray[np.float64], valid: npt.NDArray[np.bool_], first: int, source: int, name: str
) -> npt.NDArray[np.void]:
    """The SIGNAL events of dense `values` (bars, symbols) from the first trading bar on, by (bar, symbol); read-only.

    Raises StageError when the shape or dtype is wrong or a value lies outside [−1, 1].
    """
    values = np.ascontiguousarray(shaped(values, valid.shape, name))
    out = np.empty(values.size, EVENT)  # the worst case; what is not written costs no memory
    rows, bad = _walk(values, valid, first, source, out)
    if bad >= 0:
        t, s = divmod(int(bad), valid.shape[1])
        raise StageError(f"strategy '{name}': signal {values[t, s]} at bar {t} lies outside [-1, 1]; scale or clip it")
    return np.frombuffer(out[:rows].tobytes(), EVENT)
