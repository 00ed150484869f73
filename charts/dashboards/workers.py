"""Workers and GPUs: for whoever is on call."""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import Dashboard

from charts.dashboards.board import board
from charts.dashboards.panels import BAD, DOUBT, GOOD, Query, Text, bars, lines, number, rows

GPU = '{queues=~"(.+,)?gpu(,.+)?"}'
CPU = '{queues=~"(.+,)?cpu(,.+)?"}'
DEPTH = "max by (queue) (lethe_queue_depth)"


def _busy(which: str) -> str:
    return f"max by (worker) (lethe_worker_busy{which})"


def dashboard() -> Dashboard:
    return board(
        "lethe-workers",
        "Workers and GPUs",
        "Who works, what waits, and whether that on which the work stands is sound.",
        {"Now": _NOW, "Work": _WORK, "GPUs": _GPUS, "Below": _BELOW},
    )


_NOW = [
    number(
        Text("GPU workers", "Alive, of the queue gpu. None is right while nothing waits.", "short"),
        f"count({_busy(GPU)}) or vector(0)",
    ),
    number(
        Text("CPU workers", "Alive, of the queue cpu. There must always be one.", "short"),
        f"count({_busy(CPU)}) or vector(0)",
        {float("-inf"): BAD, 1: GOOD},
    ),
    number(
        Text("Busy", "Workers with a task just now.", "short", "/system"),
        f"sum({_busy('')}) or vector(0)",
    ),
    number(
        Text(
            "Gone",
            "Workers that went without a word for more than a minute; for an hour they are missed.",
            "short",
            "/system",
        ),
        "count(max by (worker) (lethe_worker_silent_seconds) > 60) or vector(0)",
        {1: DOUBT},
    ),
    number(
        Text(
            "GPU idle while tasks wait",
            "Workers of the queue gpu that do nothing although something waits there.",
            "short",
        ),
        f'(count({_busy(GPU)} == 0) and on () max(lethe_queue_depth{{queue="gpu"}}) > 0)'
        " or vector(0)",
        {1: DOUBT},
    ),
    number(
        Text(
            "Last sweep",
            "Since a sweep came to its end. It puts lost work back; every 30 s one should.",
            "s",
            "/system",
        ),
        "time() - max(lethe_last_sweep_timestamp_seconds)",
        {120: DOUBT, 600: BAD},
    ),
]
_WORK = [
    lines(
        Text("Tasks that wait", "In each queue.", "short"),
        [Query(DEPTH, "{{queue}}")],
    ),
    lines(
        Text(
            "Busy workers",
            "Of all that are alive, by the queues that they serve.",
            "short",
        ),
        [
            Query(
                "sum by (queues) (max by (worker, queues) (lethe_worker_busy))",
                "{{queues}}: busy",
            ),
            Query(
                "count by (queues) (max by (worker, queues) (lethe_worker_busy))",
                "{{queues}}: alive",
            ),
        ],
    ),
    rows(
        Text(
            "Every worker",
            "Seconds since it was last heard. One that was killed stays for an hour.",
            "s",
            "/system",
        ),
        {"silent": "sort_desc(max by (worker, queues) (lethe_worker_silent_seconds))"},
        {"worker": "", "queues": ""},
        {30: DOUBT, 60: BAD},
    ),
    bars(
        Text(
            "Share of the time that a worker is busy",
            "Over the time that is shown. All near one: more workers. GPUs near nought: fewer.",
            "percentunit",
        ),
        Query(
            "sort_desc(topk(20, max by (worker) (avg_over_time(lethe_worker_busy[$__range]))))",
            "{{worker}}",
        ),
    ),
]
_GPUS = [
    lines(
        Text(
            "GPU memory",
            "That torch holds on the GPU, of each worker, after its last stage. Utilisation and "
            "temperature are NVIDIA's DCGM exporter's to tell.",
            "bytes",
        ),
        [Query("sum by (instance) (lethe_gpu_memory_bytes)", "{{instance}}")],
    ),
    lines(
        Text("Faces embedded", "Faces turned into templates, a second, by all workers.", "ops"),
        [Query("sum(rate(lethe_faces_embedded_total[$__rate_interval]))", "faces")],
    ),
]
_BELOW = [
    lines(
        Text(
            "Redis's memory",
            "Of what it may use; 80 % is the alarm. Without a bound nothing is shown.",
            "percentunit",
            "/system",
        ),
        [
            Query(
                "max(lethe_redis_memory_bytes) / (max(lethe_redis_memory_limit_bytes) > 0)",
                "used",
            )
        ],
        {0.8: BAD},
        span=8,
    ),
    lines(
        Text("Redis's memory, in bytes", "That it uses.", "bytes", "/system"),
        [Query("max(lethe_redis_memory_bytes)", "used")],
        span=8,
    ),
    number(
        Text(
            "Redis refuses when full",
            "1: its policy is noeviction. 0: it drops queued work when it is full.",
            "short",
            "/system",
        ),
        "min(lethe_redis_noeviction)",
        {float("-inf"): BAD, 1: GOOD},
        span=4,
    ),
    number(
        Text("Keys dropped", "By Redis, as it was full, in the time that is shown.", "short"),
        "max(increase(lethe_redis_evicted_keys_total[$__range]))",
        {1: BAD},
        span=4,
    ),
    lines(
        Text(
            "Webhooks put off",
            "Events that the receiver did not take; each is tried again for three days.",
            "short",
            "/system",
        ),
        [Query("max(lethe_webhooks_put_off)", "put off")],
        {1: DOUBT},
        span=24,
    ),
]
