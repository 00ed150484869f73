{{/* A worker's container. dict root, component (worker-cpu or worker-gpu), queue, image, values. */}}

{{- define "lethe.worker.container" -}}
name: worker
{{ include "lethe.containerImage" (dict "root" .root "name" .image) }}
command: [celery, --app=workers.app, worker]
args:
  - --queues={{ .queue }}
  - --hostname={{ .queue }}@%h
  - --concurrency=1
  - --loglevel=INFO
  - --without-gossip
  - --without-mingle
env:
  {{- include "lethe.environment" . | nindent 2 }}
  - name: LETHE_CACHE_DIR
    value: /var/cache/lethe
  - name: LETHE_METRICS_PORT
    value: "9464"
  - name: OMP_NUM_THREADS
    value: {{ .values.threads | quote }}
  {{- if eq .component "worker-gpu" }}
  - name: LETHE_SIGNING_KEY_FILE
    value: /run/secrets/lethe/signing-key.pem
  {{- end }}
  {{- if include "lethe.worker.together" . }}
  - name: LETHE_TRAIN_GPUS
    value: {{ .values.gpus | quote }}
  {{- end }}
  {{- with .values.extraEnv }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
ports:
  - {name: metrics, containerPort: 9464}
{{ include "lethe.worker.probes" .queue }}
volumeMounts:
  {{- include "lethe.mounts" . | nindent 2 }}
  - name: cache
    mountPath: /var/cache/lethe
  {{- if eq .component "worker-gpu" }}
  - name: signing-key
    mountPath: /run/secrets/lethe
    readOnly: true
  {{- end }}
  {{- if include "lethe.worker.together" . }}
  - name: shared-memory
    mountPath: /dev/shm
  {{- end }}
  {{- with include "lethe.policyMount" .root }}
  {{- . | nindent 2 }}
  {{- end }}
  {{- if .root.Values.workers.importClaim.existingClaim }}
  - name: import
    mountPath: {{ .root.Values.workers.importClaim.path }}
    readOnly: true
  {{- end }}
  {{- with .root.Values.workers.volumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}

{{/* It is ready while Redis hears of it. Alive is what answers over the queue: one that is connected
     and consumes nothing does not. Its child may be in mid-run. That question imports Celery, so
     it is asked every two minutes. */}}
{{- define "lethe.worker.probes" -}}
startupProbe:
  exec:
    command: [lethe-probe, worker, {{ . }}]
  periodSeconds: 10
  timeoutSeconds: 15
  failureThreshold: 30
readinessProbe:
  exec:
    command: [lethe-probe, worker, {{ . }}]
  periodSeconds: 30
  timeoutSeconds: 15
livenessProbe:
  exec:
    command:
      - sh
      - -c
      - exec celery --app=workers.app inspect ping --timeout=10 --destination="{{ . }}@$HOSTNAME"
  periodSeconds: 120
  timeoutSeconds: 60
  failureThreshold: 3
{{- end }}

{{/* Whether several GPUs of one pod train together. */}}
{{- define "lethe.worker.together" -}}
{{- if eq .component "worker-gpu" }}
{{- if and (gt (int .values.gpus) 1) (not .values.onCpu) }}true{{ end }}
{{- end }}
{{- end }}

{{- define "lethe.worker.volumes" -}}
{{ include "lethe.volumes" .values.temporarySize }}
- name: cache
  emptyDir:
    sizeLimit: {{ .values.cacheSize }}
{{- if eq .component "worker-gpu" }}
- name: signing-key
  secret:
    secretName: {{ include "lethe.secret" (dict "root" .root "given" .root.Values.signingKey.existingSecret) }}
    defaultMode: 0440
    items:
      - {key: {{ .root.Values.signingKey.key }}, path: signing-key.pem}
{{- end }}
{{- if include "lethe.worker.together" . }}
# By it the processes of a pod hand each other their gradients; 64 MiB would be theirs otherwise.
- name: shared-memory
  emptyDir:
    medium: Memory
    sizeLimit: 2Gi
{{- end }}
{{- with include "lethe.policyVolume" .root }}
{{ . }}
{{- end }}
{{- with .root.Values.workers.importClaim.existingClaim }}
- name: import
  persistentVolumeClaim:
    claimName: {{ . }}
    readOnly: true
{{- end }}
{{- with .root.Values.workers.volumes }}
{{ toYaml . }}
{{- end }}
{{- end }}
