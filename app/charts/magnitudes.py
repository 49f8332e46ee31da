"""Round numbers on a logarithmic axis: enough to read it by, too few to run into each other."""

import math

#: What stands in each power of ten, the fewest first.
_LADDERS = ((1.0,), (1.0, 3.0), (1.0, 2.0, 5.0), (1.0, 1.5, 2.0, 3.0, 5.0, 7.0))
LEAST, MOST = 5, 6


def magnitudes(low: float, high: float) -> list[float]:
    """LEAST to MOST round numbers from `low` to `high`, both above zero; evenly spaced where these are near."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for ladder in _LADDERS:
        found = [step * 10.0**power for power in powers for step in ladder]
        found = [value for value in found if low <= value <= high]
        if len(found) >= LEAST:
            return found[:: -(-len(found) // MOST)]
    return _even(low, high)


def _even(low: float, high: float) -> list[float]:
    if high <= low:
        return [low]
    rough = (high - low) / (MOST - 1)
    unit = 10.0 ** math.floor(math.log10(rough))
    step = next(unit * times for times in (1, 2, 5, 10) if unit * times >= rough)
    first = math.ceil(low / step)
    return [place * step for place in range(first, math.floor(high / step) + 1)]
