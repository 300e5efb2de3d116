{{- define "kube-prometheus-stack.labels" -}}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/version: {{ .Chart.Version }}
{{- end }}

{{- define "kube-prometheus-stack.prometheus.files" -}}
{{- /* One folder holds everything, so that no path has to be absolute. */ -}}
prometheus.yml: |
  global:
    scrape_interval: {{ .Values.prometheus.prometheusSpec.scrapeInterval }}
    evaluation_interval: {{ .Values.prometheus.prometheusSpec.evaluationInterval }}
  rule_files: ["*.rules.yml"]
  {{- with .Values.prometheus.prometheusSpec.additionalScrapeConfigs }}
  scrape_configs:
    {{- toYaml . | nindent 4 }}
  alerting:
    alertmanagers:
      - kubernetes_sd_configs:
          {{- toYaml (first .).kubernetes_sd_configs | nindent 10 }}
        relabel_configs:
          - source_labels:
              - __meta_kubernetes_namespace
              - __meta_kubernetes_pod_label_app_kubernetes_io_name
              - __meta_kubernetes_pod_container_port_name
            regex: {{ $.Release.Namespace }};alertmanager;http-web
            action: keep
  {{- end }}
{{- range $name, $rules := .Values.additionalPrometheusRulesMap }}
{{ $name }}.rules.yml: |
  {{- toYaml $rules | nindent 2 }}
{{- end }}
{{- end }}

{{- /* Alertmanager reads api_url_file from its working directory: that of its one Secret. */ -}}
{{- define "kube-prometheus-stack.alertmanager.config" -}}
{{- $config := toYaml .Values.alertmanager.config }}
{{- range .Values.alertmanager.alertmanagerSpec.secrets }}
{{- $config = $config | replace (printf "/etc/alertmanager/secrets/%s/" .) "" }}
{{- end }}
{{- $config }}
{{- end }}
