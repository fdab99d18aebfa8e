import {
  canonicalJson,
  DomainError,
  feeOf,
  type Json,
  type Price,
  sha256,
  type TokenUsage,
} from '@openledger/kernel';
import {
  type Attribution,
  type FeePart,
  type Payees,
  type Royalties,
  type RoyaltyShare,
  splitFee,
} from '../split/split-fee.js';
import { policyAt, type SplitPolicy } from '../split/split-policy.js';
import { type ManifestLine, weiOf } from './manifest-reader.js';

/** What splits are made by, as far as the manifest told until now. */
export interface SplitBasis {
  readonly policies: readonly SplitPolicy[];
  readonly royalties: ReadonlyMap<string, Royalties>;
}

/**
 * Computes an answer's fee from its tokens and price, and its parts from shares and policy, by the rules that settlement
 * itself uses. I7: the parts are those of the split and sum to the fee. I10: the policy is the one in force when it was served.
 *
 * @throws DomainError EPOCH_DIFFERS
 */
export function checkAnswer(line: ManifestLine, { policies, royalties }: SplitBasis): FeePart[] {
  const feeWei = checkFee(line);
  if (policies.length === 0) line.fail('no policy is told');
  const policy = policyAt(policies, line.time('servedAt'));
  line.expect('policyVersion', line.number('policyVersion'), policy.version);
  const parts = named(line, () =>
    splitFee(feeWei, policy.roles, attributionOf(line), payeesOf(line, royalties)),
  );
  const told = line.list('parts');
  line.expect('the number of parts', told.length, parts.length);
  for (const [index, { role, payeeId, amountWei }] of parts.entries()) {
    const part = told[index];
    const [toldRole, toldPayee, toldWei] = Array.isArray(part) ? (part as readonly Json[]) : [];
    const name = `part ${index + 1}`;
    line.expect(`${name} is for`, `${String(toldRole)}:${String(toldPayee)}`, `${role}:${payeeId}`);
    line.expect(name, String(toldWei), amountWei.toString());
  }
  return parts;
}

function checkFee(line: ManifestLine): bigint {
  const price: Price = {
    promptWeiPerMillion: line.wei('promptPrice'),
    cachedPromptWeiPerMillion: line.wei('cachedPrice'),
    completionWeiPerMillion: line.wei('completionPrice'),
  };
  const usage: TokenUsage = {
    promptTokens: line.number('promptTokens'),
    cachedTokens: line.number('cachedTokens'),
    completionTokens: line.number('completionTokens'),
  };
  const pricedWei = named(line, () => feeOf(price, usage));
  line.expect('pricedWei', line.wei('pricedWei'), pricedWei);
  const feeWei = line.wei('feeWei');
  if (feeWei > pricedWei) line.fail(`feeWei is ${feeWei}, more than the price of ${pricedWei}`);
  return feeWei;
}

function attributionOf(line: ManifestLine): Attribution {
  const attribution = line.object('attribution');
  return {
    baseModelPpb: BigInt(attribution.number('baseModelPpb')),
    reservePpb: BigInt(attribution.number('reservePpb')),
    reliabilityPpb: BigInt(attribution.number('reliabilityPpb')),
    contributors: attribution.list('contributors').map((share) => {
      const [id, ...ppb] = Array.isArray(share) ? (share as readonly Json[]) : [];
      const [influencePpb, contextPpb, basePpb] = ppb.map((one) =>
        Number.isSafeInteger(one) ? BigInt(Number(one)) : line.fail('a share is no whole number'),
      );
      const whole = influencePpb !== undefined && contextPpb !== undefined && basePpb !== undefined;
      if (typeof id !== 'string' || !whole) return line.fail('a share is not whole');
      return { contributorId: id, influencePpb, contextPpb, basePpb };
    }),
  };
}

function payeesOf(line: ManifestLine, known: SplitBasis['royalties']): Payees {
  const payees = line.object('payees');
  const id = payees.has('royaltiesId') ? payees.text('royaltiesId') : undefined;
  const royalties = id === undefined ? undefined : known.get(id);
  if (id !== undefined && !royalties) line.fail(`the royalties ${id} are not told`);
  return {
    developerId: payees.text('developerId'),
    ...(payees.has('baseModelOwnerId') ? { baseModelOwnerId: payees.text('baseModelOwnerId') } : {}),
    ...(payees.has('nodeOperatorId') ? { nodeOperatorId: payees.text('nodeOperatorId') } : {}),
    ...(royalties ? { royalties } : {}),
  };
}

/** The weights of a line of royalties, whose name is their hash. */
export function royaltiesOf(line: ManifestLine): Royalties {
  const lists = { developers: line.list('developers'), contributors: line.list('contributors') };
  line.expect('id', line.text('id'), sha256(canonicalJson(lists)));
  return { developers: weightsOf(line, 'developers'), contributors: weightsOf(line, 'contributors') };
}

const weightsOf = (royalties: ManifestLine, name: string): RoyaltyShare[] =>
  royalties.list(name).map((entry) => {
    const [payeeId, text] = Array.isArray(entry) ? (entry as readonly Json[]) : [];
    const weight = weiOf(text);
    if (typeof payeeId !== 'string' || weight === undefined) return royalties.fail('a weight is no number');
    return { payeeId, weight };
  });

/** What the rules themselves refuse is a difference of this line. */
function named<T>(line: ManifestLine, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof DomainError && error.code === 'EPOCH_DIFFERS') throw error;
    return line.fail(error instanceof Error ? error.message : String(error));
  }
}
