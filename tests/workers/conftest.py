"""Workers in this process, over real servers; each test has a record of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from storage.settings import Settings
from storage.settings import settings as read_settings
from tests.conftest import Servers
from tests.recognizer.networks import ReLU6MobileFaceNet
from tests.workers.cast import RECOGNISER, Cast, crops, draw
from tests.workers.setting import QUICK, Setting, Use
from tests.workers.studio import HIDDEN, Studio, Version, opened_studio
from workers.recognizer import Recognizer
from workers.unlearning.methods import TAIL_METHODS

with pytest.MonkeyPatch.context() as _patch:
    # The Celery application reads its settings when it is imported; each test gives it others.
    for _name in ("ENDPOINT", "ACCESS_KEY", "SECRET_KEY"):
        _patch.setenv(f"LETHE_S3_{_name}", "http://127.0.0.1:9")
    read_settings.cache_clear()
    from tests.workers.erased import Erased, erase_two
    from tests.workers.workshop import Workshop, opened

    read_settings.cache_clear()


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def cast(tmp_path_factory: pytest.TempPathFactory) -> Cast:
    return draw(tmp_path_factory.mktemp("cast"))


@pytest.fixture(scope="session")
def recognizer() -> Recognizer:
    return Recognizer.load(RECOGNISER)


@pytest.fixture(scope="session")
def setting(recognizer: Recognizer, cast: Cast) -> Setting:
    subject = crops([photo.data for photo in cast.subject[:21]])
    others = list(cast.reference.items())[:8]
    return Setting(recognizer, subject, {who: crops(photos[:3]) for who, photos in others})


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Use:
    """``use(Method)``: the name of the method that runs here stands for another."""
    return lambda method: monkeypatch.setitem(TAIL_METHODS, QUICK.method, method)


@pytest.fixture
def workshop(settings: Settings, cast: Cast) -> Iterator[Workshop]:
    """A model and its face sets: 24 reference people, 16 benchmark people."""
    with opened(settings) as workshop:
        workshop.add_model(cast.reference, cast.benchmark)
        yield workshop


@pytest.fixture
def cloakroom(settings: Settings, cast: Cast) -> Iterator[Workshop]:
    """As much of a workshop as preparation needs: it never looks at the benchmark people."""
    with opened(settings) as workshop:
        reference = dict(list(cast.reference.items())[:12])
        workshop.add_model(reference, dict(list(cast.benchmark.items())[:2]))
        yield workshop


@pytest.fixture(scope="session")
def erased(servers: Servers, cast: Cast, tmp_path_factory: pytest.TempPathFactory) -> Erased:
    """Two tickets of one model, erased once for all tests that look at what is left."""
    (s3,) = tmp_path_factory.getbasetemp().glob("servers[0-9]*/s3")
    return erase_two(servers, cast, tmp_path_factory.mktemp("erased"), s3)


@pytest.fixture(scope="module")
def studio(cast: Cast, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    with opened_studio(cast, tmp_path_factory.mktemp("studio")) as studio:
        yield studio


@pytest.fixture(scope="module")
def small(studio: Studio) -> Recognizer:
    """A network as trained, with room for three erasures."""
    return studio.network("small", ReLU6MobileFaceNet(hidden=HIDDEN))


@pytest.fixture(scope="module")
def second_version(studio: Studio, small: Recognizer) -> Version:
    """After one erasure."""
    return Version(studio.erase(small, [0], "second"), studio.freed[-1])
