"""The state of a shared child: what one container changes, the next does not see."""

import sys
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

from engine.own.load import load
from engine.parallel import versions
from engine.parallel.block import Result
from engine.parallel.making import runs_code
from engine.parallel.pool import Pool
from engine.parallel.state import State
from engine.parallel.versions import Versions
from engine.parallel.watched import Watcher
from engine.parallel.watches import TooMuchError
from engine.plan import Plan
from tests.engine.own import POISON, own_of, sources
from tests.engine.small import plan_of

MODES = get_args(POISON.registry.strategies["meddler"].model_fields["mode"].annotation)
#: What cannot be put back: each container after one of these has a child of its own.
FOR_GOOD = ("frame", "bit_generator", "open_file", "thread")


def results_of(plan: Plan, workers: int = 1) -> list[Result]:
    with Pool(plan, workers) as pool:
        found = [result for block in pool.blocks(range(plan.containers)) for result in block.results]
    assert len(found) == plan.containers
    return sorted(found, key=lambda result: result.index)


def meddling(modes: list[str], **options: Any) -> Plan:
    own = {key: options.pop(key) for key in ("note", "listed") if key in options}
    return plan_of({"kind": "meddler", "mode": modes, **own}, own=POISON, limits={"isolation": "batch", **options})


def processes(note: Path) -> list[tuple[str, str]]:
    return [(mode, pid) for mode, pid in (line.split() for line in note.read_text().splitlines())]


@pytest.fixture(scope="module")
def quiet() -> str:
    """What a container sees in a child of its own."""
    return results_of(meddling(["nothing"], isolation="container"))[0].signals_digest or ""


@pytest.mark.parametrize("mode", [mode for mode in MODES if mode != "nothing"])
def test_what_one_container_changes_the_next_does_not_see(mode: str, quiet: str, tmp_path: Path) -> None:
    note = tmp_path / "note"
    first, second, third = MODES[0], mode, "umask" if mode != "umask" else "path"
    plan = meddling([first, second, third], note=str(note))
    results = results_of(plan)
    expected = [quiet, None if mode == "fails_after" else quiet, quiet]
    assert [result.signals_digest for result in results] == expected, [result.error for result in results]
    ran = processes(note)
    children = len({pid for _, pid in ran})
    if mode in FOR_GOOD:  # it is run again, alone, and so is what follows
        assert [name for name, _ in ran] == [first, second, second, third] and children == 3
    elif mode == "library_import":
        assert [name for name, _ in ran] == [first, second, third] and children == 2
    else:
        assert [name for name, _ in ran] == [first, second, third] and children == 1


def test_all_of_it_together_however_it_is_shared_out(quiet: str) -> None:
    modes = [mode for mode in MODES if mode not in FOR_GOOD]
    for plan, workers in ((meddling(modes), 1), (meddling(modes[::-1]), 2), (meddling(modes, isolation="auto"), 2)):
        found = {result.signals_digest for result in results_of(plan, workers)}
        assert found == {quiet, None} if workers == 1 else len(found - {None}) == 1


def test_stages_of_one_container_do_not_see_each_other_either(quiet: str) -> None:
    alone = results_of(meddling(["nothing"]))[0]
    books = [{"kind": "meddler", "mode": "variables"}, {"kind": "meddler", "mode": "numpy_modes"}]
    one = results_of(plan_of(*books, own=POISON, limits={"isolation": "container"}))[0]
    assert alone.status == one.status == "done"
    with Pool(plan_of(*books, own=POISON), 1) as pool:
        log = next(iter(pool.blocks([0])))
    assert log.results[0].signals_digest == one.signals_digest


COUNTS = """
from bulkhead import BarStrategy, Field
from pydantic import PrivateAttr

class Counts(BarStrategy):
    kind = "counts"
    since: int = Field(1, ge=0)
    _bars: list[int] = PrivateAttr(default_factory=list)
    _last: int = PrivateAttr(0)
    def on_bar(self, bar):
        self._bars.append(bar.number)
        self._last += 1
        return 1.0 if self._last > 50 and len(self._bars) < 100 else 0.0
"""


def test_an_instance_that_several_containers_share_begins_anew_in_each() -> None:
    plan = plan_of(
        {"kind": "counts"},
        own=own_of(counts=COUNTS),
        limits={"isolation": "batch"},
        risk={"stop_loss": [0.5, 0.6, 0.7]},
    )
    assert len({result.digest for result in results_of(plan)}) == 1


VALIDATED = """
import numpy as np
from bulkhead import Field, Strategy
from pydantic import field_validator
SEEN = [0]

class Validated(Strategy):
    kind = "validated"
    since: int = Field(1, ge=0)
    @field_validator("since")
    @classmethod
    def _meddles(cls, value):
        np.seterr(all="raise")
        SEEN[0] += 1
        return value
    def signal(self, market, indicators, regimes):
        loud = np.geterr()["divide"] == "raise"
        return np.full(market.valid.shape, 0.1 + 0.3 * loud + 0.01 * SEEN[0])
"""


def test_what_a_validator_changes_no_container_sees() -> None:
    """It runs once for all containers that share a stage, whoever comes first."""
    seen = {
        results_of(plan_of({"kind": "validated", "since": [1, 2]}, own=own_of(validated=VALIDATED), **more))[0].digest
        for more in (
            {"limits": {"isolation": "batch"}, "risk": {"stop_loss": [0.5, 0.6]}},
            {"limits": {"isolation": "container"}, "risk": {"stop_loss": [0.5, 0.6]}},
        )
    }
    plan = plan_of(
        {"kind": "validated", "since": [1, 2]}, own=own_of(validated=VALIDATED), limits={"isolation": "batch"}
    )
    first, second = results_of(plan)
    assert len(seen) == 1 and first.signals_digest == second.signals_digest


UNSEEN = """
import itertools, threading, weakref
from bulkhead import Strategy, Field
import numpy as np
NUMBERS = HERE

class Unseen(Strategy):
    kind = "unseen"
    since: int = Field(1, ge=0)
    def signal(self, market, indicators, regimes):
        return np.full(market.valid.shape, 1.0 / (1 + next(NUMBERS)))
"""


@pytest.mark.parametrize(
    "holds",
    [
        "NUMBERS = (number for number in itertools.count())",
        "KEPT = weakref.WeakKeyDictionary({np.ndarray: itertools.count()})\nNUMBERS = KEPT[np.ndarray]",
        "LOCK = threading.RLock()\nNUMBERS = iter([0, 0, 0])",
    ],
)
def test_what_nobody_can_look_into_gives_each_container_a_child(holds: str) -> None:
    text = UNSEEN.replace("NUMBERS = HERE", holds)
    plan = plan_of({"kind": "unseen", "since": [1, 2, 3]}, own=own_of(unseen=text), limits={"isolation": "batch"})
    assert len({result.digest for result in results_of(plan)}) == 1


def test_built_in_stages_have_no_state_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise AssertionError("taken")

    monkeypatch.setattr(State, "__init__", refused)
    assert [result.status for result in results_of(plan_of({"kind": "ma_cross", "fast": [3, 4], "slow": 9}))] == [
        "done",
        "done",
    ]


@pytest.fixture
def numbered(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    monkeypatch.setattr(versions, "_NUMBERED", request.param)
    return bool(request.param)


@pytest.mark.parametrize("numbered", [versions._NUMBERED, False], indirect=True)
def test_versions_of_dicts_tell_every_change(numbered: bool) -> None:
    dicts: list[dict[str, int]] = [{"a": 1}, {}, vars(np)]
    seen = Versions(dicts)
    assert seen.changed() == ([] if numbered else [0, 1, 2])
    dicts[0]["a"] = 2
    assert 0 in seen.changed()
    dicts[1]["b"] = 2
    assert {1} <= set(seen.changed())
    del dicts[1]["b"]
    assert {1} <= set(seen.changed())
    seen.settle()
    assert seen.changed() == ([] if numbered else [0, 1, 2])


def test_too_much_to_watch_is_said() -> None:
    (module,) = sources(large="import numpy as np\nTABLE = np.zeros(3_000_000)\nclass A:\n    pass\n")
    load([module], ["large"])
    with pytest.raises(TooMuchError, match="large.TABLE holds more than 16 MiB of values"):
        Watcher(["large"]).module(sys.modules["large"])


PLAIN = """
from typing import Annotated, Literal
from bulkhead import BarStrategy, Field
from pydantic import PrivateAttr

class Made(BarStrategy):
    kind = "made"
    since: int = Field(1, ge=0)
    names: list[str] = Field(default_factory=list)
    side: Literal["long", "short"] = "long"
    _bars: list[int] = PrivateAttr(default_factory=list)
    def on_bar(self, bar):
        return 0.0
"""
MAKING = {
    "@field_validator('since')\n    @classmethod\n    def _v(cls, value):\n        return value": "field_validator",
    "@model_validator(mode='after')\n    def _v(self):\n        return self": "model_validator",
    "odd: Annotated[int, AfterValidator(lambda value: value)] = 1": "AfterValidator",
    "odd: int = Field(default_factory=lambda: 1)": "",
    "_odd: int = PrivateAttr(default_factory=lambda: 1)": "",
    "def model_post_init(self, context):\n        pass": "",
    "def __init__(self, **values):\n        super().__init__(**values)": "",
}


@pytest.mark.parametrize("more", ["", *MAKING])
def test_it_is_known_whether_making_a_stage_runs_code(more: str) -> None:
    imported = f"from pydantic import {MAKING[more]}\n" if MAKING.get(more) else ""
    (module,) = sources(made=imported + PLAIN.replace("    def on_bar", f"    {more}\n    def on_bar"))
    (model,) = load([module], ["made"])
    assert runs_code(model, {"made"}) == bool(more)
