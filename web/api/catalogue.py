"""Every operation of the API, resource by resource; its document shows them in this order."""

from __future__ import annotations

from web.api import (
    audit,
    face_sets,
    imports,
    models,
    submissions,
    system,
    ticket_steps,
    tickets,
    tokens,
    users,
)
from web.api.contract import Operation, Resource

PREFIX = "/api/v1"
RESOURCES: tuple[Resource, ...] = (
    tickets.resource,
    submissions.resource,
    ticket_steps.resource,
    models.resource,
    imports.resource,
    face_sets.resource,
    audit.resource,
    users.resource,
    tokens.resource,
    system.resource,
)
OPERATIONS: tuple[Operation, ...] = tuple(one for resource in RESOURCES for one in resource)
