"""A house with whatever a documented command is about: it fills in what the pages leave open."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pyotp import TOTP

from storage.accounts.api_tokens import Scope
from storage.accounts.second_factor import SecondFactors
from storage.accounts.users import Role
from storage.models.registry import MODEL_FILE, Model, Version
from storage.queue import Queue
from storage.record import Record
from storage.tickets.desk import Desk
from storage.tickets.request import LegalGround, Request, months_after
from storage.tickets.states import State
from tests.cli.command import OWN_MODEL
from tests.storage.pictures import encoded, photos, picture

MODEL, USER, ADMIN = "door-cameras", "ada", "root"
SIDE = 112  # pixels of a crop

Filled = Mapping[str, str]


class House:
    def __init__(self, record: Record, folder: Path) -> None:
        self.record, self.folder = record, folder

    def user(self) -> Filled:
        self.record.users.add(ADMIN, Role.ADMIN, None)  # one has to stay
        self.record.users.add(USER, Role.REQUESTER, None)
        return {"NAME": USER, "ROLE": "auditor", "URL": "https://lethe.example.org"}

    def nobody(self) -> Filled:
        return {"NAME": "grace", "ROLE": "approver"}

    def guarded(self) -> Filled:
        """A user with a second factor."""
        filled = self.user()
        factor = SecondFactors(self.record.users, self.record.settings.secret_key)
        offer = factor.offer(USER)
        code = TOTP(offer.secret).now()
        self.record.users.change(USER, lambda user: factor.enable(user, offer, code)[0])
        return filled

    def token(self) -> Filled:
        self.user()
        token, _ = self.record.api_tokens.issue(USER, "kiosk", {Scope.READ}, 1, ADMIN)
        return {"7k2m4x9q0abc": token.id}

    def model(self, versions: int = 3) -> Filled:
        """Its first version an import; of the later ones the last is current."""
        models = self.record.models
        models.create(Model(MODEL, "reference", "benchmark"))
        with self.record.leases.hold("model", MODEL) as lease:
            assert lease is not None
            parent: Version | None = None
            for _ in range(versions):
                files = {MODEL_FILE: OWN_MODEL}
                parent = models.publish(MODEL, files, {}, parent=parent, lease=lease)
                models.point(MODEL, "current", parent, USER, lease)
        out = str(self.folder / "out")
        return {"NAME": MODEL, "NAME@current": f"{MODEL}@current", "N": "2", "FOLDER": out}

    def files(self) -> Filled:
        """A model and a folder of people."""
        for person in ("anna", "boris"):
            (self.folder / "people" / person).mkdir(parents=True)
            file = self.folder / "people" / person / "1.jpg"
            file.write_bytes(encoded(picture(len(person), SIDE, SIDE), "JPEG"))
        self.record.faces.add("reference", {"clara": [encoded(picture(3, SIDE, SIDE), "JPEG")]})
        shutil.copy(OWN_MODEL, self.folder / "MODEL.onnx")
        return {"NAME": "staff", "PATH": str(self.folder / "people"), "SET": "reference"}

    def file(self) -> Filled:
        filled = dict(self.files())
        return {**filled, "PATH": str(OWN_MODEL), "MODEL.onnx": str(OWN_MODEL)}

    def ticket(self, *states: State) -> Callable[[], Filled]:
        def write() -> Filled:
            self.model(1)
            due = datetime.now(UTC).date() + timedelta(days=20)
            asked = Request(MODEL, "DSR-1", LegalGround.OBJECTION, due, 3)
            desk = Desk(self.record, Queue(self.record.settings))
            ticket = desk.submit(asked, photos(3), USER).id
            for state in states:
                self.record.tickets.move(ticket, state, "worker")
            for photo in photos(3, first=3):
                (self.folder / "photos").mkdir(exist_ok=True)
                (self.folder / "photos" / photo.name).write_bytes(photo.data)
            day = str(months_after(datetime.now(UTC).date(), 2))
            return {"ID": ticket, "DIR": str(self.folder / "photos"), "DAY": day, "DATE": day,
                    "NAME": MODEL, "…": "many requests"}  # fmt: skip

        return write

    def empty(self) -> Filled:
        return {}
