{{/* What all pods have in common: restricted Pod Security, and where they run. */}}

{{/* dict root, component, values (nodeSelector, tolerations, affinity, priorityClassName), spread. */}}
{{- define "lethe.pod" -}}
serviceAccountName: {{ include "lethe.serviceAccount" .root }}
automountServiceAccountToken: false
{{- /* Kubernetes would set LETHE_…_PORT for each Service of the release. */}}
enableServiceLinks: false
{{- with .root.Values.images.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
securityContext:
  {{- toYaml (default .root.Values.podSecurityContext .security) | nindent 2 }}
{{- with .values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- if and .spread .root.Values.topologySpread.keys }}
topologySpreadConstraints:
  {{- $self := . }}
  {{- range .root.Values.topologySpread.keys }}
  - maxSkew: 1
    topologyKey: {{ . }}
    whenUnsatisfiable: {{ $self.root.Values.topologySpread.whenUnsatisfiable }}
    labelSelector:
      matchLabels:
        {{- include "lethe.selector" $self | nindent 8 }}
  {{- end }}
{{- end }}
{{- end }}

{{/* The metadata of a pod: a change of settings starts it anew. dict root, component, values. */}}
{{- define "lethe.podMetadata" -}}
labels:
  {{- include "lethe.labels" . | nindent 2 }}
  {{- with .values.podLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
annotations:
  checksum/settings: {{ include (print .root.Template.BasePath "/settings.yaml") .root | sha256sum }}
  {{- with .root.Values.commonAnnotations }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
  {{- with .values.podAnnotations }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}

{{- define "lethe.containerSecurity" -}}
runAsNonRoot: true
privileged: false
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{/* dict root, name: which of images. */}}
{{- define "lethe.containerImage" -}}
image: {{ include "lethe.image" (dict "root" .root "image" (index .root.Values.images .name) "own" true) }}
imagePullPolicy: {{ .root.Values.images.pullPolicy }}
securityContext:
  {{- include "lethe.containerSecurity" . | nindent 2 }}
envFrom:
  - configMapRef:
      name: {{ include "lethe.fullname" .root }}-settings
{{- end }}

{{/* The folders that a container may write to. */}}
{{- define "lethe.mounts" -}}
- name: temporary
  mountPath: /tmp
- name: metrics
  mountPath: /run/lethe/metrics
{{- end }}

{{/* size of /tmp. */}}
{{- define "lethe.volumes" -}}
- name: temporary
  emptyDir:
    sizeLimit: {{ . }}
- name: metrics
  emptyDir:
    sizeLimit: 64Mi
{{- end }}

{{- define "lethe.policyMount" -}}
{{- if .Values.policyFile }}
- name: policy
  mountPath: /etc/lethe
  readOnly: true
{{- end }}
{{- end }}

{{- define "lethe.policyVolume" -}}
{{- if .Values.policyFile }}
- name: policy
  configMap:
    name: {{ include "lethe.fullname" . }}-policy
{{- end }}
{{- end }}
