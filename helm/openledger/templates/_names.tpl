{{- define "openledger.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- /* 40 of 63 characters: what is left names the service and the pool. */ -}}
{{- define "openledger.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains (include "openledger.name" .) .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "openledger.name" .) | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "openledger.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "openledger.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "openledger.releaseLabels" -}}
app.kubernetes.io/name: {{ include "openledger.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- /* ctx: root, component, pool ("" for what is not a worker pool). */ -}}
{{- define "openledger.selector" -}}
{{ include "openledger.releaseLabels" .root }}
app.kubernetes.io/component: {{ .component }}
{{- if .pool }}
openledger.dev/pool: {{ .pool }}
{{- end }}
{{- end -}}

{{- define "openledger.labels" -}}
{{ include "openledger.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name (.root.Chart.Version | replace "+" "_") }}
{{- end -}}

{{- /* ctx: root, service. */ -}}
{{- define "openledger.image" -}}
{{- $image := .root.Values.image -}}
{{- $path := printf "%s/%s:%s" $image.repository .service (default .root.Chart.AppVersion $image.tag) -}}
{{- if $image.registry }}{{ $image.registry }}/{{ end }}{{ $path }}
{{- end -}}

{{- define "openledger.topology" -}}
{{- .Files.Get "files/topology.yaml" -}}
{{- end -}}

{{- /*
  Everything that runs, as a list: each enabled service, then each GPU pool. A template that makes
  one object per workload ranges over this list.
*/ -}}
{{- define "openledger.workloads" -}}
{{- $topology := include "openledger.topology" . | fromYaml -}}
{{- $list := list -}}
{{- $root := . -}}
{{- range $service, $spec := .Values.services -}}
{{- if $spec.enabled -}}
{{- $pool := ternary "cpu" "" (eq $service "inference-worker") -}}
{{- $list = append $list (dict "name" $service "service" $service "pool" $pool "spec" $spec "needs" (get $topology $service)) -}}
{{- end -}}
{{- end -}}
{{- range .Values.gpuPools -}}
{{- $list = append $list (dict "name" (printf "worker-%s" .name) "service" "inference-worker" "pool" .name "spec" . "needs" (get $topology "inference-worker") "gpu" .gpu) -}}
{{- end -}}
{{- dict "items" $list | toYaml -}}
{{- end -}}

{{- /*
  What a pool scales on. KEDA divides each by the replicas (AverageValue), so a mean is multiplied by their
  number first. ctx: namespace, service.
  backlog: seconds that the queued tokens would take one replica at the rate at which the pool reads and writes.
  memory: share of the keys' and values' memory in use. firstToken: 95th percentile, seconds.
  adapterMisses: adapters loaded for each answer, which is many only where the pool's memory holds too few.
*/ -}}
{{- define "openledger.poolQueries" -}}
{{- $of := printf "{namespace=\"%s\",service=\"%s\"}" .namespace .service -}}
{{- $replicas := printf "count(openlora_queue_tokens%s)" $of -}}
{{- $rate := printf "sum(rate(vllm:prompt_tokens_total%s[2m])) + sum(rate(vllm:generation_tokens_total%s[2m]))" $of $of -}}
backlog: {{ printf "sum(openlora_queue_tokens%s) * %s / clamp_min(%s, 1)" $of $replicas $rate | quote }}
memory: {{ printf "sum(vllm:kv_cache_usage_perc%s)" $of | quote }}
firstToken: {{ printf "(histogram_quantile(0.95, sum by (le) (rate(vllm:time_to_first_token_seconds_bucket%s[2m]))) > 0) * %s or vector(0)" $of $replicas | quote }}
adapterMisses: {{ printf "sum(rate(openlora_adapter_load_seconds_count%s[5m])) * %s / clamp_min(sum(rate(vllm:request_success_total%s[5m])), 0.05) or vector(0)" $of $replicas $of | quote }}
{{- end -}}
