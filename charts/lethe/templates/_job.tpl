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
  backoffLimit: 4
  activeDeadlineSeconds: {{ $jobs.activeDeadlineSeconds }}
  ttlSecondsAfterFinished: 86400
  template:
    metadata:
      labels:
        {{- include "lethe.labels" . | nindent 8 }}
    spec:
      {{- include "lethe.pod" $part | nindent 6 }}
      restartPolicy: OnFailure
      containers:
        - name: job
          {{- include "lethe.containerImage" (dict "root" .root "name" "web") | nindent 10 }}
          command:
            - sh
            - -ceu
            - |
              {{- .script | trim | nindent 14 }}
          env:
            {{- include "lethe.environment" . | nindent 12 }}
            {{- with .env }}
            {{- . | trim | nindent 12 }}
            {{- end }}
          resources:
            {{- toYaml $jobs.resources | nindent 12 }}
          volumeMounts:
            {{- include "lethe.mounts" .root | nindent 12 }}
      volumes:
        {{- include "lethe.volumes" "1Gi" | nindent 8 }}
{{- end }}
