"""The buses of one container: four levels, one scope for each strategy, carrying columnar batches.

Batches are arrays (or shared, immutable objects), so a check costs microseconds a batch and nothing per event. What a
stage may publish and read, and which way a kind travels, stands in `contracts.py`; everything else is a ContractError.
"""

from collections import defaultdict
from typing import Any

from engine.contracts import CONTRACTS, FORWARDS, Role
from engine.errors import ContractError
from engine.events import Kind, Level


def _reached(kind: Kind, level: Level) -> tuple[Level, ...]:
    """The levels a batch of `kind` published at `level` travels to, step by step along the table."""
    found = [level]
    for origin in found:
        found.extend(goal for start, goal in FORWARDS.get(kind, ()) if start is origin and goal not in found)
    return tuple(found[1:])


_STRATEGY = Level.STRATEGY
_ABOVE = tuple(level for level in Level if level is not _STRATEGY)
_REACHED = {(kind, level): _reached(kind, level) for kind in Kind for level in Level}


class Bus:
    """The bus of one level and scope of one container: what was published there and what was forwarded to it."""

    __slots__ = ("batches", "container", "level", "scope")

    def __init__(self, container: object, level: Level, scope: int = 0) -> None:
        self.container = container
        self.level = level
        self.scope = scope
        self.batches: defaultdict[Kind, list[Any]] = defaultdict(list)


class Buses:
    """All buses of one container: container ⊃ classifier ⊃ risk ⊃ portfolio ⊃ one for each strategy.

    They hold no reference back to this object, so a finished container is freed at once, without the cycle collector.
    """

    __slots__ = ("levels", "token")

    def __init__(self, strategies: int) -> None:
        self.token = object()
        self.levels: dict[Level, tuple[Bus, ...]] = {level: (Bus(self.token, level),) for level in _ABOVE}
        self.levels[_STRATEGY] = tuple([Bus(self.token, _STRATEGY, i) for i in range(strategies)])

    def bus(self, level: Level, scope: int = 0) -> Bus:
        return self.levels[level][scope]

    def port(self, role: Role, scope: int = 0) -> "Port":
        """The port of a stage of `role`; `scope` numbers the strategies."""
        return Port(self, role, scope)


class Port:
    """A stage's only way to its container's buses: it reads and publishes what the stage's contract grants."""

    __slots__ = ("_buses", "contract", "home")

    def __init__(self, buses: Buses, role: Role, scope: int) -> None:
        self._buses = buses
        self.contract = CONTRACTS[role]
        self.home = buses.levels[self.contract.levels[0]][scope]

    def read(self, kind: Kind) -> list[Any]:
        """The batches of `kind` that reached the stage's bus. Raises ContractError for a kind it may not read."""
        if kind not in self.contract.consumes:
            raise ContractError(f"the {self.contract.role} may not read {kind.name}; see the contract table")
        return self.home.batches.get(kind, [])

    def publish(self, kind: Kind, batch: Any, bus: Bus | None = None) -> None:
        """Publish a batch on the stage's bus, or on another of its contract's; the table hands it on from there.

        Raises ContractError for a kind or bus that is not granted, and for a bus of another container.
        """
        contract = self.contract
        if kind not in contract.emits:
            raise ContractError(f"the {contract.role} may not publish {kind.name}; see the contract table")
        if bus is None:
            bus = self.home
        elif bus.container is not self._buses.token:
            raise ContractError(f"the {contract.role} may not publish on another container's bus")
        elif bus.level not in contract.levels or (bus.level is self.home.level and bus is not self.home):
            raise ContractError(f"the {contract.role} may not publish on this {bus.level.name.lower()} bus")
        bus.batches[kind].append(batch)
        for level in _REACHED[kind, bus.level]:
            for onward in self._buses.levels[level]:
                onward.batches[kind].append(batch)
