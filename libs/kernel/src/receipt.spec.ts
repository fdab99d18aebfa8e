import { createPrivateKey, sign } from 'node:crypto';
import {
  contentDigest,
  generateSigningKey,
  ReceiptSigner,
  type ReceiptStatement,
  verifyReceipt,
} from './receipt.js';

const statement: ReceiptStatement = {
  version: 1,
  kind: 'run',
  requestId: 'r1',
  baseDigest: 'b'.repeat(64),
  adapters: [{ digest: 'a'.repeat(64), weight: 0.5 }],
  inputSha256: contentDigest([1, 2, 3]),
  outputSha256: contentDigest([4]),
  promptTokens: 3,
  completionTokens: 1,
  cachedTokens: 0,
  finishReason: 'stop',
  engine: 'onnx',
  startedAt: '2026-01-01T00:00:00.000Z',
  firstTokenAt: '2026-01-01T00:00:01.000Z',
  endedAt: '2026-01-01T00:00:02.000Z',
};
const refused = expect.objectContaining({ code: 'RECEIPT_INVALID' });

describe('a signed receipt', () => {
  const pem = generateSigningKey();
  const signer = new ReceiptSigner(pem);
  const receipt = signer.sign(statement);

  it('is read back by whoever has it, with the key that the same file always has', () => {
    expect(verifyReceipt(receipt)).toEqual(statement);
    expect(new ReceiptSigner(pem).publicKey).toEqual(signer.publicKey);
    expect(receipt.publicKey).toHaveLength(32);
    expect(receipt.signature).toHaveLength(64);
  });

  it('says nothing once a byte of it is changed', () => {
    const flipped = Uint8Array.from(receipt.signature);
    flipped[5] = (flipped[5] ?? 0) ^ 1;
    const other = new ReceiptSigner(generateSigningKey());
    const forgeries = [
      { ...receipt, statement: receipt.statement.replace('"completionTokens":1', '"completionTokens":2') },
      { ...receipt, signature: flipped },
      { ...receipt, signature: receipt.signature.slice(1) },
      { ...receipt, publicKey: other.publicKey },
      { ...receipt, publicKey: new Uint8Array(31) },
    ];
    for (const forgery of forgeries) expect(() => verifyReceipt(forgery)).toThrow(refused);
  });

  it('is refused where what is signed is no statement, or is worded in a second way', () => {
    const key = createPrivateKey(pem);
    const spaced = JSON.stringify(statement, null, 1);
    const second = { ...receipt, statement: spaced, signature: sign(null, Buffer.from(spaced), key) };
    expect(() => verifyReceipt(second)).toThrow(refused);
    const odd: object[] = [
      { ...statement, version: 2 },
      { ...statement, kind: 'other' },
      { ...statement, baseDigest: 'zz' },
      { ...statement, adapters: [{ digest: 'a'.repeat(64) }] },
      { ...statement, promptTokens: -1 },
      { ...statement, endedAt: 5 },
    ];
    for (const value of odd) {
      const signed = signer.sign(value as ReceiptStatement);
      expect(() => verifyReceipt(signed)).toThrow(refused);
    }
  });

  it('needs an Ed25519 key, and tells nothing of a wrong one', () => {
    for (const wrong of ['', 'secret words', pem.replace(/[A-Z]/g, 'x')]) {
      expect(() => new ReceiptSigner(wrong)).toThrow(
        expect.objectContaining({
          code: 'SIGNING_KEY_INVALID',
          message: expect.not.stringContaining('secret'),
        }),
      );
    }
  });

  it('digests tokens the way that the blob of an answer holds them', () => {
    expect(contentDigest([1, 2])).toBe(contentDigest(JSON.parse('[1,2]')));
    expect(contentDigest([[1], [2]])).not.toBe(contentDigest([[1, 2]]));
  });
});
