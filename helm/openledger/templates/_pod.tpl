{{- /* The restricted profile of Kubernetes, and more. There is no value that loosens it. */ -}}
{{- define "openledger.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "openledger.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities:
  drop: [ALL]
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- /* Addresses of a callee; workers are one list of every pool. ctx: root, callee. */ -}}
{{- define "openledger.address" -}}
{{- $name := include "openledger.fullname" .root -}}
{{- if ne .callee "inference-worker" -}}
{{- printf "%s-%s:9090" $name .callee -}}
{{- else -}}
{{- $addresses := list -}}
{{- range (include "openledger.workloads" .root | fromYaml).items -}}
{{- if eq .service "inference-worker" -}}
{{- $addresses = append $addresses (printf "%s-%s:9090" $name .name) -}}
{{- end -}}
{{- end -}}
{{- join "," $addresses -}}
{{- end -}}
{{- end -}}

{{- define "openledger.databaseSecret" -}}
{{- $own := get .workload.spec "existingDatabaseSecret" -}}
{{- required "database.existingSecret: name the Secret that holds the connection URL" (default .root.Values.database.existingSecret $own) -}}
{{- end -}}

{{- /* What every process needs before it starts or migrates: its database and the platform's token. ctx: root, workload. */ -}}
{{- define "openledger.credentialsEnv" -}}
- name: DATABASE_URL_FILE
  value: /run/secrets/openledger/credentials/database-url
- name: SERVICE_TOKEN_FILE
  value: /run/secrets/openledger/credentials/service-token
{{- end -}}

{{- define "openledger.credentialsMount" -}}
- name: credentials
  mountPath: /run/secrets/openledger/credentials
  readOnly: true
{{- end -}}

{{- define "openledger.credentialsVolume" -}}
{{- $token := .root.Values.serviceToken -}}
- name: credentials
  projected:
    defaultMode: 0440
    sources:
      - secret:
          name: {{ include "openledger.databaseSecret" . }}
          items:
            - key: {{ .root.Values.database.key }}
              path: database-url
      - secret:
          name: {{ required "serviceToken.existingSecret: name the Secret that the services show one another" $token.existingSecret }}
          items:
            - key: {{ $token.key }}
              path: service-token
{{- if and .kafka (include "openledger.kafkaLogin" .root) }}
      - secret:
          name: {{ required "eventLog.sasl.existingSecret: name the Secret that holds Kafka's password" .root.Values.eventLog.sasl.existingSecret }}
          items:
            - key: {{ .root.Values.eventLog.sasl.key }}
              path: kafka-password
{{- end }}
{{- end -}}

{{- /* Not empty when Kafka is asked for a login. */ -}}
{{- define "openledger.kafkaLogin" -}}
{{- if eq .Values.eventLog.kind "kafka" }}{{ .Values.eventLog.sasl.mechanism }}{{ end -}}
{{- end -}}

{{- define "openledger.extraEnv" -}}
{{- range .workload.spec.env }}
- name: {{ .name }}
  value: {{ .value | quote }}
{{- end }}
{{- range .workload.spec.secretFiles }}
- name: {{ .name }}_FILE
  value: /run/secrets/openledger/{{ .name | lower | replace "_" "-" }}/value
{{- end }}
{{- end -}}

{{- /*
  The process may use what is left of the grace period after the pre-stop pause, less 5 s to exit.
  ctx: grace (s), pause (s).
*/ -}}
{{- define "openledger.stopGraceMs" -}}
{{- max 1000 (mul 1000 (sub (int .grace) (add (int .pause) 5))) -}}
{{- end -}}

{{- define "openledger.env" -}}
{{- $root := .root -}}
{{- $needs := .workload.needs -}}
- name: HTTP_PORT
  value: '8080'
- name: GRPC_PORT
  value: '9090'
- name: LOG_LEVEL
  value: {{ $root.Values.logLevel | quote }}
- name: STOP_GRACE_MS
  value: {{ include "openledger.stopGraceMs" . | quote }}
{{ include "openledger.credentialsEnv" . }}
- name: EVENT_LOG
  value: {{ $root.Values.eventLog.kind }}
{{- if eq $root.Values.eventLog.kind "kafka" }}
{{- if not $root.Values.eventLog.brokers }}{{ fail "eventLog.brokers: name the Kafka brokers, or set eventLog.kind to postgres" }}{{ end }}
- name: KAFKA_BROKERS
  value: {{ join "," $root.Values.eventLog.brokers | quote }}
- name: KAFKA_REPLICATION_FACTOR
  value: {{ $root.Values.eventLog.replicationFactor | quote }}
- name: KAFKA_TLS
  value: {{ $root.Values.eventLog.tls | quote }}
{{- if include "openledger.kafkaLogin" $root }}
- name: KAFKA_SASL_MECHANISM
  value: {{ $root.Values.eventLog.sasl.mechanism }}
- name: KAFKA_SASL_USERNAME
  value: {{ required "eventLog.sasl.username: who logs in to Kafka" $root.Values.eventLog.sasl.username | quote }}
- name: KAFKA_SASL_PASSWORD_FILE
  value: /run/secrets/openledger/credentials/kafka-password
{{- end }}
{{- end }}
{{- if $needs.blobs }}
- name: BLOB_DIR
  value: /var/lib/openledger/blobs
{{- end }}
{{- if $needs.model }}
- name: MODEL_DIR
  value: {{ default $root.Values.model.dir (get .workload.spec "model") | quote }}
{{- end }}
{{- if $needs.work }}
- name: WORK_DIR
  value: /var/lib/openledger/work
{{- end }}
{{- if $needs.kernels }}
- name: ENGINE_PLAN_DIR
  value: /var/lib/openledger/kernels
{{- end }}
{{- with $root.Values.chain }}
- name: CHAIN_ID
  value: {{ required "chain.id: the number of the EVM chain" (ternary "" .id (eq (int .id) 0)) | quote }}
{{- if $needs.chain }}
- name: CHAIN_RPC_URL
  value: {{ required "chain.rpcUrl: the settlement service needs an EVM endpoint" .rpcUrl | quote }}
- name: CHAIN_TOKEN_ADDRESS
  value: {{ required "chain.tokenAddress: where the OPEN token is deployed" .tokenAddress | quote }}
- name: CHAIN_VAULT_ADDRESS
  value: {{ required "chain.vaultAddress: where the prepaid vault is deployed" .vaultAddress | quote }}
- name: CHAIN_DISTRIBUTOR_ADDRESS
  value: {{ required "chain.distributorAddress: where the distributor is deployed" .distributorAddress | quote }}
- name: CHAIN_ESCROW_ADDRESS
  value: {{ required "chain.escrowAddress: where the escrow of channels is deployed" .escrowAddress | quote }}
- name: CHAIN_STAKE_REGISTRY_ADDRESS
  value: {{ required "chain.stakeRegistryAddress: where the registry of stakes is deployed" .stakeRegistryAddress | quote }}
- name: CHAIN_PARAM_REGISTRY_ADDRESS
  value: {{ required "chain.paramRegistryAddress: where the registry of parameters is deployed" .paramRegistryAddress | quote }}
- name: CHAIN_ATTRIBUTION_REGISTRY_ADDRESS
  value: {{ required "chain.attributionRegistryAddress: where the registry of attribution is deployed" .attributionRegistryAddress | quote }}
- name: CHAIN_START_BLOCK
  value: {{ .startBlock | quote }}
{{- end }}
{{- end }}
{{- with get .workload.spec "vllm" }}
- name: ENGINE
  value: vllm
- name: VLLM_ENDPOINT
  value: http://127.0.0.1:8000
- name: VLLM_ADAPTER_DIR
  value: /adapters
- name: VLLM_ADAPTERS_MAX
  value: {{ .adaptersInMemory | quote }}
- name: VLLM_ADAPTERS_IN_BATCH
  value: {{ .adaptersInBatch | quote }}
- name: ADAPTER_RANK_MAX
  value: {{ .rankMax | quote }}
{{- end }}
{{- range $needs.calls }}
- name: {{ (eq . "inference-worker") | ternary "WORKER" (. | upper | replace "-" "_") }}_GRPC
  value: {{ include "openledger.address" (dict "root" $root "callee" .) | quote }}
{{- end }}
{{- include "openledger.extraEnv" . }}
{{- $given := list }}
{{- range .workload.spec.secretFiles }}{{ $given = append $given .name }}{{ end }}
{{- /* A signer elsewhere has the key; what opens it may be a secret of its own. */}}
{{- $local := true }}
{{- range .workload.spec.env }}{{ if and (eq .name "SETTLEMENT_SIGNER") (ne .value "local") }}{{ $local = false }}{{ end }}{{ end }}
{{- range $needs.secrets }}
{{- $elsewhere := and (eq . "SETTLEMENT_OPERATOR_KEY") (not $local) }}
{{- if not (or $elsewhere (has . $given)) }}{{ fail (printf "services.%s.secretFiles: name the Secret that holds %s" $.workload.service .) }}{{ end }}
{{- end }}
{{- end -}}

{{- define "openledger.modelClaim" -}}
{{- $own := get .workload.spec "modelClaim" -}}
{{- default .root.Values.model.existingClaim $own -}}
{{- end -}}

{{- define "openledger.mounts" -}}
{{- $needs := .workload.needs -}}
- name: tmp
  mountPath: /tmp
{{ include "openledger.credentialsMount" . }}
{{- if $needs.blobs }}
- name: blobs
  mountPath: /var/lib/openledger/blobs
  subPath: blobs
{{- end }}
{{- if $needs.work }}
- name: blobs
  mountPath: /var/lib/openledger/work
  subPath: work
{{- end }}
{{- if $needs.kernels }}
- name: blobs
  mountPath: /var/lib/openledger/kernels
  subPath: kernels
{{- end }}
{{- if and $needs.model (include "openledger.modelClaim" .) }}
- name: models
  mountPath: /models
  readOnly: true
{{- end }}
{{- if get .workload.spec "vllm" }}
- name: adapters
  mountPath: /adapters
{{- else if .workload.gpu }}
- name: shared-memory
  mountPath: /dev/shm
{{- end }}
{{- range .workload.spec.secretFiles }}
- name: secret-{{ .name | lower | replace "_" "-" }}
  mountPath: /run/secrets/openledger/{{ .name | lower | replace "_" "-" }}
  readOnly: true
{{- end }}
{{- end -}}

{{- define "openledger.volumes" -}}
{{- $needs := .workload.needs -}}
- name: tmp
  emptyDir:
    sizeLimit: 4Gi
{{ include "openledger.credentialsVolume" (merge (dict "kafka" true) .) }}
{{- if $needs.blobs }}
- name: blobs
  persistentVolumeClaim:
    claimName: {{ default (printf "%s-blobs" (include "openledger.fullname" .root)) .root.Values.blobs.existingClaim }}
{{- end }}
{{- with and $needs.model (include "openledger.modelClaim" .) }}
- name: models
  persistentVolumeClaim:
    claimName: {{ . }}
    readOnly: true
{{- end }}
{{- if get .workload.spec "vllm" }}
- name: adapters
  emptyDir: {}
- name: vllm-tmp
  emptyDir: {}
{{- end }}
{{- if .workload.gpu }}
- name: shared-memory
  emptyDir:
    medium: Memory
    sizeLimit: {{ default "1Gi" .workload.spec.sharedMemory }}
{{- end }}
{{- range .workload.spec.secretFiles }}
- name: secret-{{ .name | lower | replace "_" "-" }}
  secret:
    secretName: {{ .existingSecret }}
    defaultMode: 0440
    items:
      - key: {{ .key }}
        path: value
{{- end }}
{{- end -}}

{{- /* Start: the model is loaded. Ready: dependencies answer. Live: the event loop turns, never the database. */ -}}
{{- define "openledger.probes" -}}
startupProbe:
  httpGet: { path: /health/ready, port: http }
  periodSeconds: 5
  failureThreshold: {{ .startupFailures }}
readinessProbe:
  httpGet: { path: /health/ready, port: http }
  periodSeconds: 5
  timeoutSeconds: 3
  failureThreshold: 2
livenessProbe:
  httpGet: { path: /health/live, port: http }
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
{{- end -}}

{{- /* The device is the container's that computes: with vLLM the worker beside it needs none. ctx: resources, gpu. */ -}}
{{- define "openledger.resources" -}}
{{- $resources := deepCopy .resources -}}
{{- with .gpu -}}
{{- $limits := deepCopy (default dict (get $resources "limits")) -}}
{{- $_ := set $limits .resource (int .count) -}}
{{- $_ := set $resources "limits" $limits -}}
{{- end -}}
{{- toYaml $resources -}}
{{- end -}}

{{- define "openledger.scheduling" -}}
{{- with .workload.spec.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .workload.spec.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .workload.spec.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with get .workload.spec "runtimeClassName" }}
runtimeClassName: {{ . }}
{{- end }}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: topology.kubernetes.io/zone
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "openledger.selector" (dict "root" .root "component" .workload.service "pool" .workload.pool) | nindent 8 }}
{{- end -}}

{{- /*
  An upstream vLLM beside the worker, reachable from within the pod alone: its LoRA endpoints load any path
  they are given. ctx: root, workload.
*/ -}}
{{- define "openledger.vllm" -}}
{{- $vllm := .workload.spec.vllm -}}
- name: vllm
  image: {{ $vllm.image }}
  imagePullPolicy: {{ .root.Values.image.pullPolicy }}
  command: [vllm, serve, {{ .workload.spec.model | quote }}]
  args:
    - --host=127.0.0.1
    - --port=8000
    - --enable-lora
    - --max-loras={{ $vllm.adaptersInBatch }}
    - --max-cpu-loras={{ $vllm.adaptersInMemory }}
    - --max-lora-rank={{ $vllm.rankMax }}
    - --tensor-parallel-size={{ int .workload.gpu.count }}
    - --enable-prefix-caching
    - --enable-prompt-tokens-details
    {{- range $vllm.args }}
    - {{ . | quote }}
    {{- end }}
  env:
    - { name: VLLM_ALLOW_RUNTIME_LORA_UPDATING, value: "True" }
    - { name: VLLM_NO_USAGE_STATS, value: "1" }
    - { name: HF_HUB_OFFLINE, value: "1" }
    # The root file system is read-only, and compiled kernels are cached below the home.
    - { name: HOME, value: /tmp }
  resources:
    {{- include "openledger.resources" (dict "resources" $vllm.resources "gpu" .workload.gpu) | nindent 4 }}
  securityContext:
    {{- include "openledger.containerSecurity" .root | nindent 4 }}
  volumeMounts:
    - { name: vllm-tmp, mountPath: /tmp }
    - { name: adapters, mountPath: /adapters, readOnly: true }
    - { name: shared-memory, mountPath: /dev/shm }
    {{- if include "openledger.modelClaim" . }}
    - { name: models, mountPath: /models, readOnly: true }
    {{- end }}
{{- end -}}
