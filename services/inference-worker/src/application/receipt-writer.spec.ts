import { RunRequest, RunResponse } from '@openledger/contracts';
import { contentDigest, generateSigningKey, ReceiptSigner, verifyReceipt } from '@openledger/kernel';
import { ReceiptWriter } from './receipt-writer.js';

/** One second later each time. */
function ticking() {
  let seconds = 0;
  return {
    now: () => {
      seconds += 1;
      return new Date(seconds * 1_000);
    },
  };
}
const request = RunRequest.fromPartial({
  requestId: 'r1',
  promptTokens: [1, 2, 3],
  adapters: [{ adapter: { digest: 'a'.repeat(64) }, weight: 0 }],
});

describe('ReceiptWriter', () => {
  const writer = () =>
    new ReceiptWriter({
      signer: new ReceiptSigner(generateSigningKey()),
      base: () => ({ digest: 'b'.repeat(64) }),
      engine: 'onnx',
      clock: ticking(),
    });
  async function* responses(parts: readonly Partial<RunResponse>[]) {
    for (const part of parts) yield RunResponse.fromPartial(part);
  }

  it('adds a receipt of the whole answer to its last message, and to no other', async () => {
    const told: RunResponse[] = [];
    const parts = [
      { cachedTokens: 2 },
      { tokens: [7], cachedTokens: 2 },
      { tokens: [8, 9], finishReason: 'stop', adapterDigests: ['a'.repeat(64)] },
    ];
    for await (const response of writer().run(request, responses(parts))) told.push(response);
    expect(told.slice(0, -1).map(({ receipt }) => receipt)).toEqual([undefined, undefined]);
    const { receipt } = told.at(-1) ?? {};
    if (!receipt) throw new Error('no receipt');
    expect(verifyReceipt(receipt)).toEqual({
      version: 1,
      kind: 'run',
      requestId: 'r1',
      baseDigest: 'b'.repeat(64),
      // Without a weight means 1.
      adapters: [{ digest: 'a'.repeat(64), weight: 1 }],
      inputSha256: contentDigest([1, 2, 3]),
      outputSha256: contentDigest([7, 8, 9]),
      promptTokens: 3,
      completionTokens: 3,
      cachedTokens: 2,
      finishReason: 'stop',
      engine: 'onnx',
      startedAt: '1970-01-01T00:00:01.000Z',
      firstTokenAt: '1970-01-01T00:00:02.000Z',
      endedAt: '1970-01-01T00:00:03.000Z',
    });
  });

  it('names the adapters that were used, whatever was asked for', async () => {
    const parts = [{ finishReason: 'stop', adapterDigests: ['f'.repeat(64)] }];
    for await (const { receipt } of writer().run(request, responses(parts))) {
      if (!receipt) throw new Error('no receipt');
      const { adapters, firstTokenAt, endedAt } = verifyReceipt(receipt);
      expect(adapters).toEqual([{ digest: 'f'.repeat(64), weight: 1 }]);
      expect(firstTokenAt).toBe(endedAt);
    }
  });
});
