{{- define "triton.selectorLabels" -}}
app.kubernetes.io/name: triton
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "triton.labels" -}}
{{ include "triton.selectorLabels" . }}
app.kubernetes.io/component: inference
app.kubernetes.io/version: {{ include "triton.imageTag" . | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version | replace "+" "_" }}
{{- end }}

{{- /* The part after the last colon of repository:tag, without a digest. */ -}}
{{- define "triton.imageTag" -}}
{{- regexReplaceAll "^.*:" (regexReplaceAll "@.*$" .Values.image "") "" | trunc 63 -}}
{{- end }}

{{- define "triton.autoscaled" -}}
{{- if gt (int .Values.replicas.max) (int .Values.replicas.min) }}true{{ end -}}
{{- end }}
