"""The document: what it says is what the API takes and answers, whatever is sent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from openapi_spec_validator import validate
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from storage.accounts.users import Role
from storage.tickets.states import State
from storage.tickets.ticket import Ticket
from tests.web.api.conftest import Caller
from tests.web.conftest import MODEL

EXAMPLES = 8  # of each operation and mode
CONFORM = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
)
bounded = settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def test_the_document_is_openapi_and_the_same_for_everybody(app: Flask) -> None:
    stranger = app.test_client()
    first = stranger.get("/api/v1/openapi.json")
    assert first.json["openapi"] == "3.1.0"
    validate(first.json)
    again = stranger.get("/api/v1/openapi.json", headers={"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304


@pytest.mark.parametrize("mode", list(GenerationMode))
def test_no_operation_answers_what_the_document_does_not_say(
    app: Flask, call: Callable[..., Caller], submitted: Callable[..., Ticket], mode: GenerationMode
) -> None:
    caller = call(Role.ADMIN)
    schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", app)
    bad = mode is GenerationMode.NEGATIVE  # what is wrong may be the address: it is left as it is
    checks = (*CONFORM, negative_data_rejection) if bad else CONFORM
    tickets = [submitted().id, submitted(then=[State.APPROVED, State.FAILED]).id]
    real = {"ticket": tickets, "name": [MODEL, "reference"], "number": [1]}
    for found in schema.get_all_operations():
        operation = found.ok()

        @seed(20261123)
        @bounded
        @given(case=operation.as_strategy(generation_mode=mode), data=st.data())
        def sent(case: Any, data: Any) -> None:
            for name in case.path_parameters or {}:
                if not bad and name in real and data.draw(st.booleans()):
                    case.path_parameters[name] = data.draw(st.sampled_from(real[name]))
            headers = {"Authorization": f"Bearer {caller.secret}"}
            case.call_and_validate(headers=headers, checks=list(checks))

        sent()
