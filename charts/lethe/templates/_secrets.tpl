{{/* Which Secret holds what: one that is named, else the trial's. */}}

{{- define "lethe.trialSecret" -}}
{{ include "lethe.fullname" . }}-trial
{{- end }}

{{/* dict root, given: the Secret that is named. */}}
{{- define "lethe.secret" -}}
{{ default (include "lethe.trialSecret" .root) .given }}
{{- end }}

{{/* One variable out of a Secret. dict root, name, given, key. */}}
{{- define "lethe.secretVariable" -}}
- name: {{ .name }}
  valueFrom:
    secretKeyRef:
      name: {{ include "lethe.secret" . }}
      key: {{ .key }}
{{- end }}
