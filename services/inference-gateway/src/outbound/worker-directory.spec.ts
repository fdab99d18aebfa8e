import { resolveWorkers } from './worker-directory.js';

describe('resolveWorkers', () => {
  it('takes addresses as they are, once each, and looks names up', async () => {
    expect(await resolveWorkers(['127.0.0.1:1', '10.0.0.2:2', '127.0.0.1:1'])).toEqual([
      '127.0.0.1:1',
      '10.0.0.2:2',
    ]);
    const local = await resolveWorkers(['localhost:9090']);
    expect(local.length).toBeGreaterThan(0);
    for (const address of local) expect(address).toMatch(/^(127\.0\.0\.1|\[::1\]):9090$/);
  });

  it('fails for a name that nobody has', async () => {
    await expect(resolveWorkers(['no-such-worker.invalid:9090'])).rejects.toThrow('ENOTFOUND');
  });
});
