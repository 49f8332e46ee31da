"""A container of a home run anew in a process of its own: the answer of `bulkhead reproduce`."""

import pytest

from app.services import again
from app.services.home import Home
from app.services.reproducing import DIFFERENT, IDENTICAL
from engine.errors import InputError
from tests.app.small import SMALL, bulkhead, write


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Home:
    folder = tmp_path_factory.mktemp("again")
    assert bulkhead(folder, "run", write(folder, SMALL), "--workers", "1").code == 0
    return Home(folder)


def test_a_container_is_the_same_again(home: Home) -> None:
    found = again.reproduce_apart(home, 1, 3)
    with home.store() as store:
        assert (found.verdict, found.digest) == (IDENTICAL, store.container(1, 3).digest)
        assert len(store.runs()) == 1, "nothing of it is stored"


def test_a_changed_result_is_found_out(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    export = again.export_container
    monkeypatch.setattr(
        again, "export_container", lambda *asked: export(*asked).replace("commission_bps = 5.0", "commission_bps = 6.0")
    )
    found = again.reproduce_apart(home, 1, 0)
    assert found.verdict == DIFFERENT and found.metrics
    assert found.diverged is not None and found.diverged.original["kind"] == "FILL"
    assert found.diverged.original["commission"] != found.diverged.now["commission"]


def test_what_cannot_run_is_said_in_a_line(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(again, "export_container", lambda *_: "[experiment]\n")
    with pytest.raises(InputError) as caught:
        again.reproduce_apart(home, 1, 0)
    assert "\n" not in str(caught.value) and "export" in str(caught.value)
