import { retryAt, webhookBody } from './webhook.js';

const FAILED = new Date('2026-11-20T12:00:00Z');
const waits = (chance: number) =>
  Array.from({ length: 10 }, (_, i) => {
    const at = retryAt(i + 1, FAILED, chance);
    return at && (at.getTime() - FAILED.getTime()) / 1_000;
  });

describe('webhooks', () => {
  it('are tried again for three days, ever more rarely, and then given up', () => {
    expect(waits(0)).toEqual([5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400, undefined]);
    expect(waits(1)[0]).toBe(6);
  });

  it('have a body of type, time and data', () => {
    expect(webhookBody('settlement.paid', FAILED, { amountWei: '7' })).toBe(
      '{"type":"settlement.paid","timestamp":"2026-11-20T12:00:00.000Z","data":{"amountWei":"7"}}',
    );
  });
});
