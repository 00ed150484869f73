{{/* The variables of a container; each part has the secrets that it needs and no other. */}}

{{- define "lethe.environment.redis" -}}
{{- $redis := .Values.redis }}
{{- if and $redis.urlKey (not $redis.bundled.enabled) }}
{{ include "lethe.secretVariable" (dict
     "root" . "name" "LETHE_REDIS_URL"
     "given" $redis.existingSecret "key" $redis.urlKey) }}
{{- else }}
{{- with (ternary $redis.username "" (not $redis.bundled.enabled)) }}
- name: REDIS_USERNAME
  value: {{ . | quote }}
{{- end }}
{{ include "lethe.secretVariable" (dict
     "root" . "name" "REDIS_PASSWORD"
     "given" $redis.existingSecret "key" $redis.passwordKey) }}
- name: LETHE_REDIS_URL
  {{- /* Kubernetes puts the password in when the container starts. */}}
  value: {{ include "lethe.redis.url" . | quote }}
{{- end }}
{{- end }}

{{- define "lethe.redis.url" -}}
{{- $redis := .Values.redis }}
{{- $own := not $redis.bundled.enabled }}
{{- $scheme := ternary "rediss" "redis" (and $own $redis.tls) }}
{{- $user := ternary $redis.username "" $own }}
{{- $database := ternary $redis.database 0 $own | int }}
{{- $server := printf "%s:%s" (include "lethe.redis.host" .) (include "lethe.redis.port" .) }}
{{- printf "%s://%s:$(REDIS_PASSWORD)@%s/%d" $scheme $user $server $database }}
{{- end }}

{{/* dict root, given: another Secret than s3.existingSecret. */}}
{{- define "lethe.environment.s3" -}}
{{- $s3 := .root.Values.s3 }}
{{- $given := default $s3.existingSecret .given }}
{{ include "lethe.secretVariable" (dict
     "root" .root "name" "LETHE_S3_ACCESS_KEY"
     "given" $given "key" $s3.accessKeyKey) }}
{{ include "lethe.secretVariable" (dict
     "root" .root "name" "LETHE_S3_SECRET_KEY"
     "given" $given "key" $s3.secretKeyKey) }}
{{- end }}

{{- define "lethe.environment.webhook" -}}
{{- with .Values.webhook }}
{{- if .existingSecret }}
{{ include "lethe.secretVariable" (dict
     "root" $ "name" "LETHE_WEBHOOK_URL"
     "given" .existingSecret "key" .urlKey) }}
{{ include "lethe.secretVariable" (dict
     "root" $ "name" "LETHE_WEBHOOK_SECRET"
     "given" .existingSecret "key" .secretKey) }}
{{- end }}
{{- end }}
{{- end }}

{{- define "lethe.environment.oidc" -}}
{{- with .Values.oidc }}
{{- if .issuer }}
- name: LETHE_OIDC_ISSUER
  value: {{ .issuer | quote }}
- name: LETHE_OIDC_CLIENT_ID
  value: {{ .clientId | quote }}
{{ include "lethe.secretVariable" (dict
     "root" $ "name" "LETHE_OIDC_CLIENT_SECRET"
     "given" .existingSecret "key" .key) }}
- name: LETHE_OIDC_NAME
  value: {{ .name | quote }}
- name: LETHE_OIDC_SCOPE
  value: {{ .scope | quote }}
- name: LETHE_OIDC_NAME_CLAIM
  value: {{ .nameClaim | quote }}
- name: LETHE_OIDC_ROLE_CLAIM
  value: {{ .roleClaim | quote }}
- name: LETHE_OIDC_ROLES
  {{- /* In their order, which a map would not keep. */}}
  {{- $pairs := list }}
  {{- range .roles }}
  {{- $pairs = append $pairs (printf "%s: %s" (toJson .claim) (toJson .role)) }}
  {{- end }}
  value: {{ printf "{%s}" (join ", " $pairs) | quote }}
{{- end }}
{{- end }}
{{- end }}

{{/* What every container of Lethe's has. dict root, component. */}}
{{- define "lethe.environment" -}}
{{- $root := .root -}}
{{- /* Whoever runs a command in a pod stands in the audit log by this name. */ -}}
- name: LOGNAME
  value: {{ ternary "helm" "kubectl" (hasPrefix "job" .component) }}
- name: LETHE_METRICS_DIR
  value: /run/lethe/metrics
- name: PROMETHEUS_MULTIPROC_DIR
  value: /run/lethe/metrics
{{ include "lethe.environment.redis" $root | trim }}
{{- $ownKeys := ternary $root.Values.s3.webExistingSecret "" (eq .component "web") }}
{{ include "lethe.environment.s3" (dict "root" $root "given" $ownKeys) | trim }}
{{- /* The clock has them sent, a CPU worker sends them, web shows how they go. */}}
{{- if has .component (list "web" "worker-cpu" "beat") }}
{{- include "lethe.environment.webhook" $root }}
{{- end }}
{{- end }}
