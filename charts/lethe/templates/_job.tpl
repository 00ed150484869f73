{{/* A job after an installation or an upgrade. dict root, component, suffix, weight, script, env. */}}
{{- define "lethe.job" -}}
{{- $jobs := .root.Values.jobs }}
{{- $hook := dict
      "helm.sh/hook" "post-install,post-upgrade"
      "helm.sh/hook-weight" .weight
      "helm.sh/hook-delete-policy" "before-hook-creation,hook-succeeded" }}
{{- $part := merge (dict "annotations" $hook "values" $jobs) . }}
apiVersion: batch/v1
kind: Job
metadata:
  {{- include "lethe.metadata" $part | nindent 2 }}
spec:
  {{- include "lethe.jobSpec" (merge (dict "retries" 4) .) | nindent 2 }}
{{- end }}

{{/* What a job does. dict root, component, script, env, retries. */}}
{{- define "lethe.jobSpec" -}}
{{- $jobs := .root.Values.jobs }}
backoffLimit: {{ .retries }}
activeDeadlineSeconds: {{ $jobs.activeDeadlineSeconds }}
ttlSecondsAfterFinished: 86400
template:
  metadata:
    labels:
      {{- include "lethe.labels" . | nindent 6 }}
  spec:
    {{- include "lethe.pod" (merge (dict "values" $jobs) .) | nindent 4 }}
    restartPolicy: {{ ternary "OnFailure" "Never" (gt (int .retries) 0) }}
    containers:
      - name: job
        {{- include "lethe.containerImage" (dict "root" .root "name" "web") | nindent 8 }}
        command:
          - sh
          - -ceu
          - |
            {{- .script | trim | nindent 12 }}
        env:
          {{- include "lethe.environment" . | nindent 10 }}
          {{- with .env }}
          {{- . | trim | nindent 10 }}
          {{- end }}
        resources:
          {{- toYaml $jobs.resources | nindent 10 }}
        volumeMounts:
          {{- include "lethe.mounts" .root | nindent 10 }}
    volumes:
      {{- include "lethe.volumes" "1Gi" | nindent 6 }}
{{- end }}
