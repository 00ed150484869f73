"""The chain of certificates: whole back to the import, or refused with the reason."""

from __future__ import annotations

import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from storage.certificates.chain import Link, back_to_import, faults, last
from storage.certificates.form import form_of
from storage.certificates.issued import Signer, issue
from storage.certificates.signing import BadCertificate
from tests.storage.bodies import body, chain, ticket, version


def link(data: bytes, name: str = "c.json") -> Link:
    return Link.of(data, form_of(json.loads(data)["certificate"], name), name)


@pytest.fixture
def links(signer: Signer) -> list[Link]:
    return [link(data, f"{n}.json") for n, data in enumerate(chain(signer, 4))]


def refusal(head: Link, others: list[Link]) -> str:
    with pytest.raises(BadCertificate) as error:
        back_to_import(head, others)
    return str(error.value)


def after(signer: Signer, before: Link | None, number: int, **changes: object) -> Link:
    previous = before.digest if before else None
    made = body(ticket=ticket(number), previous_certificate=previous, **changes)
    return link(issue(made, signer), f"{number}.json")


def test_a_whole_chain_is_walked_back_to_the_import_in_whatever_order_it_is_given(
    links: list[Link],
):
    assert back_to_import(links[-1], links[1:3] + links[:1]) == links[::-1]
    assert list(faults(links, version(1)["digest"])) == []
    assert last(links) == links[-1]
    assert last([]) is None


def test_one_certificate_alone_is_a_chain_if_it_is_the_first(links: list[Link]):
    assert back_to_import(links[0], []) == links[:1]
    assert "a link is missing" in refusal(links[1], [])


@given(st.data())
def test_any_missing_link_is_refused(data: st.DataObject):
    signer = Signer(Ed25519PrivateKey.generate())
    links = [link(made, f"{n}.json") for n, made in enumerate(chain(signer, 4))]
    gone = data.draw(st.integers(0, 2))
    line = refusal(links[-1], links[:gone] + links[gone + 1 : -1])
    assert line.startswith(f"{gone + 1}.json: names a certificate before it with SHA-256 ")
    assert "a link is missing" in line


def test_a_certificate_given_twice_is_refused(links: list[Link]):
    twice = Link("copy.json", links[1].digest, links[1].form)
    assert refusal(links[-1], [*links[:-1], twice]).startswith("copy.json: the same certificate as")
    assert "replayed" in refusal(links[0], [links[0]])


def test_two_certificates_of_one_ticket_are_refused(signer: Signer, links: list[Link]):
    again = after(signer, links[-1], 1, version=version(6))
    assert f"a second certificate of ticket {ticket(1)}" in refusal(again, links)


def test_an_older_certificate_presented_as_the_last_is_refused(links: list[Link]):
    line = refusal(links[2], [*links[:2], links[3]])
    assert line == (
        "2.json: not the last certificate of model door-cameras: 3.json, of version 5, follows it"
    )


def test_two_certificates_after_one_are_refused(signer: Signer, links: list[Link]):
    rival = after(signer, links[2], 9, version=version(7))
    assert "out of the chain" in refusal(rival, links)
    other_first = after(signer, None, 9)
    assert "both say that none is before them" in refusal(links[-1], [*links[:-1], other_first])


def test_a_certificate_of_another_model_or_import_is_refused(signer: Signer, links: list[Link]):
    line = refusal(links[0], [after(signer, links[0], 9, model="gate")])
    assert "of model gate, not of door-cameras" in line
    elsewhere = version(3)["digest"]
    line = refusal(after(signer, links[0], 9, imported_version=elsewhere), links[:1])
    assert "names another import" in line


def test_a_first_certificate_whose_parent_is_not_the_import_is_refused(signer: Signer):
    line = refusal(after(signer, None, 9, version=version(3)), [])
    assert line.endswith("says that it is the first, and its parent is not the import")


def test_a_version_made_from_one_that_nothing_certifies_is_refused(
    signer: Signer, links: list[Link]
):
    line = refusal(after(signer, links[-1], 9, version=version(9)), links)
    assert "version 9 was made from version 8, which no certificate of the chain is about" in line


def test_after_a_rollback_the_next_certificate_follows_the_last_one_issued(
    signer: Signer, links: list[Link]
):
    found = after(signer, last(links), 9, version=version(6), parent=version(2))
    assert back_to_import(found, links) == [found, *links[::-1]]


def test_several_tickets_of_one_version_follow_each_other(signer: Signer, links: list[Link]):
    second = after(signer, links[-1], 8, version=version(6))
    third = after(signer, second, 9, version=version(6))
    assert len(back_to_import(third, [*links, second])) == 6


def test_one_that_was_certified_late_follows_those_of_later_versions(
    signer: Signer, links: list[Link]
):
    late = after(signer, links[-1], 9, version=version(3))
    in_order_of_publication = [*links[:2], late, *links[2:]]
    assert last(in_order_of_publication) == late
    assert list(faults(in_order_of_publication)) == []


def test_the_chain_goes_on_from_certificates_of_format_1(signer: Signer):
    old = []
    for number in (1, 2):
        made = body(format=1, ticket=ticket(number), version=version(number + 1))
        for field in ("imported_version", "forget_photos", "held_out_photos"):
            del made[field]
        old.append(link(signer.sign(made), f"{number}.json"))
    assert last(old) == old[1]
    new = after(signer, old[1], 3, version=version(4))
    assert back_to_import(new, old[1:]) == [new, old[1]]
    assert last([*old, new]) == new
    assert list(faults([*old, new], version(1)["digest"])) == []
    assert "1.json: not in the chain" in refusal(new, old)
