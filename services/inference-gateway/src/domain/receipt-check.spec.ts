import { contentDigest, generateSigningKey, ReceiptSigner, type ReceiptStatement } from '@openledger/kernel';
import { receiptFault, type Witnessed } from './receipt-check.js';

const signer = new ReceiptSigner(generateSigningKey());
const statement: ReceiptStatement = {
  version: 1,
  kind: 'run',
  requestId: 'r1',
  baseDigest: 'b'.repeat(64),
  adapters: [{ digest: 'a'.repeat(64), weight: 1 }],
  inputSha256: contentDigest([1, 2]),
  outputSha256: contentDigest([3]),
  promptTokens: 2,
  completionTokens: 1,
  cachedTokens: 0,
  finishReason: 'stop',
  engine: 'onnx',
  startedAt: '',
  firstTokenAt: '',
  endedAt: '',
};
const seen: Witnessed = {
  kind: 'run',
  requestId: 'r1',
  adapters: [{ digest: 'a'.repeat(64), weight: 1 }],
  input: [1, 2],
  output: [3],
  promptTokens: 2,
  completionTokens: 1,
  cachedTokens: 0,
  finishReason: 'stop',
};
const known = { publicKey: signer.publicKey, baseDigest: 'b'.repeat(64) };

describe('receiptFault', () => {
  it('finds none in a receipt that says what was seen', () => {
    expect(receiptFault(signer.sign(statement), known, seen)).toBe('');
  });

  it.each([
    ['requestId', { requestId: 'r2' }],
    ['baseDigest', { baseDigest: 'c'.repeat(64) }],
    ['adapters', { adapters: [] }],
    ['adapters', { adapters: [{ digest: 'a'.repeat(64), weight: 0.5 }] }],
    ['inputSha256', { inputSha256: contentDigest([1, 3]) }],
    ['outputSha256', { outputSha256: contentDigest([4]) }],
    ['completionTokens', { completionTokens: 9 }],
    ['cachedTokens', { cachedTokens: 1 }],
    ['finishReason', { finishReason: 'length' }],
    ['kind', { kind: 'embed' as const }],
  ])('names %s where it differs, however well it is signed', (field, fields) => {
    expect(receiptFault(signer.sign({ ...statement, ...fields }), known, seen)).toBe(field);
  });

  it('takes no other key and no changed statement', () => {
    const other = new ReceiptSigner(generateSigningKey());
    expect(receiptFault(other.sign(statement), known, seen)).toBe('key');
    expect(receiptFault({ ...other.sign(statement), publicKey: signer.publicKey }, known, seen)).toBe(
      'signature',
    );
  });
});
