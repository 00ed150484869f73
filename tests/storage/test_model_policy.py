"""A model's own policy: who approves its tickets, and what its versions become."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from storage.canonical import Corrupt
from storage.errors import BadInput
from storage.models.desk import ModelBusy, ModelDesk
from storage.models.registry import Approval, ModelPolicy, NoSuchModel, Version
from storage.record import Record
from storage.settings import Settings
from tests.storage.conftest import MODEL

POLICY = f"models/{MODEL}/policy/"


@pytest.fixture
def models_desk(record: Record, publish: Callable[..., Version]) -> ModelDesk:
    publish()
    return ModelDesk(record)


def test_a_model_that_settles_nothing_follows_the_settings(
    settings: Settings, record: Record, models_desk: ModelDesk
):
    assert record.models.policy(MODEL) == ModelPolicy(Approval.BY_HAND, "current")
    careful = Record.open(settings.model_copy(update={"publish_as": "candidate"}))
    assert careful.models.policy(MODEL) == ModelPolicy(Approval.BY_HAND, "candidate")
    models_desk.settle(MODEL, "ada", approval="automatic")
    assert careful.models.policy(MODEL) == ModelPolicy(Approval.AUTOMATIC, "candidate")


def test_each_change_is_recorded_and_leaves_what_it_does_not_name(
    record: Record, models_desk: ModelDesk
):
    models_desk.settle(MODEL, "ada", approval="automatic")
    now = models_desk.settle(MODEL, "grace", publish_as="candidate")
    assert now == record.models.policy(MODEL) == ModelPolicy(Approval.AUTOMATIC, "candidate")
    written = [record.objects.get_document(name) for name in record.objects.names(POLICY)]
    assert [(entry["actor"], entry["number"]) for entry in written] == [("ada", 1), ("grace", 2)]
    assert record.ledger.verify().broken == ()


def test_a_certified_version_becomes_what_its_model_settles(
    record: Record, models_desk: ModelDesk, publish: Callable[..., Version]
):
    first = record.models.find(MODEL)
    models_desk.settle(MODEL, "ada", publish_as="candidate")
    made = publish(b"two", parent=first)
    models_desk.promote(MODEL, 1, "ada")
    with record.leases.hold("model", MODEL) as lease:
        assert lease is not None
        record.models.release(made, "worker", lease)
    assert record.models.aliases(MODEL) == {"current": 1, "candidate": 2}


def test_a_policy_is_changed_while_a_run_works_on_the_model_and_by_one_at_a_time(
    record: Record, models_desk: ModelDesk
):
    with record.leases.hold("model", MODEL):
        models_desk.settle(MODEL, "ada", approval="automatic")
        with record.leases.hold("policy", MODEL), pytest.raises(ModelBusy, match=MODEL):
            models_desk.settle(MODEL, "ada", approval="by-hand")
    assert record.models.policy(MODEL).approval is Approval.AUTOMATIC


def test_what_nobody_knows_is_refused(models_desk: ModelDesk):
    for wrong in ({"approval": "maybe"}, {"publish_as": "latest"}):
        with pytest.raises(BadInput, match="approval is by-hand or automatic"):
            models_desk.settle(MODEL, "ada", **wrong)
    with pytest.raises(NoSuchModel):
        models_desk.settle("gate", "ada", approval="automatic")


def test_an_altered_policy_is_refused_and_reported_by_name(record: Record, models_desk: ModelDesk):
    for approval in ("by-hand", "automatic"):
        models_desk.settle(MODEL, "ada", approval=approval)
    name = f"{POLICY}000002.json"
    document = record.objects.get_document(name)
    for change in ({"approval": "never"}, {"publish_as": []}, {"format": 2}, {"token": None}):
        record.objects.put_document(name, {**document, **change})
        with pytest.raises(Corrupt, match=f"^{name}: "):
            record.models.policy(MODEL)
        assert record.ledger.verify().broken[0].startswith(f"{name}: ")
    record.objects.put_document(name, document)
    record.objects.put_document(f"{POLICY}000001.json", {**document, "number": 1})
    assert record.ledger.verify().broken[0].startswith(f"{POLICY}000001.json: names another")
