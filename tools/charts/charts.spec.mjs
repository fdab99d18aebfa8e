import { readFileSync } from 'node:fs';
import { CHART, conform, lint, pods, render, renderBare } from './render.mjs';

const SERVICES = [
  'accounts',
  'attribution',
  'inference-gateway',
  'inference-worker',
  'ingestion',
  'settlement',
  'training',
  'validation',
];
const service = (name, values) => ({ services: { [name]: values } });
const pool = (more = {}) => ({
  name: 'a',
  model: '/models/m',
  gpu: { resource: 'nvidia.com/gpu', count: 2 },
  resources: { limits: { memory: '8Gi' } },
  ...more,
});
const withPool = (more) => ({
  poolAutoscaling: { serverAddress: 'http://prometheus:9090' },
  gpuPools: [pool(more)],
});
const env = (deployment) =>
  Object.fromEntries(deployment.spec.template.spec.containers[0].env.map(({ name, value }) => [name, value]));

describe.each(['default', 'gpu'])('the chart with %s values', (base) => {
  const rendered = render(base);

  it('renders objects that Kubernetes takes, strictly, every one checked', () => {
    expect(rendered.error).toBeUndefined();
    const { summary, resources } = conform(rendered.text);
    expect(resources ?? []).toEqual([]);
    expect(summary).toMatchObject({ valid: rendered.objects.length, invalid: 0, errors: 0, skipped: 0 });
  });

  it('passes helm lint', () => {
    expect(lint(base)).toMatchObject({ status: 0 });
  });

  it('names every object once', () => {
    const names = rendered.objects.map((o) => `${o.kind}/${o.metadata.name}`);
    expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([]);
    expect(names.filter((name) => name.split('/')[1].length > 63)).toEqual([]);
  });

  it('keeps every pod and container to the restricted profile and more', () => {
    const all = pods(rendered.objects);
    expect(all.length).toBeGreaterThan(10);
    for (const { pod } of all) {
      expect(pod.spec).toMatchObject({
        automountServiceAccountToken: false,
        securityContext: { runAsNonRoot: true, runAsUser: 10001, seccompProfile: { type: 'RuntimeDefault' } },
      });
      for (const key of ['hostNetwork', 'hostPID', 'hostIPC']) expect(pod.spec).not.toHaveProperty(key);
      for (const volume of pod.spec.volumes ?? []) expect(volume).not.toHaveProperty('hostPath');
      expect(pod.spec).not.toHaveProperty('initContainers');
      for (const container of pod.spec.containers) {
        expect(container.securityContext).toEqual({
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          runAsNonRoot: true,
          capabilities: { drop: ['ALL'] },
          seccompProfile: { type: 'RuntimeDefault' },
        });
        expect(container.resources.limits).toHaveProperty('memory');
      }
    }
  });

  it('puts no secret into the environment', () => {
    for (const { pod } of pods(rendered.objects)) {
      for (const { name } of pod.spec.containers.flatMap((c) => c.env ?? [])) {
        expect(name).not.toMatch(/(URL|TOKEN|KEY|PASSWORD)$(?<!CHAIN_RPC_URL)/);
      }
    }
    expect(rendered.objects.filter((o) => o.kind === 'Secret')).toEqual([]);
  });

  it('gives every volume mount a volume, and selects with labels that the pods have', () => {
    for (const { pod } of pods(rendered.objects)) {
      const volumes = (pod.spec.volumes ?? []).map((v) => v.name);
      const mounts = pod.spec.containers.flatMap((c) => c.volumeMounts ?? []).map((m) => m.name);
      expect([...new Set(mounts)].sort()).toEqual(volumes.sort());
    }
    for (const o of rendered.objects.filter((object) => object.kind === 'Deployment')) {
      expect(o.spec.template.metadata.labels).toMatchObject(o.spec.selector.matchLabels);
    }
  });

  it('stops within the grace period: pause, drain, exit', () => {
    for (const o of rendered.objects.filter((object) => object.kind === 'Deployment')) {
      const { terminationGracePeriodSeconds: grace, containers } = o.spec.template.spec;
      const pauseMs = containers[0].lifecycle.preStop.sleep.seconds * 1_000;
      expect(Number(env(o).STOP_GRACE_MS)).toBeGreaterThan(0);
      expect(pauseMs + Number(env(o).STOP_GRACE_MS)).toBeLessThan(grace * 1_000);
    }
  });

  it('never gives a literal count to what an autoscaler drives', () => {
    const scaled = rendered.objects
      .filter((o) => ['HorizontalPodAutoscaler', 'ScaledObject'].includes(o.kind))
      .map((o) => o.spec.scaleTargetRef.name);
    for (const o of rendered.objects.filter((object) => object.kind === 'Deployment')) {
      expect([o.metadata.name, 'replicas' in o.spec]).toEqual([
        o.metadata.name,
        !scaled.includes(o.metadata.name),
      ]);
    }
  });
});

describe('the schemas', () => {
  const { text } = render('gpu');
  const broken = (from, to) => conform(text.replace(from, to)).summary.invalid;

  it.each([
    ['a field that Kubernetes does not know', 'enableServiceLinks:', 'enableServiceLink:'],
    ['a word for a number', /maxReplicas: \d+/, 'maxReplicas: many'],
    ['a field that KEDA does not know', 'cooldownPeriod:', 'coolDownPeriod:'],
    ['a ServiceMonitor without endpoints', /endpoints:\n[\s\S]*?interval: \w+/, 'endpoints: []'],
  ])('catch %s', (_, from, to) => {
    expect(text).toMatch(from);
    expect(broken(from, to)).toBe(1);
  });
});

describe('services', () => {
  const plain = render('default');

  it('each has a Deployment, a Service, a policy and a migration', () => {
    for (const name of SERVICES) {
      for (const kind of ['Deployment', 'Service', 'NetworkPolicy'])
        expect(plain.find(kind, name)).toBeDefined();
      expect(plain.find('Job', `migrate-${name}`).metadata.annotations['helm.sh/hook']).toBe(
        'pre-install,pre-upgrade',
      );
    }
  });

  it('probe the model before work, the dependencies while ready and only the process while alive', () => {
    for (const name of SERVICES) {
      const [container] = plain.find('Deployment', name).spec.template.spec.containers;
      expect(container.startupProbe.httpGet.path).toBe('/health/ready');
      expect(container.readinessProbe.httpGet.path).toBe('/health/ready');
      expect(container.livenessProbe.httpGet.path).toBe('/health/live');
    }
  });

  it('a disabled one leaves nothing behind but its policy', () => {
    const { objects } = render('default', service('training', { enabled: false }));
    const left = objects.filter((o) => o.metadata.name.endsWith('-training')).map((o) => o.kind);
    expect(left).toEqual(['NetworkPolicy']);
  });

  it('read a secret from a file whose name says whose it is', () => {
    const deployment = plain.find('Deployment', 'settlement');
    expect(env(deployment).SETTLEMENT_OPERATOR_KEY_FILE).toBe(
      '/run/secrets/openledger/settlement-operator-key/value',
    );
    expect(deployment.spec.template.spec.volumes).toContainEqual(
      expect.objectContaining({ secret: expect.objectContaining({ secretName: 'openledger-operator' }) }),
    );
  });

  it('take no key for a signer elsewhere', () => {
    const remote = { env: [{ name: 'SETTLEMENT_SIGNER', value: 'http' }], secretFiles: [] };
    const deployment = render('default', service('settlement', remote)).find('Deployment', 'settlement');
    expect(env(deployment)).toMatchObject({ SETTLEMENT_SIGNER: 'http' });
    expect(env(deployment)).not.toHaveProperty('SETTLEMENT_OPERATOR_KEY_FILE');
  });

  it('log in to Kafka over TLS where told to, with the password in a file', () => {
    const { objects: secured } = render('gpu');
    const find = (objects, name) =>
      objects.find((o) => o.kind === 'Deployment' && o.metadata.name.endsWith(name));
    const accounts = find(secured, '-accounts');
    const file = '/run/secrets/openledger/credentials/kafka-password';
    expect(env(accounts)).toMatchObject({
      KAFKA_TLS: 'true',
      KAFKA_SASL_MECHANISM: 'scram-sha-512',
      KAFKA_SASL_USERNAME: 'openledger',
      KAFKA_SASL_PASSWORD_FILE: file,
      KAFKA_REPLICATION_FACTOR: '3',
    });
    const secrets = (pod) => pod.spec.volumes.flatMap(({ projected }) => projected?.sources ?? []);
    const paths = (pod) => secrets(pod).flatMap(({ secret }) => secret.items.map(({ path }) => path));
    expect(paths(accounts.spec.template)).toContain('kafka-password');
    const migration = secured.find((o) => o.kind === 'Job').spec.template;
    expect(paths(migration)).toEqual(['database-url', 'service-token']);
    const plain = env(find(render('default').objects, '-accounts'));
    expect(plain).toMatchObject({ KAFKA_TLS: 'false' });
    expect(plain).not.toHaveProperty('KAFKA_SASL_MECHANISM');
    const postgres = env(find(render('gpu', { eventLog: { kind: 'postgres' } }).objects, '-accounts'));
    expect(Object.keys(postgres).filter((name) => name.startsWith('KAFKA_'))).toEqual([]);
  });

  it('take an autoscaler instead of a count', () => {
    const { find } = render(
      'default',
      service('ingestion', { autoscaling: { enabled: true, maxReplicas: 4 } }),
    );
    expect(find('Deployment', 'ingestion').spec).not.toHaveProperty('replicas');
    expect(find('HorizontalPodAutoscaler', 'ingestion').spec).toMatchObject({
      minReplicas: 2,
      maxReplicas: 4,
    });
  });
});

describe('values that are 0, false or empty', () => {
  it('replicas: 0 means none', () => {
    expect(
      render('default', service('accounts', { replicas: 0 })).find('Deployment', 'accounts').spec.replicas,
    ).toBe(0);
  });

  it.each(['minAvailable', 'maxUnavailable'])('%s: 0 stays 0 and says nothing of the other', (key) => {
    const budget = render('default', service('accounts', { podDisruptionBudget: { [key]: 0 } })).find(
      'PodDisruptionBudget',
      'accounts',
    );
    expect(budget.spec[key]).toBe(0);
    expect(['minAvailable', 'maxUnavailable'].filter((other) => other in budget.spec)).toEqual([key]);
  });

  it('a budget of one replica is made only when asked for', () => {
    expect(render('default').find('PodDisruptionBudget', 'settlement')).toBeUndefined();
    const asked = render('default', service('settlement', { podDisruptionBudget: { maxUnavailable: 1 } }));
    expect(asked.find('PodDisruptionBudget', 'settlement').spec.maxUnavailable).toBe(1);
  });

  it('an empty variable is rendered empty, a toleration of 0 seconds as 0', () => {
    const tolerations = [{ key: 'x', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 0 }];
    const deployment = render(
      'default',
      service('accounts', { env: [{ name: 'EMPTY', value: '' }], tolerations }),
    ).find('Deployment', 'accounts');
    expect(env(deployment).EMPTY).toBe('');
    expect(deployment.spec.template.spec.tolerations).toEqual(tolerations);
  });

  it('a pool may wake from zero, fall back to zero and cool down at once', () => {
    const scaled = render(
      'default',
      withPool({
        min: 0,
        max: 1,
        autoscaling: { fallbackReplicas: 0, cooldownSeconds: 0, query: 'sum(waiting)' },
      }),
    );
    expect(scaled.find('ScaledObject', 'worker-a').spec).toMatchObject({
      minReplicaCount: 0,
      cooldownPeriod: 0,
      fallback: { replicas: 0 },
    });
    const still = render('default', withPool({ min: 0, autoscaling: { enabled: false } }));
    expect(still.find('Deployment', 'worker-a').spec.replicas).toBe(0);
    expect(still.find('ScaledObject', 'worker-a')).toBeUndefined();
  });

  it('a pool follows the default of poolAutoscaling.enabled: false', () => {
    const { find } = render('default', { poolAutoscaling: { enabled: false }, gpuPools: [pool({ min: 3 })] });
    expect(find('Deployment', 'worker-a').spec.replicas).toBe(3);
    expect(find('ScaledObject', 'worker-a')).toBeUndefined();
  });

  it.each([
    ['Ingress', { ingress: { enabled: false } }],
    ['ServiceMonitor', { serviceMonitor: { enabled: false } }],
    ['Job', { migrations: { enabled: false } }],
    ['NetworkPolicy', { networkPolicy: { enabled: false } }],
    ['ServiceAccount', { serviceAccount: { create: false } }],
    ['PersistentVolumeClaim', { blobs: { existingClaim: 'mine' } }],
  ])('no %s when switched off', (kind, values) => {
    const on = render('gpu').objects.filter((o) => o.kind === kind);
    const off = render('gpu', values).objects.filter((o) => o.kind === kind);
    expect([on.length > 0, off.length]).toEqual([true, 0]);
  });

  it('an ingress without class, host and TLS has none of the three', () => {
    const bare = { enabled: true, className: '', host: '', tls: { existingSecret: '' } };
    const { spec } = render('gpu', { ingress: bare }).objects.find((o) => o.kind === 'Ingress');
    expect(spec).not.toHaveProperty('ingressClassName');
    expect(spec).not.toHaveProperty('tls');
    expect(spec.rules[0]).not.toHaveProperty('host');
  });
});

describe('GPU pools', () => {
  const { find } = render('gpu');

  it('give the device to vLLM where there is one, which only its own worker reaches', () => {
    const [worker, vllm] = find('Deployment', 'worker-h100').spec.template.spec.containers;
    expect(worker.resources.limits).toEqual({ memory: '4Gi' });
    expect(vllm.resources.limits).toEqual({ memory: '256Gi', 'nvidia.com/gpu': 4 });
    expect(vllm.command).toEqual(['vllm', 'serve', '/models/llama-3.3-70b']);
    expect(vllm.args).toEqual(
      expect.arrayContaining(['--host=127.0.0.1', '--tensor-parallel-size=4', '--max-cpu-loras=512']),
    );
    expect(vllm).not.toHaveProperty('ports');
    expect(env(find('Deployment', 'worker-h100'))).toMatchObject({
      ENGINE: 'vllm',
      VLLM_ADAPTERS_MAX: '512',
    });
    const mounts = (container) => Object.fromEntries(container.volumeMounts.map((m) => [m.name, m]));
    expect(mounts(worker).adapters).toEqual({ name: 'adapters', mountPath: '/adapters' });
    expect(mounts(vllm).adapters).toEqual({ name: 'adapters', mountPath: '/adapters', readOnly: true });
    const [alone] = find('Deployment', 'worker-l4').spec.template.spec.containers;
    expect(alone.resources.limits).toEqual({ memory: '32Gi', 'nvidia.com/gpu': 1 });
    expect(env(find('Deployment', 'worker-l4'))).not.toHaveProperty('ENGINE');
  });

  it('ask for their devices, their nodes and their model', () => {
    const { spec } = find('Deployment', 'worker-h100').spec.template;
    expect(env(find('Deployment', 'worker-h100')).MODEL_DIR).toBe('/models/llama-3.3-70b');
    expect(spec.terminationGracePeriodSeconds).toBe(1200);
    expect(
      spec.containers[0].startupProbe.failureThreshold * spec.containers[0].startupProbe.periodSeconds,
    ).toBe(1800);
    const l4 = find('Deployment', 'worker-l4').spec.template.spec;
    expect(l4.nodeSelector).toEqual({ 'cloud.google.com/gke-accelerator': 'nvidia-l4' });
    expect(l4.tolerations).toEqual([{ key: 'nvidia.com/gpu', operator: 'Exists', effect: 'NoSchedule' }]);
    expect(l4.volumes).toContainEqual({
      name: 'models',
      persistentVolumeClaim: { claimName: 'models', readOnly: true },
    });
  });

  it('never select one another’s pods', () => {
    expect(find('Deployment', 'worker-l4').spec.selector.matchLabels['openledger.dev/pool']).toBe('l4');
    expect(find('Service', 'worker-h100').spec.selector['openledger.dev/pool']).toBe('h100');
  });

  it('follow their backlog by KEDA', () => {
    const { spec } = find('ScaledObject', 'worker-l4');
    expect(spec).toMatchObject({
      scaleTargetRef: { name: 'rel-openledger-worker-l4' },
      minReplicaCount: 1,
      maxReplicaCount: 8,
    });
    const queries = spec.triggers.map(({ metadata }) => metadata.query);
    expect(queries).toHaveLength(4);
    for (const query of queries) expect(query).toContain('service="rel-openledger-worker-l4"');
    expect(queries[0]).toContain('openlora_queue_tokens');
    expect(spec.triggers.map(({ metadata }) => metadata.threshold)).toEqual(['2', '0.3', '5', '0.8']);
    const bare = render('gpu', {
      poolAutoscaling: { memoryUsageTarget: 0, firstTokenSecondsTarget: 0, adapterMissTarget: 0 },
    });
    expect(bare.find('ScaledObject', 'worker-l4').spec.triggers).toHaveLength(1);
    expect(find('ScaledObject', 'worker-h100')).toBeUndefined();
  });

  it('are all known to the gateway, and migrate although there is no CPU worker', () => {
    expect(env(find('Deployment', 'inference-gateway')).WORKER_GRPC).toBe(
      'rel-openledger-worker-l4:9090,rel-openledger-worker-h100:9090',
    );
    expect(find('Job', 'migrate-inference-worker')).toBeDefined();
  });
});

describe('network policies', () => {
  const { objects, find } = render('gpu');
  const policies = objects.filter((o) => o.kind === 'NetworkPolicy');
  const component = (selector) => selector.matchLabels['app.kubernetes.io/component'];

  it('deny everything to every pod of the release', () => {
    const { spec } = find('NetworkPolicy', 'default-deny');
    expect(spec.policyTypes).toEqual(['Ingress', 'Egress']);
    expect(spec).not.toHaveProperty('ingress');
    expect(spec).not.toHaveProperty('egress');
    for (const { pod } of pods(objects))
      expect(pod.metadata.labels).toMatchObject(spec.podSelector.matchLabels);
  });

  it('allow each call at both its ends, and only calls that the environment names', () => {
    const edges = { in: [], out: [] };
    for (const { spec } of policies.filter(
      (p) => p.spec.podSelector.matchLabels['app.kubernetes.io/component'],
    )) {
      const self = component(spec.podSelector);
      for (const rule of spec.ingress ?? []) {
        for (const { podSelector } of rule.from.filter((peer) => peer.podSelector)) {
          if (rule.ports[0].port === 9090) edges.in.push(`${component(podSelector)}>${self}`);
        }
      }
      for (const rule of spec.egress ?? []) {
        for (const { podSelector } of (rule.to ?? []).filter(
          (peer) => peer.podSelector && !peer.namespaceSelector,
        )) {
          if (rule.ports[0].port === 9090) edges.out.push(`${self}>${component(podSelector)}`);
        }
      }
    }
    const named = {
      ACCOUNTS_GRPC: 'accounts',
      SETTLEMENT_GRPC: 'settlement',
      WORKER_GRPC: 'inference-worker',
    };
    const wanted = render('default')
      .objects.filter((o) => o.kind === 'Deployment')
      .flatMap((o) =>
        Object.keys(named)
          .filter((key) => key in env(o))
          .map((key) => `${component(o.spec.selector)}>${named[key]}`),
      );
    expect(edges.in.sort()).toEqual(edges.out.sort());
    expect(edges.out).toEqual(wanted.sort());
    expect(wanted).toContain('inference-gateway>inference-worker');
  });

  it('let no rule without a port through, nor one without a peer but to the outside', () => {
    for (const { spec, metadata } of policies) {
      for (const rule of [...(spec.ingress ?? []), ...(spec.egress ?? [])])
        expect(rule.ports.length).toBeGreaterThan(0);
      for (const rule of spec.ingress ?? [])
        expect([metadata.name, rule.from.length > 0]).toEqual([metadata.name, true]);
    }
  });

  it('hold the database to the named peers', () => {
    const rule = find('NetworkPolicy', 'accounts').spec.egress.find((r) => r.ports[0].port === 5432);
    expect(rule.to).toEqual([{ ipBlock: { cidr: '10.0.0.0/16' } }]);
  });
});

describe('what the chart refuses', () => {
  it('a bare install, by naming what is missing', () => {
    expect(renderBare()).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('database.existingSecret'),
    });
  });

  it.each([
    [
      'a Kafka login without a name',
      { eventLog: { sasl: { mechanism: 'plain' } } },
      'eventLog.sasl.username',
    ],
    [
      'a Kafka login without a password',
      { eventLog: { sasl: { mechanism: 'plain', username: 'openledger' } } },
      'eventLog.sasl.existingSecret',
    ],
    ['Kafka without brokers', { eventLog: { brokers: [] } }, 'eventLog.brokers'],
    ['settlement without a chain', { chain: { rpcUrl: '' } }, 'chain.rpcUrl'],
    ['no chain number', { chain: { id: 0 } }, 'chain.id'],
    ['accounts without its pepper', service('accounts', { secretFiles: [] }), 'API_KEY_PEPPER'],
    ['settlement without its key', service('settlement', { secretFiles: [] }), 'SETTLEMENT_OPERATOR_KEY'],
    ['an address that is none', { chain: { tokenAddress: '0x12' } }, 'tokenAddress'],
    ['no service token', { serviceToken: { existingSecret: '' } }, 'serviceToken.existingSecret'],
    ['a scaled pool without Prometheus', { gpuPools: [pool()] }, 'poolAutoscaling.serverAddress'],
    ['a pool that could not wake', withPool({ min: 0 }), 'min 0 needs autoscaling.query'],
    ['a typo at the root', { image: {}, loglevel: 'info' }, 'loglevel'],
    ['a typo in a service', service('accounts', { replica: 2 }), 'replica'],
    ['an unknown service', service('account', { replicas: 2 }), 'account'],
    ['a typo in a pool', withPool({ maximum: 2 }), 'maximum'],
    ['a typo in a toleration', service('accounts', { tolerations: [{ keys: 'x' }] }), 'keys'],
    ['a typo in resources', service('accounts', { resources: { limit: {} } }), 'limit'],
    [
      'a worker that may be cut short',
      service('inference-worker', { terminationGracePeriodSeconds: 599 }),
      '599',
    ],
    [
      'both halves of a budget',
      service('accounts', { podDisruptionBudget: { minAvailable: 1, maxUnavailable: 1 } }),
      'not',
    ],
    ['words for a count', service('accounts', { replicas: 'one' }), 'replicas'],
    ['a pool without devices', withPool({ gpu: { resource: 'nvidia.com/gpu', count: 0 } }), 'count'],
  ])('%s', (_, values, says) => {
    const { error } = render('default', values);
    expect(error).toContain(says);
  });

  it('any key that values.schema.json does not name, at every level', () => {
    const schema = JSON.parse(readFileSync(`${CHART}values.schema.json`, 'utf8'));
    const open = [];
    const visit = (node, path) => {
      if (node === null || typeof node !== 'object') return;
      const described = 'properties' in node || 'patternProperties' in node || node.type === 'object';
      if (described && !path.endsWith('/properties') && node.additionalProperties !== false) open.push(path);
      for (const [key, value] of Object.entries(node)) visit(value, `${path}/${key}`);
    };
    visit(schema, '');
    expect(open).toEqual([]);
  });
});
