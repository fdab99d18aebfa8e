import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const POM = fileURLToPath(new URL('./pom.xml', import.meta.url));
const CACHE = fileURLToPath(new URL('../../.cache/kafka/', import.meta.url));
const FETCH_TIMEOUT_MS = 600_000;

/** The broker version that `pom.xml` pins. */
function kafkaVersion() {
  const version = /<kafka\.version>([^<]+)</.exec(readFileSync(POM, 'utf8'))?.[1];
  if (version === undefined) throw new Error('deploy/kafka/pom.xml names no kafka.version');
  return version;
}

/**
 * The folder that holds the broker's jars; Maven fills it the first time. One folder a version, so
 * a changed pin never runs on a mixture of old and new jars.
 */
export function kafkaJars() {
  const version = kafkaVersion();
  const folder = join(CACHE, version);
  if (existsSync(join(folder, `kafka_2.13-${version}.jar`))) return folder;
  mkdirSync(folder, { recursive: true });
  const goal = ['dependency:copy-dependencies', `-DoutputDirectory=${folder}`];
  const maven = spawnSync('mvn', ['-q', '-B', '-f', POM, ...goal], {
    stdio: ['ignore', 'inherit', 'inherit'],
    timeout: FETCH_TIMEOUT_MS,
  });
  if (maven.status === 0) return folder;
  rmSync(folder, { recursive: true, force: true });
  throw new Error('Maven could not fetch the Kafka jars; is `mvn` installed?', { cause: maven.error });
}
