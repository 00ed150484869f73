"""The task ``webhooks``: tells the operator's receiver which tickets changed their state."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

import requests
import structlog
from redis.exceptions import RedisError

from storage.canonical import Corrupt
from storage.errors import LetheError
from storage.record import Record
from storage.settings import HOUR, Settings
from storage.store.objects import ObjectMissing
from storage.tickets import webhook_signature
from storage.tickets.announcements import DAY, Announcements
from storage.tickets.registry import NoSuchTicket
from storage.tickets.webhooks import TASK, Message
from workers.app import app, record

log = structlog.get_logger()

# Seconds between attempts: the schedule that Standard Webhooks recommends, three days in all.
DELAYS = (5, 300, 1800, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, DAY)
TIMEOUT = (5.0, 20.0)  # seconds to connect, and of silence until the answer's head is there

_at_work = threading.Lock()


class NotTaken(LetheError):
    """The receiver did not say that it has the message."""


@app.task(name=TASK)  # type: ignore[untyped-decorator]
def webhooks() -> None:
    """Wakes the thread that sends: a receiver that hangs holds up neither this worker's next
    task nor its end. What it leaves unsent waits in Redis."""
    if _at_work.acquire(blocking=False):
        threading.Thread(target=_send_all, name="webhooks", daemon=True).start()


def _send_all() -> None:
    try:
        kept = record()
        with kept.leases.hold("webhooks", "receiver") as lease:
            if lease is not None:
                send_due(kept)
    except (LetheError, RedisError) as error:  # nothing is lost: the next tick tries again
        log.warning("webhooks put off", error=type(error).__name__)
    finally:
        _at_work.release()


def send_due(kept: Record, delays: Sequence[float] = DELAYS) -> None:
    """Sends what is due, the earliest first, until nothing is or the receiver fails once.

    An event is told at least once: a crash between the answer and ``done`` tells it again, under
    the same id.

    Raises:
        StoreUnavailable, StoreRefused, QueueUnavailable: nothing is lost; call it again later.
    """
    waiting = Announcements(kept.redis)
    while (name := waiting.next()) is not None:
        try:
            message = Message.read(kept, name)
            post(kept.settings, message)
        except (ObjectMissing, NoSuchTicket, Corrupt) as error:
            # Not there yet, or never, or altered: no fault of the receiver's.
            _put_off(waiting, name, error, delays)
        except NotTaken as error:
            _put_off(waiting, name, error, delays)
            return
        else:
            waiting.done(name)
            log.info("webhook sent", webhook=message.id)


def post(settings: Settings, message: Message) -> None:
    """One attempt. No redirect is followed, and nothing of the answer's body is read.

    Raises:
        NotTaken: any other answer than 2xx, or none in time.
    """
    if settings.webhook_url is None or settings.webhook_secret is None:
        raise NotTaken("LETHE_WEBHOOK_URL is not set")
    key = webhook_signature.key_of(settings.webhook_secret.get_secret_value())
    signed = webhook_signature.headers(key, message.id, int(time.time()), message.body)
    try:
        with requests.post(
            settings.webhook_url,
            data=message.body,
            headers={"content-type": "application/json", "user-agent": "lethe", **signed},
            timeout=TIMEOUT,
            allow_redirects=False,
            stream=True,
        ) as answer:
            status = answer.status_code
    except (requests.RequestException, OSError) as error:
        # Not its text, which holds the URL, and that may hold a token.
        raise NotTaken(f"no answer ({type(error).__name__})") from None
    if not 200 <= status < 300:
        raise NotTaken(f"answered {status}")


def _put_off(waiting: Announcements, name: str, error: LetheError, delays: Sequence[float]) -> None:
    """Logs names and reasons that hold no more than an event's name or a status."""
    if waiting.put_off(name, delays):
        log.warning("webhook put off", event_name=name, reason=str(error))
    else:
        log.error("webhook given up", event_name=name, reason=str(error))
