{{/* Names, labels and addresses. */}}

{{- define "lethe.name" -}}
{{ default .Chart.Name .Values.nameOverride | trunc 50 | trimSuffix "-" }}
{{- end }}

{{/* 50 characters: the longest suffix and a pod's own fit below Kubernetes' 63 and Helm's 53. */}}
{{- define "lethe.fullname" -}}
{{- $name := include "lethe.name" . }}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" }}
{{- else if contains $name .Release.Name }}
{{- .Release.Name | trunc 40 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{/* What a Deployment and a Service find pods by; never changes over a release's life. */}}
{{- define "lethe.selector" -}}
app.kubernetes.io/name: {{ include "lethe.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- with .component }}
app.kubernetes.io/component: {{ . }}
{{- end }}
{{- end }}

{{/* dict root, component. */}}
{{- define "lethe.labels" -}}
{{ include "lethe.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: lethe
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* dict root, suffix. */}}
{{- define "lethe.objectName" -}}
{{ include "lethe.fullname" .root }}{{ with .suffix }}-{{ . }}{{ end }}
{{- end }}

{{/* The metadata of every object. dict root, component, suffix or name, labels, annotations. */}}
{{- define "lethe.metadata" -}}
name: {{ default (include "lethe.objectName" .) .name }}
namespace: {{ .root.Release.Namespace }}
labels:
  {{- include "lethe.labels" . | nindent 2 }}
  {{- with .labels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with merge (dict) (default dict .annotations) .root.Values.commonAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "lethe.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "lethe.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{/* dict root, image (repository, tag, digest), own: an image of Lethe's. */}}
{{- define "lethe.image" -}}
{{- $registry := ternary .root.Values.images.registry "" .own }}
{{- with $registry }}{{ trimSuffix "/" . }}/{{ end }}
{{- .image.repository }}
{{- if .image.digest }}@{{ .image.digest }}
{{- else }}:{{ ternary (default .root.Chart.AppVersion .image.tag) .image.tag .own }}
{{- end }}
{{- end }}

{{- define "lethe.redis.host" -}}
{{ ternary (printf "%s-redis" (include "lethe.fullname" .)) .Values.redis.host .Values.redis.bundled.enabled }}
{{- end }}

{{- define "lethe.redis.port" -}}
{{ ternary 6379 .Values.redis.port .Values.redis.bundled.enabled | int }}
{{- end }}

{{- define "lethe.s3.endpoint" -}}
{{ ternary (printf "http://%s-s3:8333" (include "lethe.fullname" .)) .Values.s3.endpoint .Values.s3.bundled.enabled }}
{{- end }}

{{/* Port that a URL names, or its scheme's. */}}
{{- define "lethe.port" -}}
{{- $url := urlParse . }}
{{- $port := regexFind ":[0-9]+$" $url.host | trimPrefix ":" }}
{{- default (ternary "443" "80" (eq $url.scheme "https")) $port }}
{{- end }}
