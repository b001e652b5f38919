"""The ranks of torchrun: what each gets, and what all know. Whole evaluations by ranks are in tests/soak."""

import json
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from torch.distributed import HashStore, PrefixStore

from bench.distributed import (
    NUMBERS,
    Ranks,
    SharedProgress,
    _agree_on_start,
    _join,
    local_rank,
    local_world_size,
    take_parts,
)
from bench.errors import BenchError, UsageError
from bench.progress import Done
from tests import forked_ranks

PARTS = [range(start, start + 4) for start in range(0, 200, 4)]


def in_three_threads(work):
    """What `work`, called with 0, 1 and 2 at the same time, returns."""
    with ThreadPoolExecutor(3) as pool:
        return list(pool.map(work, range(3)))


def test_each_part_falls_to_one_rank():
    store, ready = HashStore(), Barrier(3)

    def work(rank):
        taken = []
        for part in take_parts(store, "next", PARTS):
            if not taken:
                ready.wait()  # each rank has a part before any takes its second
            taken.append(part)
        return taken

    taken = in_three_threads(work)
    assert sorted((part for parts in taken for part in parts), key=lambda part: part.start) == PARTS
    assert all(taken)


def test_first_rank_shows_the_images_of_all():
    store, shown = HashStore(), []
    first = SharedProgress(store, "done", shown.append)
    others = [SharedProgress(store, "done", None) for _ in range(2)]
    for number, progress in enumerate((first, *others)):
        for right in (1, 0)[: number + 1]:
            progress(Done(images=1, crops=10, judged=1, right=right))
    others[1](Done(images=2))
    for progress in (*others, first, first):
        progress.exchange()
    assert shown[0] == Done(images=1, crops=10, judged=1, right=1)
    assert sum(shown, Done()) == Done(images=7, crops=50, judged=5, right=3)


def test_ranks_agree_on_a_start_whatever_an_earlier_one_left():
    store = HashStore()
    starts = [in_three_threads(lambda rank: _agree_on_start(store, rank, 3)) for _ in range(3)]
    assert all(len(set(names)) == 1 for names in starts)
    assert len({names[0] for names in starts}) == 3


def test_process_alone_needs_no_store():
    alone = Ranks()
    assert alone.gather(lambda: "here") == ["here"]
    assert alone.broadcast_from_first(lambda: 1) == 1
    assert list(alone.hand_out(PARTS)) == PARTS
    assert [alone.is_new("clear"), alone.is_new("clear")] == [True, True]


def test_name_is_new_once_for_all_ranks_and_restarts():
    lasting = HashStore()
    starts = [Ranks(rank, 3, PrefixStore(str(rank), lasting), lasting) for rank in range(3)]
    assert [ranks.is_new("clear") for ranks in starts] == [True, False, False]


COLLECTIVES = """
import json, sys, time
from bench.distributed import ranks
from bench.progress import Done
from bench.errors import AnotherRankFailed, BenchError

here = ranks()
result = {
    "gathered": here.gather(lambda: here.rank * 10),
    "broadcast": here.broadcast_from_first(lambda: ["a", 1]),
}
try:
    here.broadcast_from_first(lambda: 1 / 0)
except (ZeroDivisionError, AnotherRankFailed) as error:
    result["error"] = type(error).__name__
prepared = []
here.once_per_machine(lambda: prepared.append(True))
result["prepared"] = len(prepared)
result["shown"] = 0
def show(done):
    result["shown"] += done.images
with here.share_progress(show) as progress:
    for part in here.hand_out([range(0, 2), range(2, 4), range(4, 6)]):
        progress(Done(images=len(part), crops=3))
open(f"{sys.argv[1]}/{here.rank}.json", "w").write(json.dumps(result))
"""


def test_ranks_share_what_one_knows(tmp_path):
    done = forked_ranks.run(3, COLLECTIVES, tmp_path)
    assert done.returncode == 0, done.stderr
    results = [json.loads((tmp_path / f"{rank}.json").read_text()) for rank in range(3)]
    assert [result["gathered"] for result in results] == [[0, 10, 20]] * 3
    assert [result["broadcast"] for result in results] == [["a", 1]] * 3
    assert [result["error"] for result in results] == ["ZeroDivisionError"] + ["AnotherRankFailed"] * 2
    assert [result["prepared"] for result in results] == [1, 0, 0]
    assert [result["shown"] for result in results] == [6, 0, 0]


def test_rank_that_does_not_come_is_an_error(monkeypatch):
    monkeypatch.setattr("bench.distributed.MEETING", 0.0)
    with pytest.raises(BenchError, match="not all of 3 ranks came within 0 s: start the same command again"):
        _agree_on_start(HashStore(), 0, 3)


@pytest.mark.parametrize("value", ["", "x", "-1", "1.5"])
def test_process_alone_ignores_the_variables_of_ranks(monkeypatch, value):
    for name in ("LOCAL_RANK", "LOCAL_WORLD_SIZE"):
        monkeypatch.setenv(name, value)
    assert (local_rank(), local_world_size()) == (0, 1)


SET_BY_TORCHRUN = {
    "TORCHELASTIC_RUN_ID": "none",
    "RANK": "3",
    "LOCAL_RANK": "1",
    "WORLD_SIZE": "4",
    "LOCAL_WORLD_SIZE": "2",
    "MASTER_ADDR": "localhost",
    "MASTER_PORT": "29500",
}


@pytest.fixture
def under_torchrun(monkeypatch):
    for name, value in SET_BY_TORCHRUN.items():
        monkeypatch.setenv(name, value)


def test_torchrun_says_which_rank_of_its_machine_this_is(under_torchrun):
    assert (local_rank(), local_world_size()) == (1, 2)


@pytest.mark.parametrize("value", [None, "", "x"])
@pytest.mark.parametrize("name", NUMBERS)
def test_start_that_only_looks_like_one_of_torchrun_is_refused(under_torchrun, monkeypatch, name, value):
    if value is None:
        monkeypatch.delenv(name)
    else:
        monkeypatch.setenv(name, value)
    message = rf"TORCHELASTIC_RUN_ID is set, but not what else torchrun sets \({name}\): unset it, or start"
    for call in (_join, local_rank, local_world_size):
        with pytest.raises(UsageError, match=message):
            call()


def test_start_without_the_address_of_the_store_is_refused(under_torchrun, monkeypatch):
    monkeypatch.delenv("MASTER_ADDR")
    with pytest.raises(UsageError, match=r"what else torchrun sets \(MASTER_ADDR\)"):
        _join()
