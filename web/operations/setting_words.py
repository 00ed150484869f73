"""What each setting is for, in one line; in the groups in which the page shows them."""

from __future__ import annotations

from flask_babel import LazyString, lazy_gettext

GROUPS: tuple[tuple[LazyString, dict[str, LazyString]], ...] = (
    (
        lazy_gettext("Where everything is kept"),
        {
            "s3_endpoint": lazy_gettext("The object store: scheme, host and port"),
            "s3_bucket": lazy_gettext("The bucket that holds the record"),
            "s3_region": lazy_gettext("The store's region"),
            "s3_access_key": lazy_gettext("By which this server is known to the store"),
            "s3_secret_key": lazy_gettext("Signs requests to the store"),
            "s3_timeout": lazy_gettext("Seconds of silence before the store is asked again"),
            "redis_url": lazy_gettext("The queue, the index and live progress"),
            "cache_dir": lazy_gettext("Model files and frozen activations, of workers"),
            "metrics_dir": lazy_gettext("Where workers leave their counters for Prometheus"),
            "metrics_port": lazy_gettext("Of workers: where Prometheus asks what they count"),
            "import_dir": lazy_gettext("Of workers: model files in it can be imported by name"),
        },
    ),
    (
        lazy_gettext("Pages and sign-in"),
        {
            "public_url": lazy_gettext("Where people open the pages"),
            "hosts": lazy_gettext("Other names under which the pages answer; none: any name"),
            "trusted_proxies": lazy_gettext("Proxies before the pages that are believed"),
            "secure_cookies": lazy_gettext("Session cookies travel over TLS alone"),
            "secret_key": lazy_gettext("Signs the web sessions"),
            "session_idle_seconds": lazy_gettext("A session unused for so long ends"),
            "second_factor": lazy_gettext("Whether everybody needs a second factor"),
            "four_eyes": lazy_gettext("Who submitted a ticket cannot approve it"),
            "limit_sign_ins": lazy_gettext("Sign-ins tried from one address"),
            "limit_submissions": lazy_gettext("Submissions of one account"),
            "limit_downloads": lazy_gettext("Downloads and exports of one account"),
            "limit_api": lazy_gettext("Requests of one account to the API"),
        },
    ),
    (
        lazy_gettext("OpenID Connect"),
        {
            "oidc_issuer": lazy_gettext("The provider, as it writes itself in its tokens"),
            "oidc_client_id": lazy_gettext("By which Lethe is known to the provider"),
            "oidc_client_secret": lazy_gettext("Proves to the provider that it is Lethe"),
            "oidc_name": lazy_gettext("What the button says: Sign in with …"),
            "oidc_scope": lazy_gettext("What the provider is asked for"),
            "oidc_name_claim": lazy_gettext("The claim that names the user"),
            "oidc_role_claim": lazy_gettext("The claim that holds the roles"),
            "oidc_roles": lazy_gettext("Which value of that claim makes which role"),
        },
    ),
    (
        lazy_gettext("Tickets and photos"),
        {
            "deadline_days": lazy_gettext(
                "From submission to the deadline; not set: one month, GDPR Art. 12(3)"
            ),
            "deadline_warning_days": lazy_gettext("So long before, a deadline is said to be near"),
            "retention_days": lazy_gettext("Then ended tickets leave the lists, not the record"),
            "photos_per_ticket": lazy_gettext("At most so many photos of a subject"),
            "photo_bytes": lazy_gettext("A photo is at most so large"),
            "photo_pixels": lazy_gettext("… and has at most so many pixels"),
            "drafts_per_user": lazy_gettext("Drafts of tickets that one user keeps at most"),
            "draft_seconds": lazy_gettext("A draft that nobody touched for so long is removed"),
            "orphan_seconds": lazy_gettext("Photos without a ticket for so long are removed"),
            "photo_removal_seconds": lazy_gettext("An ended ticket's photos are gone by then"),
            "piece_seconds": lazy_gettext("In which the next 16 KiB of an upload must come"),
        },
    ),
    (
        lazy_gettext("Models and certificates"),
        {
            "model_bytes": lazy_gettext("A model's files are at most so large"),
            "detector": lazy_gettext("Finds faces in photos that are not aligned yet"),
            "reference_faces": lazy_gettext("Face set that holds other people in place"),
            "benchmark_faces": lazy_gettext("Face set that judges what was kept"),
            "policy": lazy_gettext("What certificates are judged by; workers read it"),
            "publish_as": lazy_gettext("The alias that a certified version gets"),
            "signing_key": lazy_gettext("Signs certificates; only workers need it"),
            "signing_key_file": lazy_gettext("… or the file that holds it"),
        },
    ),
    (
        lazy_gettext("Work"),
        {
            "tickets_per_run": lazy_gettext("One run forgets at most so many people"),
            "task_attempts": lazy_gettext("Then a ticket fails and says why"),
            "lease_seconds": lazy_gettext("A worker silent for so long has lost its model"),
            "sweep_seconds": lazy_gettext("How often lost work is looked for"),
            "visibility_timeout": lazy_gettext("Above the longest erasure: else it is sent twice"),
            "train_gpus": lazy_gettext("GPUs of one worker that train a network together"),
            "shard_faces": lazy_gettext("A larger benchmark is searched so many faces at a time"),
        },
    ),
    (
        lazy_gettext("Logs"),
        {
            "log_level": lazy_gettext("What is logged: this and whatever is graver"),
            "log_format": lazy_gettext("json for programs, text for people"),
        },
    ),
    (
        lazy_gettext("Webhooks"),
        {
            "webhook_url": lazy_gettext("Told of every change of a ticket's state"),
            "webhook_secret": lazy_gettext("Signs what it is told"),
        },
    ),
)
