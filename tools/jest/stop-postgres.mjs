import { rm } from 'node:fs/promises';

export default async function stopPostgres() {
  await globalThis.testPostgres.postgres.stop();
  await rm(globalThis.testPostgres.dir, { recursive: true, force: true });
}
