{{/* What cannot work is refused at once, all of it together, each with what to do. */}}

{{- define "lethe.check" -}}
{{- $problems := list }}
{{- range list "secrets" "servers" "reach" "contradictions" }}
{{- $problems = include (printf "lethe.check.%s" .) $ | splitList "\n" | concat $problems }}
{{- end }}
{{- with compact $problems }}
{{- fail (printf "\n\nThe values cannot work:\n  %s\n" (join "\n  " .)) }}
{{- end }}
{{- end }}

{{- define "lethe.check.secrets" -}}
{{- if not .Values.trial.createSecret }}
{{- range $value, $given := dict "secretKey" .Values.secretKey "redis" .Values.redis "s3" .Values.s3 }}
{{- if not $given.existingSecret }}
{{ $value }}.existingSecret: name a Secret (or set trial.createSecret, for a trial)
{{- end }}
{{- end }}
{{- if and .Values.workers.gpu.enabled (not .Values.signingKey.existingSecret) }}
signingKey.existingSecret: name a Secret with an Ed25519 key (openssl genpkey -algorithm ed25519)
{{- end }}
{{- else }}
{{- range $value := list "secretKey" "signingKey" "redisPassword" "s3AccessKey" "s3SecretKey" }}
{{- if not (index $.Values.trial $value) }}
trial.{{ $value }}: is empty; there is no default
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- define "lethe.check.servers" -}}
{{- if eq (not .Values.redis.host) (not .Values.redis.bundled.enabled) }}
redis: set redis.host or redis.bundled.enabled, one of the two
{{- end }}
{{- if eq (not .Values.s3.endpoint) (not .Values.s3.bundled.enabled) }}
s3: set s3.endpoint or s3.bundled.enabled, one of the two
{{- end }}
{{- if and .Values.redis.bundled.enabled .Values.redis.urlKey }}
redis.urlKey: is for a Redis of your own; the bundled one's address is known
{{- end }}
{{- end }}

{{- define "lethe.check.reach" -}}
{{- $outside := or .Values.ingress.enabled .Values.httpRoute.enabled }}
{{- if and $outside .Values.networkPolicy.enabled (not .Values.networkPolicy.webFrom) }}
networkPolicy.webFrom: name the namespace of the ingress controller or gateway, or nobody reaches web
{{- end }}
{{- if and $outside (not .Values.settings.publicUrl) }}
settings.publicUrl: set the address that people open, https://host
{{- end }}
{{- if and .Values.ingress.enabled (not .Values.ingress.hosts) }}
ingress.hosts: name one host or more
{{- end }}
{{- if and .Values.httpRoute.enabled (not .Values.httpRoute.parentRefs) }}
httpRoute.parentRefs: name the Gateway
{{- end }}
{{- $monitored := or .Values.monitoring.serviceMonitor.enabled .Values.monitoring.podMonitor.enabled }}
{{- if and $monitored .Values.networkPolicy.enabled (not .Values.networkPolicy.prometheusFrom) }}
networkPolicy.prometheusFrom: name the pods of Prometheus, or it reads no metrics
{{- end }}
{{- end }}

{{- define "lethe.check.contradictions" -}}
{{- with .Values.oidc }}
{{- if and .issuer (not (and .clientId .existingSecret .roles $.Values.settings.publicUrl)) }}
oidc.issuer: needs oidc.clientId, oidc.existingSecret, oidc.roles and settings.publicUrl, too
{{- end }}
{{- end }}
{{- if and .Values.policyFile .Values.settings.policy }}
policyFile: settings.policy names another policy; leave one of them empty
{{- end }}
{{- $gpu := .Values.workers.gpu.autoscaling }}
{{- if and (ne $gpu.kind "none") (gt (int $gpu.minReplicas) (int $gpu.maxReplicas)) }}
workers.gpu.autoscaling: minReplicas is above maxReplicas
{{- end }}
{{- $cpu := .Values.workers.cpu.autoscaling }}
{{- if and (ne $cpu.kind "none") (gt (int $cpu.minReplicas) (int $cpu.maxReplicas)) }}
workers.cpu.autoscaling: minReplicas is above maxReplicas
{{- end }}
{{- $web := .Values.web.autoscaling }}
{{- if and $web.enabled (gt (int $web.minReplicas) (int $web.maxReplicas)) }}
web.autoscaling: minReplicas is above maxReplicas
{{- end }}
{{- if ge (int .Values.web.drainSeconds) (int .Values.web.terminationGracePeriodSeconds) }}
web.terminationGracePeriodSeconds: must be above web.drainSeconds
{{- end }}
{{- end }}
