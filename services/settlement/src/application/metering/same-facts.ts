import type { ScoredRequest, ServedRequest } from './metering-ports.js';

/**
 * Whether an event says what is recorded of what an answer used and whose it is. What was not recorded yet when it came
 * does not contradict it.
 */
export const sameServed = (a: ServedRequest, b: ServedRequest): boolean =>
  a.organisationId === b.organisationId &&
  a.modelId === b.modelId &&
  a.usage.promptTokens === b.usage.promptTokens &&
  sameIfKnown(a.usage.cachedTokens, b.usage.cachedTokens ?? 0) &&
  a.usage.completionTokens === b.usage.completionTokens &&
  a.holdId === b.holdId &&
  sameIfKnown(a.adapterDigest, b.adapterDigest) &&
  sameIfKnown(a.nodeKey, b.nodeKey) &&
  a.servedAt.getTime() === b.servedAt.getTime() &&
  sameTold(a.told, b.told);

const sameIfKnown = <T>(recorded: T | undefined, given: T | undefined): boolean =>
  recorded === undefined || recorded === given;

type Told = ServedRequest['told'];

const sameTold = (a: Told, b: Told): boolean =>
  a?.feeWei === b?.feeWei &&
  a?.promptWeiPerMillion === b?.promptWeiPerMillion &&
  a?.cachedPromptWeiPerMillion === b?.cachedPromptWeiPerMillion &&
  a?.completionWeiPerMillion === b?.completionWeiPerMillion;

/** Whether two events say the same of who made an answer possible, in whatever order they name them. */
export function sameScored(a: ScoredRequest, b: ScoredRequest): boolean {
  const [one, other] = [a.attribution, b.attribution];
  if (one.contributors.length !== other.contributors.length) return false;
  const shares = new Map(other.contributors.map((share) => [share.contributorId, share]));
  return (
    one.baseModelPpb === other.baseModelPpb &&
    one.reservePpb === other.reservePpb &&
    one.reliabilityPpb === other.reliabilityPpb &&
    one.contributors.every((share) => {
      const same = shares.get(share.contributorId);
      return (
        share.influencePpb === same?.influencePpb &&
        share.contextPpb === same.contextPpb &&
        share.basePpb === same.basePpb &&
        (a.partyOf.get(share.contributorId) ?? '') === (b.partyOf.get(share.contributorId) ?? '')
      );
    })
  );
}
