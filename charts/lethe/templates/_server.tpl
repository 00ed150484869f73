{{/* A bundled server: one pod on one volume. dict root, component, suffix, values, port, user, group,
     container: the rest of its container, mounts, volumes, config: a text
     whose change starts it anew. */}}
{{- define "lethe.server" -}}
apiVersion: apps/v1
kind: StatefulSet
metadata:
  {{- include "lethe.metadata" . | nindent 2 }}
spec:
  replicas: 1
  serviceName: {{ include "lethe.objectName" . }}
  selector:
    matchLabels:
      {{- include "lethe.selector" . | nindent 6 }}
  # What people's requests stand in stays when the release goes.
  persistentVolumeClaimRetentionPolicy: {whenDeleted: Retain, whenScaled: Retain}
  template:
    metadata:
      labels:
        {{- include "lethe.labels" . | nindent 8 }}
      annotations:
        checksum/config: {{ default "" .config | sha256sum }}
    spec:
      {{- $security := include "lethe.server.security" . | fromYaml }}
      {{- include "lethe.pod" (merge (dict "security" $security) .) | nindent 6 }}
      terminationGracePeriodSeconds: 60
      containers:
        - name: {{ .suffix }}
          image: {{ include "lethe.image" (dict "root" .root "image" .values.image "own" false) }}
          imagePullPolicy: {{ .root.Values.images.pullPolicy }}
          securityContext:
            {{- include "lethe.containerSecurity" . | nindent 12 }}
          {{- .container | trim | nindent 10 }}
          ports:
            - {name: {{ .suffix }}, containerPort: {{ .port }}}
          resources:
            {{- toYaml .values.resources | nindent 12 }}
          volumeMounts:
            - {name: data, mountPath: /data}
            - {name: temporary, mountPath: /tmp}
            {{- with .mounts }}
            {{- . | trim | nindent 12 }}
            {{- end }}
      volumes:
        - name: temporary
          emptyDir:
            sizeLimit: 1Gi
        {{- with .volumes }}
        {{- . | trim | nindent 8 }}
        {{- end }}
  volumeClaimTemplates:
    - metadata:
        name: data
        labels:
          {{- include "lethe.selector" . | nindent 10 }}
      spec:
        accessModes: [ReadWriteOnce]
        {{- with .values.storage.className }}
        storageClassName: {{ . }}
        {{- end }}
        resources:
          requests:
            storage: {{ .values.storage.size }}
---
apiVersion: v1
kind: Service
metadata:
  {{- include "lethe.metadata" . | nindent 2 }}
spec:
  ports:
    - {name: {{ .suffix }}, port: {{ .port }}, targetPort: {{ .suffix }}}
  selector:
    {{- include "lethe.selector" . | nindent 4 }}
{{- end }}

{{/* Of the image's own user. */}}
{{- define "lethe.server.security" -}}
runAsNonRoot: true
runAsUser: {{ .user }}
runAsGroup: {{ .group }}
fsGroup: {{ .group }}
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end }}
