import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const CACHE = fileURLToPath(new URL('../../.cache/bin/', import.meta.url));
const BUILD_TIMEOUT_MS = 900_000;
const HELM = { name: 'helm', module: 'helm.sh/helm/v4/cmd/helm', version: 'v4.3.1' };
const KUBECONFORM = {
  name: 'kubeconform',
  module: 'github.com/yannh/kubeconform/cmd/kubeconform',
  version: 'v0.7.0',
};

/** The program built from its Go module; a new pin is a new folder and so a new build. */
function built({ name, module, version }) {
  const folder = join(CACHE, `${name}-${version}`);
  const program = join(folder, name);
  if (existsSync(program)) return program;
  mkdirSync(folder, { recursive: true });
  // Outside the repository, so that no go.mod above takes part.
  execFileSync('go', ['install', `${module}@${version}`], {
    cwd: tmpdir(),
    env: { ...process.env, GOBIN: folder, GOFLAGS: '' },
    stdio: ['ignore', 'inherit', 'inherit'],
    timeout: BUILD_TIMEOUT_MS,
  });
  return program;
}

export const helm = () => built(HELM);
export const kubeconform = () => built(KUBECONFORM);
