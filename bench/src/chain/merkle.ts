import { CumulativeTree, verifyProof } from '@openledger/onchain';
import { StandardMerkleTree } from '@openzeppelin/merkle-tree';
import { type Bench, type BenchContext, median } from '../bench.js';

const ROUNDS = 3;
const LEAVES = 1_000_000;
/** Theirs needs minutes and 3 GB for a million leaves; its time per leaf grows with their number. */
const PEER_LEAVES = 100_000;
const PROOFS = 200_000;
const PEER_VERSION = '1.0.8';

interface Round {
  readonly secondsOfMillion: number;
  readonly proofsPerS: number;
  readonly peerSeconds: number;
  readonly sameSizeSeconds: number;
  readonly equalRoot: boolean;
}

/** A cumulative tree of a million accounts, and one of a tenth of them beside OpenZeppelin's. */
export const merkleMillion: Bench = {
  name: 'merkle.million',
  summary: 'cumulative Merkle tree of a million leaves, and the proofs, against @openzeppelin/merkle-tree',
  run: async (context) => {
    context.peer('@openzeppelin/merkle-tree', PEER_VERSION);
    const leaves = leavesOf(LEAVES);
    const rounds: Round[] = [];
    for (let round = 1; round <= ROUNDS; round += 1) rounds.push(await runRound(context, round, leaves));
    const figure = (of: (round: Round) => number) => median(rounds.map(of));
    const seconds = figure(({ secondsOfMillion }) => secondsOfMillion);
    return {
      seconds,
      // A lower bound: ten times what theirs takes for a tenth of the leaves, its cost being n log n.
      ratio_vs_openzeppelin: median(
        rounds.map((round) => (round.peerSeconds * (LEAVES / PEER_LEAVES)) / round.secondsOfMillion),
      ),
      ratio_at_100k: median(rounds.map((round) => round.peerSeconds / round.sameSizeSeconds)),
      openzeppelin_seconds_100k: figure(({ peerSeconds }) => peerSeconds),
      equal_root: rounds.every(({ equalRoot }) => equalRoot),
      proofs_per_s: figure(({ proofsPerS }) => proofsPerS),
      leaves: LEAVES,
    };
  },
};

async function runRound(context: BenchContext, number: number, leaves: Leaves): Promise<Round> {
  const million = await timed(() => CumulativeTree.build(leaves));
  const proofsPerS = proofRate(million.result, leaves);
  const some = leaves.slice(0, PEER_LEAVES);
  const peer = await timed(() =>
    StandardMerkleTree.of(
      some.map(({ account, totalWei }) => [account, totalWei.toString()]),
      ['address', 'uint256'],
    ),
  );
  const own = await timed(() => CumulativeTree.of(some));
  context.log(
    `round ${number}: ${million.seconds.toFixed(2)} s for ${LEAVES} leaves; ${PEER_LEAVES}: ` +
      `${own.seconds.toFixed(2)} s, OpenZeppelin ${peer.seconds.toFixed(1)} s`,
  );
  return {
    secondsOfMillion: million.seconds,
    proofsPerS,
    peerSeconds: peer.seconds,
    sameSizeSeconds: own.seconds,
    equalRoot: own.result.root === peer.result.root,
  };
}

type Leaves = readonly { readonly account: string; readonly totalWei: bigint }[];

const leavesOf = (count: number): Leaves =>
  Array.from({ length: count }, (_, index) => ({
    account: `0x${(index + 1).toString(16).padStart(40, '0')}`,
    totalWei: BigInt(index + 1) * 10n ** 15n,
  }));

/** Of accounts from everywhere in the tree; one in a thousand is checked as the contract would. */
function proofRate(tree: CumulativeTree, leaves: Leaves): number {
  const STEP = 7_919;
  const proofs: string[][] = [];
  const startedAt = performance.now();
  for (let index = 0; index < PROOFS; index += 1) {
    const proof = tree.proofOf(leaves[(index * STEP) % leaves.length]?.account ?? '') ?? [];
    if (index % 1_000 === 0) proofs.push(proof);
  }
  const seconds = (performance.now() - startedAt) / 1_000;
  for (const [index, proof] of proofs.entries()) {
    const leaf = leaves[(index * 1_000 * STEP) % leaves.length];
    if (!leaf || !verifyProof(tree.root, leaf, proof)) throw new Error(`proof ${index} does not hold`);
  }
  return PROOFS / seconds;
}

async function timed<T>(work: () => T | Promise<T>): Promise<{ result: T; seconds: number }> {
  const startedAt = performance.now();
  const result = await work();
  return { result, seconds: (performance.now() - startedAt) / 1_000 };
}
