{{- /* ctx: namespaces, ports. Nothing where no namespace is named. */ -}}
{{- define "openledger.fromNamespaces" -}}
{{- if .namespaces }}
- from:
    {{- range .namespaces }}
    - namespaceSelector:
        matchLabels:
          kubernetes.io/metadata.name: {{ . }}
    {{- end }}
  ports:
    {{- range .ports }}
    - { port: {{ . }}, protocol: TCP }
    {{- end }}
{{- end }}
{{- end -}}

{{- define "openledger.peers" -}}
{{- with .peers }}
to:
  {{- range . }}
  {{- if hasKey . "cidr" }}
  - ipBlock:
      cidr: {{ .cidr }}
  {{- else }}
  - namespaceSelector:
      matchLabels:
        kubernetes.io/metadata.name: {{ .namespace }}
    {{- with .podLabels }}
    podSelector:
      matchLabels:
        {{- toYaml . | nindent 8 }}
    {{- end }}
  {{- end }}
  {{- end }}
{{- end }}
{{- end -}}

{{- /* ctx: port, peers. */ -}}
{{- define "openledger.toOutside" -}}
- ports: [{ port: {{ .port }}, protocol: TCP }]
  {{- include "openledger.peers" . | indent 2 }}
{{- end -}}

{{- define "openledger.toDns" -}}
- ports: [{ port: {{ .port }}, protocol: UDP }, { port: {{ .port }}, protocol: TCP }]
  {{- include "openledger.peers" . | indent 2 }}
{{- end -}}
