{{/* Takes no more work, and lets the run at work go on for a while; then Kubernetes sends SIGTERM. */}}
{{- define "lethe.worker.drain" -}}
end=$(($(date +%s) + {{ .drainSeconds }}))
ask() { celery --app=workers.app "$@" --destination="gpu@$HOSTNAME" --timeout=5; }
ask control cancel_consumer gpu
until [ "$(date +%s)" -ge "$end" ] || ask inspect active --json | grep -q ': \[\]'; do
  sleep 3
done
{{- end }}
