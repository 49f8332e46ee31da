"""Contracts and buses: what a stage may not do raises; nothing crosses from one container or strategy to another."""

import pytest

from engine.bus import Buses
from engine.container import Container
from engine.contracts import CONTRACTS, FORWARDS, Role, table
from engine.errors import ContractError
from engine.events import Kind, Level
from engine.patterns import ROUTES
from engine.shared import Shared
from engine.spec import resolve
from tests.engine.small import plan_of

LEVELS = list(Level)


@pytest.mark.parametrize("role", list(Role))
def test_only_declared_kinds_are_published_and_read(role: Role) -> None:
    port = Buses(1).port(role)
    for kind in Kind:
        if kind in CONTRACTS[role].emits:
            port.publish(kind, object())
        else:
            with pytest.raises(ContractError, match=f"may not publish {kind.name}"):
                port.publish(kind, object())
        if kind in CONTRACTS[role].consumes:
            port.read(kind)
        else:
            with pytest.raises(ContractError, match=f"may not read {kind.name}"):
                port.read(kind)


def test_another_containers_bus_is_refused() -> None:
    mine, other = Buses(1), Buses(1)
    with pytest.raises(ContractError, match="another container's bus"):
        mine.port(Role.CLASSIFIER).publish(Kind.REGIME, object(), other.bus(Level.CLASSIFIER))
    assert other.bus(Level.CLASSIFIER).batches == {}


def test_a_strategy_cannot_publish_on_a_siblings_or_higher_bus() -> None:
    buses = Buses(2)
    for bus in (buses.bus(Level.STRATEGY, 1), buses.bus(Level.PORTFOLIO)):
        with pytest.raises(ContractError):
            buses.port(Role.STRATEGY, 0).publish(Kind.SIGNAL, object(), bus)


def test_a_regime_reaches_risk_portfolio_and_every_strategy_of_its_own_container() -> None:
    buses, other = Buses(2), Buses(2)
    regime = object()
    buses.port(Role.CLASSIFIER).publish(Kind.REGIME, regime)
    for level in (Level.CLASSIFIER, Level.RISK, Level.PORTFOLIO):
        assert buses.bus(level).batches[Kind.REGIME] == [regime]
    assert all(bus.batches[Kind.REGIME] == [regime] for bus in buses.levels[Level.STRATEGY])
    assert Kind.REGIME not in buses.bus(Level.CONTAINER).batches
    assert all(not bus.batches for level in LEVELS for bus in other.levels[level])


def test_no_strategy_sees_anothers_signal() -> None:
    buses = Buses(3)
    signal = object()
    buses.port(Role.STRATEGY, 1).publish(Kind.SIGNAL, signal)
    assert buses.bus(Level.PORTFOLIO).batches == {Kind.SIGNAL: [signal]}
    assert [bus.batches for bus in buses.levels[Level.STRATEGY]] == [{}, {Kind.SIGNAL: [signal]}, {}]
    assert not buses.bus(Level.RISK).batches


def test_fills_come_back_to_risk_and_portfolio_and_orders_go_up_to_execution() -> None:
    buses = Buses(1)
    buses.port(Role.EXECUTION).publish(Kind.FILL, 1)
    buses.port(Role.RISK).publish(Kind.ORDER, 2, buses.bus(Level.PORTFOLIO))
    assert buses.port(Role.RISK).read(Kind.FILL) == [1]
    assert buses.bus(Level.PORTFOLIO).batches[Kind.FILL] == [1]
    assert buses.port(Role.BAR_STRATEGY, 0).read(Kind.FILL) == [1]
    with pytest.raises(ContractError, match="may not read FILL"):
        buses.port(Role.STRATEGY, 0).read(Kind.FILL)
    assert buses.port(Role.EXECUTION).read(Kind.ORDER) == [2]


def test_forwarding_only_joins_neighbouring_levels() -> None:
    for steps in FORWARDS.values():
        for origin, goal in steps:
            assert abs(origin - goal) == 1


def test_every_route_gives_each_stage_something_to_read() -> None:
    for route in ROUTES.values():
        emitted: set[Kind] = set()
        for roles in route:
            emitted |= {kind for role in roles for kind in CONTRACTS[role].emits}
            for role in roles:
                assert CONTRACTS[role].consumes <= emitted, role


def test_the_table_prints_every_stage() -> None:
    assert [row[0] for row in table()] == [role.value for role in Role]


def test_two_containers_in_one_process_share_no_event() -> None:
    """What lies on the buses of a container is its own log, however many run beside it."""
    plan = plan_of({"kind": "ma_cross", "fast": [3, 5], "slow": 20}, classifier={"kind": "trend", "window": 10})
    shared = Shared(plan)
    containers = [Container(resolve(shared, index), shared) for index in (0, 1)]
    logs = [container.run() for container in containers]
    assert repr(logs[0].tolist()) != repr(logs[1].tolist())
    for container, log in zip(containers, logs, strict=True):
        for kind, level in ((Kind.FILL, Level.CONTAINER), (Kind.ORDER, Level.PORTFOLIO)):
            (batch,) = container.buses.bus(level).batches[kind]
            assert repr(batch.array().tolist()) == repr(log[log["kind"] == kind].tolist())
        (signals,) = container.buses.bus(Level.STRATEGY).batches[Kind.SIGNAL]
        assert signals["bar"].tolist() == log["bar"][log["kind"] == Kind.SIGNAL].tolist()
