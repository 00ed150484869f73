"""What is written once: nobody's is replaced, and one's own is known by a mark."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from minio import Minio

from storage import object_names
from storage.canonical import canonical, sha256
from storage.record import Record
from storage.settings import Settings
from storage.store.connections import Connections
from storage.store.objects import ObjectExists, ObjectStore, StoreUnavailable
from tests.faults.proxy import Fault, Proxy
from tests.storage.conditional import (
    CONFLICT,
    NO_SUCH_HEADER,
    Conditional,
    client,
    conditional,
    conditional_settings,
    either,
    everything,
    moto,
    versioned,
)

__all__ = ["client", "conditional", "conditional_settings", "either", "moto", "versioned"]

MINE, OTHER = {"by": "ada"}, {"by": "grace"}


def test_a_store_shows_whether_it_knows_conditional_writes(record: Record, versioned: Record):
    assert not record.objects.conditional
    assert versioned.objects.conditional
    assert (
        list(versioned.objects.names("")) == [object_names.PROBE] == list(record.objects.names(""))
    )


def test_what_is_there_is_not_written_over(either: Record):
    objects = either.objects
    assert objects.put_new("a/1.json", MINE) == sha256(canonical(MINE))
    for document in (OTHER, MINE):  # the same words of somebody else are somebody else's
        with pytest.raises(ObjectExists, match=r"^a/1\.json: is there already"):
            objects.put_new("a/1.json", document)
    assert objects.get_document("a/1.json") == MINE
    objects.put("a/2.json", b"{}")
    with pytest.raises(ObjectExists):
        objects.put_new("a/2.json", OTHER)


@pytest.fixture
def lossy(either: Record) -> Iterator[tuple[Proxy, ObjectStore]]:
    proxy = Proxy(either.settings.s3_endpoint)
    yield (
        proxy,
        ObjectStore.from_settings(
            either.settings.model_copy(update={"s3_endpoint": proxy.url, "s3_timeout": 1.0})
        ),
    )
    proxy.stop()


def test_a_write_whose_answer_is_lost_is_known_as_one_s_own(
    lossy: tuple[Proxy, ObjectStore], either: Record
):
    proxy, objects = lossy
    rule = proxy.on(Fault.LOSE_ANSWER, "PUT", "a/1", times=1)
    objects.put_new("a/1.json", MINE)
    assert rule.hits == 1
    assert either.objects.get_document("a/1.json") == MINE


def test_a_probe_whose_answer_is_lost_tells_the_truth_all_the_same(
    lossy: tuple[Proxy, ObjectStore], either: Record
):
    proxy, objects = lossy
    rule = proxy.on(Fault.LOSE_ANSWER, "PUT", "probes/", times=1)
    assert objects.conditional is either.objects.conditional
    assert rule.hits == 1


def test_of_many_writers_at_once_one_wins(versioned: Record, client: Minio):
    results: list[int] = []
    start = threading.Barrier(8)

    def write(number: int) -> None:
        objects = ObjectStore.from_settings(versioned.settings)
        assert objects.conditional
        start.wait()
        try:
            objects.put_new("a/1.json", {"by": number})
        except ObjectExists:
            return
        results.append(number)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 1
    assert versioned.objects.get_document("a/1.json") == {"by": results[0]}
    assert everything(client, versioned, "a/") == ["a/1.json"]


def test_what_was_removed_can_be_written_anew(versioned: Record, client: Minio):
    versioned.objects.put_new("a/1.json", MINE)
    client.remove_object(versioned.settings.s3_bucket, "a/1.json")  # a delete marker hides it
    versioned.objects.put_new("a/1.json", OTHER)
    assert versioned.objects.get_document("a/1.json") == OTHER


def test_a_store_that_refuses_the_condition_is_asked_without_it(
    versioned: Record, conditional: Conditional
):
    conditional.answers += [NO_SUCH_HEADER] * 9
    objects = ObjectStore.from_settings(versioned.settings)
    assert not objects.conditional
    objects.put_new("a/1.json", MINE)
    with pytest.raises(ObjectExists):
        objects.put_new("a/1.json", OTHER)
    assert objects.get_document("a/1.json") == MINE


def test_a_conflict_with_a_write_that_comes_to_nothing_is_tried_again(
    versioned: Record, conditional: Conditional
):
    assert versioned.objects.conditional
    conditional.answers += [CONFLICT] * 2
    versioned.objects.put_new("a/1.json", MINE)
    assert versioned.objects.get_document("a/1.json") == MINE
    conditional.answers += [CONFLICT] * 3
    with pytest.raises(StoreUnavailable, match=r"a/2\.json: another write of it is under way"):
        versioned.objects.put_new("a/2.json", MINE)


def test_a_writer_that_is_overtaken_hears_of_it_where_there_are_no_conditions(
    settings: Settings, record: Record, monkeypatch: pytest.MonkeyPatch
):
    other = ObjectStore.from_settings(settings)
    real = Connections.urlopen

    def overtaken(self: Connections, method: str, url: str, **given: object) -> object:
        answer = real(self, method, url, **given)
        if method == "PUT" and "a/1.json" in url:
            monkeypatch.undo()
            other.put_document("a/1.json", OTHER)
        return answer

    assert not record.objects.conditional
    monkeypatch.setattr(Connections, "urlopen", overtaken)
    with pytest.raises(ObjectExists):
        record.objects.put_new("a/1.json", MINE)
    assert record.objects.get_document("a/1.json") == OTHER
