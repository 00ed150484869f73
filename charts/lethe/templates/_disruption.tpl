{{/* dict root, component, suffix, budget: values of podDisruptionBudget. */}}
{{- define "lethe.disruptionBudget" -}}
{{- if .budget.enabled }}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  {{- include "lethe.metadata" . | nindent 2 }}
spec:
  maxUnavailable: {{ .budget.maxUnavailable }}
  # A pod that never came up does not hold a node.
  unhealthyPodEvictionPolicy: AlwaysAllow
  selector:
    matchLabels:
      {{- include "lethe.selector" . | nindent 6 }}
{{- end }}
{{- end }}
