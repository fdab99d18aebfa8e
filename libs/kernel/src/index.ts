export { type Clock, systemClock } from './clock.js';
export {
  CONTRIBUTION_BYTES_MAX,
  CONTRIBUTION_RECORDS_MAX,
  countCharacters,
  RECORD_CHARACTERS_MAX,
} from './contribution-limits.js';
export { DomainError, type DomainErrorOptions, type ErrorKind, InvariantError, invariant } from './errors.js';
export { canonicalJson, isSha256, type Json, type Sha256, sha256 } from './hash.js';
export { derivedId, isId, newId } from './ids.js';
export { countLines, fromJsonLines, jsonLinesBetween, linesOf, toJsonLines } from './json-lines.js';
export { merkleRoot } from './merkle.js';
export { cachedPriceOf, feeOf, type Price, samePrice, type TokenUsage } from './price.js';
export {
  contentDigest,
  generateSigningKey,
  ReceiptSigner,
  type ReceiptStatement,
  type SignedReceipt,
  verifyReceipt,
} from './receipt.js';
export { Slots } from './slots.js';
export { PPB, splitExactly, toPpb } from './split.js';
