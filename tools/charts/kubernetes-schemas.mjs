import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The Kubernetes whose objects the chart is checked against; its module on the Go proxy holds the API's OpenAPI. */
const KUBERNETES = 'v1.36.3';
const CACHE = fileURLToPath(new URL('../../.cache/schemas/', import.meta.url));
const OWN = fileURLToPath(new URL('./crds/', import.meta.url));
const REF = '#/definitions/';

function openApi() {
  const go = execFileSync('go', ['mod', 'download', '-json', `k8s.io/kubernetes@${KUBERNETES}`], {
    cwd: tmpdir(),
    encoding: 'utf8',
    env: { ...process.env, GOFLAGS: '-mod=mod' },
  });
  return JSON.parse(readFileSync(join(JSON.parse(go).Dir, 'api/openapi-spec/swagger.json'), 'utf8'));
}

/** An object with named properties has no others; numbers that Kubernetes also takes as text stay both. */
function strict(name, definition) {
  if (name.endsWith('.Quantity')) return { oneOf: [{ type: 'string' }, { type: 'number' }] };
  if (definition.format === 'int-or-string') return { oneOf: [{ type: 'string' }, { type: 'integer' }] };
  if (Array.isArray(definition)) return definition.map((part) => strict('', part));
  if (definition === null || typeof definition !== 'object') return definition;
  const out = Object.fromEntries(Object.entries(definition).map(([key, value]) => [key, strict('', value)]));
  return out.type === 'object' && out.properties !== undefined
    ? { additionalProperties: false, ...out }
    : out;
}

/** Names that a definition refers to, itself included, through all levels. */
function reachable(definitions, name, seen = new Set()) {
  if (seen.has(name)) return seen;
  seen.add(name);
  for (const [, other] of JSON.stringify(definitions[name]).matchAll(/"#\/definitions\/([^"]+)"/g)) {
    reachable(definitions, other, seen);
  }
  return seen;
}

/** kubeconform's file name of a kind: `deployment-apps-v1.json`, `service-v1.json`. */
const fileName = ({ group, kind, version }) =>
  `${[kind, group.split('.')[0], version]
    .filter((part) => part !== '')
    .join('-')
    .toLowerCase()}.json`;

/**
 * A folder of strict JSON schemas for kubeconform, one a kind, made of the OpenAPI of the pinned
 * Kubernetes and of our own short ones for custom resources. Made once, then cached.
 */
export function kubernetesSchemas() {
  const folder = join(CACHE, KUBERNETES);
  if (!existsSync(folder)) {
    const building = `${folder}.${process.pid}`;
    mkdirSync(building, { recursive: true });
    const { definitions } = openApi();
    const closed = Object.fromEntries(
      Object.entries(definitions).map(([name, one]) => [name, strict(name, one)]),
    );
    for (const [name, definition] of Object.entries(definitions)) {
      const kinds = definition['x-kubernetes-group-version-kind'] ?? [];
      if (kinds.length !== 1) continue;
      const needed = [...reachable(closed, name)].map((one) => [one, closed[one]]);
      const schema = { $ref: `${REF}${name}`, definitions: Object.fromEntries(needed) };
      writeFileSync(join(building, fileName(kinds[0])), JSON.stringify(schema));
    }
    rmSync(folder, { recursive: true, force: true });
    renameSync(building, folder);
  }
  cpSync(OWN, folder, { recursive: true });
  return folder;
}
