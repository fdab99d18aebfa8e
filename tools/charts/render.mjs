import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments } from 'yaml';
import { kubernetesSchemas } from './kubernetes-schemas.mjs';
import { helm, kubeconform } from './programs.mjs';

export const CHART = fileURLToPath(new URL('../../helm/openledger/', import.meta.url));
const RELEASE = 'rel';
const OUTPUT_BYTES_MAX = 64 * 1024 * 1024;

const run = (program, args, input) =>
  spawnSync(program, args, { encoding: 'utf8', input, maxBuffer: OUTPUT_BYTES_MAX, timeout: 120_000 });

/**
 * `helm template` with one of the chart's `ci/` files and, over it, an object of values.
 * Answers { error } or { text, objects, find(kind, name) }.
 */
export function render(base, values = {}) {
  const files = ['-f', `${CHART}ci/${base}-values.yaml`, '-f', '-'];
  const done = run(
    helm(),
    ['template', RELEASE, CHART, '--namespace', 'platform', ...files],
    JSON.stringify(values),
  );
  if (done.status !== 0) return { error: done.stderr };
  const objects = parseAllDocuments(done.stdout)
    .map((document) => document.toJS())
    .filter((object) => object !== null);
  const find = (kind, name) =>
    objects.find((o) => o.kind === kind && o.metadata.name === `${RELEASE}-openledger-${name}`);
  return { text: done.stdout, objects, find };
}

/** `helm template` with no values of ours. */
export const renderBare = () => run(helm(), ['template', RELEASE, CHART]);

export const lint = (base) =>
  run(helm(), ['lint', CHART, '--strict', '-f', `${CHART}ci/${base}-values.yaml`]);

/** kubeconform's verdict on rendered text; nothing may be skipped for want of a schema. */
export function conform(text) {
  const location = `${kubernetesSchemas()}/{{ .ResourceKind }}{{ .KindSuffix }}.json`;
  const done = run(
    kubeconform(),
    ['-strict', '-output', 'json', '-summary', '-schema-location', location, '-'],
    text,
  );
  return JSON.parse(done.stdout);
}

/** Pod templates of everything that makes pods, with the object they come from. */
export function pods(objects) {
  return objects
    .filter((o) => ['Deployment', 'Job', 'Pod'].includes(o.kind))
    .map((o) => ({ of: `${o.kind}/${o.metadata.name}`, pod: o.kind === 'Pod' ? o : o.spec.template }));
}
