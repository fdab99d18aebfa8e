import {
  contentDigest,
  DomainError,
  type ReceiptStatement,
  type SignedReceipt,
  verifyReceipt,
} from '@openledger/kernel';

/** What the gateway itself saw of a run or an embedding. */
export interface Witnessed {
  readonly kind: ReceiptStatement['kind'];
  readonly requestId: string;
  readonly adapters: readonly { readonly digest: string; readonly weight: number }[];
  readonly input: readonly number[] | readonly (readonly number[])[];
  readonly output: readonly number[] | readonly (readonly number[])[];
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly cachedTokens: number;
  readonly finishReason: string;
}

/** What the worker said of itself in its status. */
export interface Signatory {
  readonly publicKey: Uint8Array;
  readonly baseDigest: string;
}

/** Why a receipt does not fit what was seen; empty where it does. */
export function receiptFault(receipt: SignedReceipt, signatory: Signatory, seen: Witnessed): string {
  if (Buffer.compare(receipt.publicKey, signatory.publicKey) !== 0) return 'key';
  let statement: ReceiptStatement;
  try {
    statement = verifyReceipt(receipt);
  } catch (error) {
    if (error instanceof DomainError) return 'signature';
    throw error;
  }
  const expected: Readonly<Record<string, string | number>> = {
    kind: seen.kind,
    requestId: seen.requestId,
    baseDigest: signatory.baseDigest,
    inputSha256: contentDigest(seen.input),
    outputSha256: contentDigest(seen.output),
    promptTokens: seen.promptTokens,
    completionTokens: seen.completionTokens,
    cachedTokens: seen.cachedTokens,
    finishReason: seen.finishReason,
  };
  const told: Readonly<Record<string, unknown>> = { ...statement };
  const wrong = Object.keys(expected).find((name) => told[name] !== expected[name]);
  if (wrong !== undefined) return wrong;
  const named = (adapters: Witnessed['adapters']) =>
    adapters.map(({ digest, weight }) => `${digest} ${weight}`).join();
  return named(statement.adapters) === named(seen.adapters) ? '' : 'adapters';
}
