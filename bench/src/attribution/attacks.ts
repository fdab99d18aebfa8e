import type { Bench } from '../bench.js';
import {
  ATTACKER,
  type Contribution,
  contradictions,
  duplicates,
  junk,
  nearDuplicates,
  newcomer,
  rareTokens,
  theft,
  VICTIM,
  validated,
  withContribution,
} from './attack-bed.js';
import { type Bed, openBed } from './bed.js';
import { boilerplate } from './boilerplate.js';
import { meanOf } from './evaluation.js';
import { type OwnedExamples, type Payout, payoutOf, vectorsFor } from './training-payout.js';

/** Accounts that the attacker spreads his examples over. */
const ACCOUNTS = 4;

type Figures = Record<string, number>;
type Log = (line: string) => void;

/**
 * Parts of the training pool that dishonest contributors get. `undefended_` is without validation, which lets pass no
 * copies: what the payout alone does.
 */
export const attributionAttacks: Bench = {
  name: 'attribution.attacks',
  summary: 'what copies, junk, thefts, boilerplate and crafted outliers change of payouts',
  async run({ log }) {
    const short = await attacked(await openBed('tiny-s'), log);
    const long = await attacked(await openBed('tiny-l'), log);
    const named = Object.entries(long).map(([name, value]) => [`long_${name}`, value]);
    return { ...short, boilerplate: await templatePaid(log), ...Object.fromEntries(named) };
  },
};

async function attacked(bed: Bed, log: Log): Promise<Figures> {
  const honest = await vectorsFor(bed);
  const payout = payoutOf(bed, honest);
  const before = shareOf(payout, [ATTACKER]);
  const attack = async (contribution: Contribution) => {
    const { examples } = contribution;
    const under = withContribution(bed, contribution);
    const owner = under.contributors.indexOf(contribution.owner);
    // Without anything new the training is the honest one.
    const after = payoutOf(under, examples.length > 0 ? await vectorsFor(under) : honest);
    const own = shareOf(after, [ATTACKER]);
    const theirs = owner === ATTACKER ? 0 : shareOf(after, [owner]);
    log(
      `${bed.name}: ${examples.length} examples of ${contribution.owner}: ${own.toFixed(4)} and ${theirs.toFixed(4)} of the pool`,
    );
    return { gain: (own + theirs) / before, theirs, victim: shareOf(after, [VICTIM]) };
  };
  const defended = (contribution: Contribution) => attack(validated(bed, contribution));
  const crafted = [await defended(contradictions(bed)), await defended(rareTokens(bed))];
  const stolen = await attack(theft(bed));
  return {
    duplicate: (await defended(duplicates(bed))).gain,
    near_duplicate: (await defended(nearDuplicates(bed))).gain,
    split: shareOf(payoutOf(splitUp(bed), honest), accountsOf(bed)) / before,
    thief: (await defended(theft(bed))).theirs,
    junk: (await defended(junk(bed))).gain,
    newcomer: (await defended(newcomer())).theirs,
    outlier: Math.max(...crafted.map(({ gain }) => gain)),
    outlier_contradictions: crafted[0]?.gain ?? Number.NaN,
    outlier_rare_tokens: crafted[1]?.gain ?? Number.NaN,
    undefended_duplicate: (await attack(duplicates(bed))).gain,
    undefended_near_duplicate: (await attack(nearDuplicates(bed))).gain,
    undefended_thief: stolen.theirs,
    undefended_victim: stolen.victim / shareOf(payout, [VICTIM]),
    honest_share: before,
    honest_reserve: 1 - shareOf(payout, [...bed.contributors.keys()]),
  };
}

/** Of the training pool to who handed in what the base model says by itself. */
async function templatePaid(log: Log): Promise<number> {
  const bed = await openBed('seedling-s');
  const contribution = await boilerplate(bed);
  const under = withContribution(bed, contribution);
  const paid = shareOf(payoutOf(under, await vectorsFor(under)), [
    under.contributors.indexOf(contribution.owner),
  ]);
  log(`${bed.name}: ${contribution.examples.length} rows of boilerplate: ${paid.toFixed(4)} of the pool`);
  return paid;
}

/** The attacker's examples under several names, the others' as they were. */
function splitUp(bed: Bed): OwnedExamples {
  const accounts = accountsOf(bed);
  let next = 0;
  return {
    examples: bed.examples,
    contributors: [...bed.contributors, ...accounts.slice(1).map((_, i) => `account-${i + 1}`)],
    owners: bed.owners.map((owner) =>
      owner === ATTACKER ? (accounts[next++ % ACCOUNTS] ?? ATTACKER) : owner,
    ),
  };
}

const accountsOf = ({ contributors }: Bed): number[] => [
  ATTACKER,
  ...Array.from({ length: ACCOUNTS - 1 }, (_, i) => contributors.length + i),
];

const shareOf = (payout: Payout, owners: readonly number[]): number =>
  meanOf(payout.map((row) => owners.reduce((sum, owner) => sum + (row[owner] ?? 0), 0)));
