{{/* Pieces of NetworkPolicies. */}}

{{- define "lethe.network.name" -}}
{{ include "lethe.fullname" .root }}-{{ .component }}
{{- end }}

{{/* A policy of one component. dict root, component, ingress, egress: texts of rules. */}}
{{- define "lethe.network.policy" -}}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  {{- include "lethe.metadata" (merge (dict "suffix" .component) .) | nindent 2 }}
spec:
  podSelector:
    matchLabels:
      {{- include "lethe.selector" . | nindent 6 }}
  policyTypes: [Ingress, Egress]
  {{- with .ingress | trim }}
  ingress:
    {{- . | nindent 4 }}
  {{- end }}
  {{- with .egress | trim }}
  egress:
    {{- . | nindent 4 }}
  {{- end }}
{{- end }}

{{/* A pod of the release. dict root, component. */}}
{{- define "lethe.network.peer" -}}
- podSelector:
    matchLabels:
      {{- include "lethe.selector" . | nindent 6 }}
{{- end }}

{{/* dict peers, port, protocol; no peers: anywhere. */}}
{{- define "lethe.network.to" -}}
- ports:
    - {port: {{ .port }}, protocol: {{ default "TCP" .protocol }}}
  {{- with .peers }}
  to:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}

{{- define "lethe.network.dns" -}}
- ports:
    - {port: 53, protocol: UDP}
    - {port: 53, protocol: TCP}
  {{- with .Values.networkPolicy.dnsTo }}
  to:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}

{{- define "lethe.network.redis" -}}
{{- $peers := .Values.networkPolicy.redisTo }}
{{- if .Values.redis.bundled.enabled }}
{{- $peers = include "lethe.network.peer" (dict "root" . "component" "redis") | fromYamlArray }}
{{- end }}
{{- include "lethe.network.to" (dict "peers" $peers "port" (include "lethe.redis.port" .)) }}
{{- end }}

{{- define "lethe.network.s3" -}}
{{- $peers := .Values.networkPolicy.s3To }}
{{- if .Values.s3.bundled.enabled }}
{{- $peers = include "lethe.network.peer" (dict "root" . "component" "s3") | fromYamlArray }}
{{- end }}
{{- include "lethe.network.to" (dict
      "peers" $peers
      "port" (include "lethe.s3.endpoint" . | include "lethe.port")) }}
{{- end }}

{{- define "lethe.network.traces" -}}
{{- if .Values.tracing.endpoint }}
{{- include "lethe.network.to" (dict
      "peers" .Values.networkPolicy.tracesTo
      "port" (include "lethe.port" .Values.tracing.endpoint)) }}
{{- end }}
{{- end }}

{{- define "lethe.network.oidc" -}}
{{- if .Values.oidc.issuer }}
{{- include "lethe.network.to" (dict
      "peers" .Values.networkPolicy.oidcTo
      "port" (include "lethe.port" .Values.oidc.issuer)) }}
{{- end }}
{{- end }}

{{- define "lethe.network.webhook" -}}
{{- if .Values.webhook.existingSecret }}
{{- include "lethe.network.to" (dict
      "peers" .Values.networkPolicy.webhookTo
      "port" .Values.networkPolicy.webhookPort) }}
{{- end }}
{{- end }}

{{/* dict root, port: Prometheus reads it. */}}
{{- define "lethe.network.metrics" -}}
{{- with .root.Values.networkPolicy.prometheusFrom }}
- from:
    {{- toYaml . | nindent 4 }}
  ports:
    - {port: {{ $.port }}, protocol: TCP}
{{- end }}
{{- end }}

{{/* What talks to both servers of the record and the queue. */}}
{{- define "lethe.network.work" -}}
{{ include "lethe.network.dns" . }}
{{ include "lethe.network.redis" . }}
{{ include "lethe.network.s3" . }}
{{- end }}

{{/* dict root, components, port: these pods may come. */}}
{{- define "lethe.network.fromParts" -}}
- from:
    {{- range .components }}
    {{- include "lethe.network.peer" (dict "root" $.root "component" .) | nindent 4 }}
    {{- end }}
  ports:
    - {port: {{ .port }}, protocol: TCP}
{{- end }}
