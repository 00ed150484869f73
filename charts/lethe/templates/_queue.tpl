{{/* KEDA looks into Redis: a list's length, a hash's, a sorted set's. dict root, name, key, target. */}}
{{- define "lethe.queueTrigger" -}}
- type: redis
  name: {{ .name }}
  metadata:
    {{- $host := include "lethe.redis.host" .root }}
    {{- if .root.Values.redis.bundled.enabled }}
    {{- /* KEDA asks from its own namespace. */}}
    {{- $host = printf "%s.%s.svc" $host .root.Release.Namespace }}
    {{- end }}
    address: {{ printf "%s:%s" $host (include "lethe.redis.port" .root) | quote }}
    databaseIndex: {{ ternary 0 .root.Values.redis.database .root.Values.redis.bundled.enabled | int | quote }}
    {{- if and .root.Values.redis.username (not .root.Values.redis.bundled.enabled) }}
    # Out of the worker's own variables.
    usernameFromEnv: REDIS_USERNAME
    {{- end }}
    enableTLS: {{ and .root.Values.redis.tls (not .root.Values.redis.bundled.enabled) | quote }}
    listName: {{ .key | quote }}
    listLength: {{ .target | quote }}
  authenticationRef:
    name: {{ include "lethe.fullname" .root }}-queue
{{- end }}
