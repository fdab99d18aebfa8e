import { testDatabase } from '@openledger/testing';
import { runCrashes } from '@openledger/testing/event-log-crash';

describe('kill -9 between outbox, log and inbox', () => {
  it('loses no event, repeats no effect and keeps the order of keys', async () => {
    const result = await runCrashes({ url: await testDatabase(), runs: 3, seed: 20 });
    expect(result.events).toBeGreaterThan(10);
    expect(result).toMatchObject({ runs: 3, lost: 0, duplicatedEffects: 0, reordered: 0 });
  }, 120_000);
});
