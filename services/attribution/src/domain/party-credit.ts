import { splitExactly, toPpb } from '@openledger/kernel';
import { creditOf, type Evidence } from './credit.js';

/** One contributor's part in an answer. */
export interface Member {
  readonly contributorId: string;
  readonly partyId: string;
  /** Σ over his records of their signed influence. */
  readonly influence: number;
  readonly records: number;
  readonly tokens: number;
}

/** What was measured about one answer. */
export interface AnswerEvidence
  extends Pick<Evidence, 'decoys' | 'baseLogLikelihood' | 'adapterLogLikelihood'> {
  readonly members: readonly Member[];
  /** What a typical record of the data scores on the answer: it taught manner, not this answer. */
  readonly typicalScore: number;
  /** By party. */
  readonly spanNats: ReadonlyMap<string, number>;
}

export interface AnswerCredit {
  /** Of each member, in the order given. */
  readonly membersPpb: readonly bigint[];
  readonly baseModelPpb: bigint;
  readonly reservePpb: bigint;
}

/**
 * Credits parties, not accounts: chance and clipping are not linear, so whoever spread his data over
 * accounts would otherwise earn another amount than with one. Inside a party the share is split by the
 * members' own positive influence, or by tokens where none has any.
 */
export function creditMembers(evidence: AnswerEvidence): AnswerCredit {
  const members = aboveTypical(evidence);
  const { spanNats, decoys, baseLogLikelihood, adapterLogLikelihood } = evidence;
  const parties = [...new Set(members.map(({ partyId }) => partyId))];
  const inParty = (id: string) => members.filter(({ partyId }) => partyId === id);
  const total = (id: string, of: (member: Member) => number) =>
    inParty(id).reduce((sum, member) => sum + of(member), 0);
  const credit = creditOf({
    influence: parties.map((id) => total(id, ({ influence }) => influence)),
    recordCounts: parties.map((id) => total(id, ({ records }) => records)),
    spanNats: parties.map((id) => spanNats.get(id) ?? 0),
    decoys,
    baseLogLikelihood,
    adapterLogLikelihood,
  });
  const shares = new Map<Member, bigint>();
  for (const [i, id] of parties.entries()) {
    const own = inParty(id);
    const parts = splitInside(own, credit.contributors[i] ?? 0n);
    for (const [at, member] of own.entries()) shares.set(member, parts[at] ?? 0n);
  }
  return {
    membersPpb: members.map((member) => shares.get(member) ?? 0n),
    baseModelPpb: credit.baseModel,
    reservePpb: credit.reserve,
  };
}

/** A sole party has nobody to be told apart from. */
function aboveTypical({ members, typicalScore }: AnswerEvidence): Member[] {
  const isAlone = new Set(members.map(({ partyId }) => partyId)).size < 2;
  const common = isAlone ? 0 : typicalScore;
  return members.map((member) => ({ ...member, influence: member.influence - common * member.records }));
}

function splitInside(members: readonly Member[], share: bigint): bigint[] {
  const helped = members.some(({ influence }) => influence > 0);
  return splitExactly(share, toPpb(members.map(({ influence, tokens }) => (helped ? influence : tokens))));
}
