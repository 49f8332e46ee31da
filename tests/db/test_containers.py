"""What containers left comes back as it was put in, sorted and cut as asked."""

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from db.store import BENCHMARK, Condition, Store
from engine.errors import InputError, StoreError
from engine.parallel.block import Usage
from engine.projections.catalogue import CATALOGUE, METRICS
from tests.db.samples import block, log, new_run, result, sketch

SHARPE = METRICS.index("sharpe")


def stored(store: Store, *results: object) -> int:
    run_id = store.create_run(new_run(len(results)))
    with store.claim(run_id) as lease:
        store.commit(lease, block(results))  # type: ignore[arg-type]
    return run_id


def with_metric(index: int, name: str, value: float) -> object:
    metrics = np.zeros(len(METRICS))
    metrics[METRICS.index(name)] = value
    return result(index, metrics=metrics)


def test_a_container_comes_back_whole(store: Store) -> None:
    test_metrics = np.full(len(METRICS), 0.25)
    run_id = stored(store, result(3, test_metrics=test_metrics))
    row, put = store.container(run_id, 3), result(3)
    assert (row.run, row.index, row.status, row.error, row.rows) == (run_id, 3, "done", None, 3)
    assert row.params == {"ma_cross.fast": 3} and row.usage == Usage(0.5, 0.25, 1003)
    for name in ("spec_hash", "digest", "decisions_digest", "fills_digest", "signals_digest"):
        assert getattr(row, name) == getattr(put, name)
    assert row.metrics == {name: float(number + 3) for number, name in enumerate(METRICS)}
    assert row.test_metrics == dict.fromkeys(METRICS, 0.25)


def test_a_failed_container_has_no_metrics(store: Store) -> None:
    run_id = stored(store, result(0, "failed", error="lone \udcff surrogate"), 1)
    row = store.container(run_id, 0)
    assert (row.metrics, row.test_metrics, row.digest, row.error) == (None, None, None, "lone \\udcff surrogate")


def test_no_such_container(store: Store) -> None:
    run_id = stored(store, 0)
    for ask in (store.container, store.events):
        with pytest.raises(StoreError, match=f"there is no container {run_id}/7"):
            ask(run_id, 7)
    assert store.containers(99) == []


NUMBERS = st.floats(width=64, allow_nan=True, allow_infinity=True)


@pytest.fixture(scope="module")
def shared_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with Store(tmp_path_factory.mktemp("home")) as opened:
        yield opened


@settings(max_examples=50, deadline=None)
@given(rows=st.lists(st.lists(NUMBERS, min_size=len(METRICS), max_size=len(METRICS)), min_size=1, max_size=5))
def test_metrics_round_trip(shared_store: Store, rows: list[list[float]]) -> None:
    """Bit for bit, but for NaN and infinity, which are None, and −0.0, which is 0."""
    run_id = stored(shared_store, *(result(i, metrics=np.array(row)) for i, row in enumerate(rows)))
    for row, container in zip(rows, shared_store.containers(run_id), strict=True):
        assert container.metrics is not None
        expected = [value + 0.0 if np.isfinite(value) else None for value in row]
        assert [repr(value) for value in container.metrics.values()] == [repr(value) for value in expected]


def test_by_index_without_a_sort(store: Store) -> None:
    run_id = stored(store, 2, 0, 3, 1)
    assert [row.index for row in store.containers(run_id)] == [0, 1, 2, 3]
    assert [row.index for row in store.containers(run_id, descending=True)] == [3, 2, 1, 0]
    assert [row.index for row in store.containers(run_id, top=2, offset=1)] == [1, 2]
    assert [row.index for row in store.containers(run_id, offset=3)] == [3]
    assert store.containers(run_id, top=0) == []


def test_undefined_metrics_come_last_either_way(store: Store) -> None:
    values = [1.0, np.nan, 3.0, 2.0, 3.0]
    rows = [with_metric(i, "sharpe", value) for i, value in enumerate(values)]
    run_id = stored(store, *rows, result(5, "crashed"))
    assert [row.index for row in store.containers(run_id, "sharpe")] == [2, 4, 3, 0, 1, 5]
    assert [row.index for row in store.containers(run_id, "sharpe", descending=False)] == [0, 3, 2, 4, 1, 5]
    assert [row.index for row in store.containers(run_id, "sharpe", top=2, offset=1)] == [4, 3]


@pytest.mark.parametrize("metric", CATALOGUE, ids=lambda metric: metric.name)
def test_the_better_side_comes_first(store: Store, metric: object) -> None:
    name, better = metric.name, metric.better  # type: ignore[attr-defined]
    run_id = stored(store, *(with_metric(i, name, value) for i, value in enumerate([2.0, 1.0, 3.0])))
    assert [row.index for row in store.containers(run_id, name)] == ([1, 0, 2] if better < 0 else [2, 0, 1])


def test_sorting_ignores_test_metrics(store: Store) -> None:
    high, low = np.full(len(METRICS), 9.0), np.full(len(METRICS), -9.0)
    run_id = stored(store, result(0, test_metrics=high), result(1, test_metrics=low))
    assert [row.index for row in store.containers(run_id, "sharpe")] == [1, 0]


def test_an_unknown_metric_is_named(store: Store) -> None:
    with pytest.raises(InputError, match="there is no metric 'sharpe; DROP TABLE run'"):
        store.containers(1, "sharpe; DROP TABLE run")
    with pytest.raises(InputError, match="did you mean 'sharpe'"):
        store.containers(1, "sharpee")


def test_only_those_that_ended_so(store: Store) -> None:
    run_id = stored(store, 0, result(1, "failed"), 2, result(3, "crashed"))
    assert [row.index for row in store.containers(run_id, status="done")] == [0, 2]
    assert [row.index for row in store.containers(run_id, "sharpe", status="crashed")] == [3]


def test_each_container_has_its_own_events(store: Store) -> None:
    run_id = store.create_run(new_run(12))
    with store.claim(run_id) as lease:
        store.commit(lease, block([7, 3, 0, 11]))
        store.commit(lease, block([4, result(5, "failed"), 9]))
    for index in (0, 3, 4, 5, 7, 9, 11):
        assert store.events(run_id, index).tobytes() == log(index).tobytes()


def test_sketches_are_of_done_containers_in_order(store: Store) -> None:
    run_id = store.create_run(new_run(6))
    with store.claim(run_id) as lease:
        store.commit(lease, block([5, result(2, "failed"), 1]))
        store.commit(lease, block([4, 0]))
    indices, curves = store.sketches(run_id)
    assert indices.tolist() == [0, 1, 4, 5]
    assert curves.dtype == np.float32 and np.array_equal(curves, np.stack([sketch(i) for i in (0, 1, 4, 5)]))
    indices, curves = store.sketches(run_id, [4, 2, 1, 99])
    assert indices.tolist() == [1, 4] and np.array_equal(curves, np.stack([sketch(1), sketch(4)]))
    assert store.sketches(run_id, [])[1].shape == (0, 128)


def test_failures_are_grouped_by_cause(store: Store) -> None:
    run_id = stored(
        store,
        result(0, "failed", error="Traceback\n  here\nValueError: no\n"),
        1,
        result(2, "failed", error="Traceback\n  there\nValueError: no"),
        result(3, "timed_out", error="60 s of wall clock"),
        result(4, "crashed", error=None),
        result(5, "timed_out", error="60 s of wall clock"),
        result(6, "failed", error="ValueError: no"),
    )
    found = [(f.status, f.line, f.count, f.first) for f in store.failures(run_id)]
    assert found == [
        ("failed", "ValueError: no", 3, 0),
        ("timed_out", "60 s of wall clock", 2, 3),
        ("crashed", "", 1, 4),
    ]
    assert store.failures(run_id)[0].error == "Traceback\n  here\nValueError: no\n"


def swept(store: Store) -> int:
    """Six containers with parameters of every kind, one of them failed, one of another branch."""
    params = [
        '{"book":"a","x.k\\"ey":1,"x.on":true,"x.w":[0.5,0.5]}',
        '{"book":"a","x.k\\"ey":2,"x.on":false,"x.w":[0.5,0.5]}',
        '{"book":"a","x.k\\"ey":10,"x.on":true,"x.w":[1,0]}',
        '{"book":"a","x.k\\"ey":"none","x.on":true,"x.w":[1,0]}',
        '{"book":"b"}',
        "{}",
    ]
    rows = []
    for index, text in enumerate(params):
        metrics = np.full(len(METRICS), float(index))
        metrics[SHARPE] = np.nan if index == 2 else float(index)
        last = index == len(params) - 1
        rows.append(result(index, "crashed" if last else "done", params=text, metrics=None if last else metrics))
    return stored(store, *rows)


def test_what_was_swept(store: Store) -> None:
    found = {parameter.name: parameter for parameter in store.parameters(swept(store))}
    assert {name: (one.values, one.missing) for name, one in found.items()} == {
        "book": (("a", "b"), False),
        'x.k"ey': ((1, 2, 10, "none"), True),
        "x.on": ((False, True), True),
        "x.w": (("[0.5,0.5]", "[1,0]"), True),
    }
    assert [type(value) for value in found["x.on"].values] == [bool, bool]
    assert [found[name].numeric for name in ("book", 'x.k"ey', "x.on")] == [False, False, False]
    assert store.parameters(99) == []


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (Condition("book", values=("b",)), [4]),
        (Condition('x.k"ey', values=(1, "none")), [0, 3]),
        (Condition('x.k"ey', values=(1, None)), [0, 4, 5]),
        (Condition('x.k"ey', values=(None,)), [4, 5]),
        (Condition('x.k"ey', low=2), [1, 2]),
        (Condition('x.k"ey', high=2.0), [0, 1]),
        (Condition('x.k"ey', low=2, high=9), [1]),
        (Condition('x.k"ey'), [0, 1, 2]),
        (Condition("x.on", values=(True,)), [0, 2, 3]),
        (Condition("x.w", values=("[1,0]",)), [2, 3]),
        (Condition("sharpe", low=1.0, high=3.0), [1, 3]),
        (Condition("status", values=("crashed",)), [5]),
        (Condition("gone", values=("a",)), []),
        (Condition("book", values=("a' OR 1=1 --",)), []),
    ],
)
def test_only_those_that_fulfil_a_condition(store: Store, condition: Condition, expected: list[int]) -> None:
    run_id = swept(store)
    assert [row.index for row in store.containers(run_id, where=[condition])] == expected
    assert store.count(run_id, where=[condition]) == len(expected)
    done = [index for index in expected if index != 5]
    assert store.columns(run_id, [], where=[condition])[0].tolist() == done
    assert store.count(run_id, status="done", where=[condition]) == len(done)


def test_all_conditions_hold_at_once_and_before_the_page_is_cut(store: Store) -> None:
    run_id = swept(store)
    where = [Condition("book", values=("a",)), Condition("volatility", high=2.0)]
    rows = store.containers(run_id, "volatility", descending=True, top=2, offset=1, where=where)
    assert [row.index for row in rows] == [1, 0]


def test_sorted_by_a_parameter(store: Store) -> None:
    run_id = swept(store)
    assert [row.index for row in store.containers(run_id, 'x.k"ey')] == [0, 1, 2, 3, 4, 5]
    assert [row.index for row in store.containers(run_id, 'x.k"ey', descending=True)] == [3, 2, 1, 0, 4, 5]
    with pytest.raises(InputError, match="there is no metric 'y.key'"):
        store.containers(run_id, "y.key")


def test_single_columns_without_their_rows(store: Store) -> None:
    run_id = swept(store)
    indices, (keys, sharpe, on) = store.columns(run_id, ('x.k"ey', "sharpe", "x.on"))
    assert indices.tolist() == [0, 1, 2, 3, 4] and indices.dtype == np.int64
    assert keys.tolist() == [1, 2, 10, "none", None]
    assert np.array_equal(sharpe, [0, 1, np.nan, 3, 4], equal_nan=True) and sharpe.dtype == np.float64
    assert on.tolist() == [1, 0, 1, 1, None]
    indices, (sharpe,) = store.columns(99, ["sharpe"])
    assert len(indices) == len(sharpe) == 0


def test_a_benchmark_is_in_none_of_it(store: Store) -> None:
    run_id = store.create_run(new_run(1))
    with store.claim(run_id) as lease:
        store.commit(lease, block([0]))
        store.commit_benchmark(lease, block([result(BENCHMARK)]))
    assert store.count(run_id) == 1 and store.columns(run_id, [])[0].tolist() == [0]
    assert [parameter.values for parameter in store.parameters(run_id)] == [(0,)]
