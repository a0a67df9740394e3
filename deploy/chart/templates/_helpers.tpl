{{/* The one name. */}}
{{- define "rune.name" -}}
{{ .Values.fullnameOverride }}
{{- end }}

{{/* What selects the provider's pods; a DaemonSet can't change it later. */}}
{{- define "rune.selector" -}}
app.kubernetes.io/name: {{ include "rune.name" . }}
{{- end }}

{{- define "rune.labels" -}}
{{ include "rune.selector" . }}
app.kubernetes.io/part-of: rune
{{- end }}

{{/* What must outlive an uninstall and a pruning: by Helm and Argo CD, and by Flux. */}}
{{- define "rune.keep" -}}
helm.sh/resource-policy: keep
kustomize.toolkit.fluxcd.io/prune: disabled
{{- end }}

{{- define "rune.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}
{{- end -}}
{{- end -}}
{{- end }}
