/**
 * npm writes no lock entry for an optional platform package that it could not see (another platform's
 * binary that a mirror does not carry), and `npm ci` then refuses the lock on every machine. An entry
 * of version and platform is enough: `npm ci` skips what does not fit and fetches what does.
 */

const CPUS = {
  amd64: 'x64',
  x64: 'x64',
  arm64: 'arm64',
  arm: 'arm',
  armv7: 'arm',
  ia32: 'ia32',
  loong64: 'loong64',
  ppc64: 'ppc64',
  riscv64: 'riscv64',
  s390x: 's390x',
  wasm32: 'wasm32',
};
const SYSTEMS = {
  android: 'android',
  darwin: 'darwin',
  freebsd: 'freebsd',
  linux: 'linux',
  openharmony: 'openharmony',
  win32: 'win32',
  windows: 'win32',
};

const found = (table, parts) => parts.map((part) => table[part]).filter((value) => value !== undefined);

function libc(parts) {
  if (parts.some((part) => part.startsWith('musl'))) return ['musl'];
  return parts.some((part) => part.startsWith('gnu')) ? ['glibc'] : [];
}

/** `@x/cli-linux-x64-musl` → { os: ['linux'], cpu: ['x64'], libc: ['musl'] }; undefined if the name says nothing. */
export function platformOf(name) {
  const parts = name.split(/[/-]/);
  const platform = { os: found(SYSTEMS, parts), cpu: found(CPUS, parts), libc: libc(parts) };
  if (platform.os.length === 0 && platform.cpu.length === 0) return undefined;
  return Object.fromEntries(Object.entries(platform).filter(([, values]) => values.length > 0));
}

/** Optional dependencies that the lock names and does not list: [path, entry]. */
export function missingPlatforms(lock) {
  const missing = new Map();
  for (const { optionalDependencies = {} } of Object.values(lock.packages)) {
    for (const [name, range] of Object.entries(optionalDependencies)) {
      const path = `node_modules/${name}`;
      const listed = Object.keys(lock.packages).some((key) => key === path || key.endsWith(`/${path}`));
      const platform = platformOf(name);
      if (listed || platform === undefined) continue;
      missing.set(path, { version: range.replace(/^[\^~]/, ''), ...platform, optional: true });
    }
  }
  return [...missing];
}
