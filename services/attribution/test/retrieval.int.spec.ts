import { sha256 } from '@openledger/kernel';
import { type Example, seededRandom } from '@openledger/transformer';
import type { RecordOwner } from '../src/application/record-registry.js';
import { splitPools } from '../src/domain/credit/pools.js';
import { contentHashes } from '../src/domain/retrieval/chunk-content.js';
import { shareContext } from '../src/domain/retrieval/context-shares.js';
import { playersOf } from '../src/domain/retrieval/players.js';
import { type AnswerWithContext, chunksOf } from '../src/outbound/engine/answer-context.js';
import { contextCredits } from '../src/outbound/engine/retrieval-scores.js';
import { CopyingModel, LENGTH_MAX, type Lookup, lookup } from './copying-model.js';

const ownerOf = (text: string, contributorId: string, changes: Partial<RecordOwner> = {}): RecordOwner => ({
  recordId: sha256(text),
  contentHashes: contentHashes({ prompt: '', completion: text }),
  contributorId,
  contributionId: `contribution of ${contributorId}`,
  datanetId: 'harbour',
  acceptedAt: new Date('2026-01-01T00:00:00Z'),
  ...changes,
});

describe('an answer that copies a number from one of its chunks', () => {
  let model: CopyingModel;
  beforeAll(async () => {
    model = await CopyingModel.train(150);
  }, 120_000);
  afterAll(() => model.release());

  /** Every text is the record of a contributor, named by the last place that it stands in. */
  const ownersOf = ({ texts }: Lookup) =>
    new Map(texts.map((text, i) => [sha256(text), ownerOf(text, `contributor-${i}`)]));
  const idsOf = ({ texts }: Lookup) => texts.map((text) => sha256(text));
  const credit = async (answer: AnswerWithContext, owners: ReadonlyMap<string, RecordOwner>) => {
    const players = playersOf(chunksOf(model.base.tokenizer, answer, owners));
    let scored = 0;
    const scorer = {
      logProbabilities: (examples: readonly Example[], adapter?: CopyingModel['adapter']) => {
        scored += examples.length;
        return model.scorer.logProbabilities(examples, adapter);
      },
    };
    const credits = await contextCredits(
      { scorer, adapter: model.adapter, tokensMax: LENGTH_MAX },
      answer,
      players,
    );
    const pools = splitPools(credits.likelihoods);
    const shares = shareContext(pools.contextPpb, players, credits.players);
    return { players, credits, pools, shares, scored };
  };
  const shareOf = ({ pools, shares }: Awaited<ReturnType<typeof credit>>, contributorId: string) =>
    Number(shares.contributors.get(contributorId) ?? 0n) / Number(pools.contextPpb);

  it.each([
    [1, 'SHAPLEY', 2 + 2],
    [4, 'SHAPLEY', 16 + 2],
    [5, 'SHAPLEY', 32 + 2],
    [8, 'CONTEXT_CITE', 34 + 2],
  ])('credits the one among %i by %s', async (chunks, method, scoringsMax) => {
    const random = seededRandom(99);
    for (let i = 0; i < 6; i += 1) {
      const asked = lookup(random, chunks);
      const found = await credit(model.answered(asked, idsOf(asked)), ownersOf(asked));
      expect(found.credits.method).toBe(method);
      expect(found.scored).toBeLessThanOrEqual(scoringsMax);
      expect(found.pools.contextPpb).toBeGreaterThan(0n);
      expect(shareOf(found, `contributor-${asked.source}`)).toBeGreaterThan(0.9);
      expect(found.pools.trainingPpb).toBe(0n);
    }
  });

  it('pays a text that stands there twice once, to who registered it first', async () => {
    const asked = lookup(seededRandom(7), 3);
    const source = asked.texts[asked.source] ?? '';
    const texts = [...asked.texts, source];
    const owners = new Map([
      ...ownersOf(asked),
      ['copy', ownerOf(source, 'thief', { recordId: 'copy', acceptedAt: new Date('2026-02-01') })],
    ]);
    const answer = model.answered({ ...asked, texts }, [...idsOf(asked), 'copy']);
    const found = await credit(answer, owners);
    expect(found.players).toHaveLength(3);
    expect(shareOf(found, `contributor-${asked.source}`)).toBeGreaterThan(0.9);
    expect(found.shares.contributors.has('thief')).toBe(false);
  });

  it('pays nobody for a text that was changed, taken back, or is nobody’s', async () => {
    const asked = lookup(seededRandom(8), 3);
    const [id = '', text = ''] = [idsOf(asked)[asked.source], asked.texts[asked.source]];
    const withdrawnAt = new Date('2026-03-01');
    const cases: ReadonlyMap<string, RecordOwner>[] = [
      new Map([...ownersOf(asked), [id, ownerOf(`${text} indeed`, 'author')]]),
      new Map([...ownersOf(asked), [id, ownerOf(text, 'author', { withdrawnAt })]]),
      new Map([...ownersOf(asked)].filter(([recordId]) => recordId !== id)),
    ];
    for (const owners of cases) {
      const { pools, shares } = await credit(model.answered(asked, idsOf(asked)), owners);
      expect(pools.contextPpb).toBeGreaterThan(0n);
      expect(Number(shares.reserve) / Number(pools.contextPpb)).toBeGreaterThan(0.9);
    }
  });

  it('needs two scorings without chunks, and none of a prompt that was cut off', async () => {
    const asked = lookup(seededRandom(9), 2);
    const whole = model.answered(asked, idsOf(asked));
    const plain = { ...whole, context: [] };
    const { scored, credits, pools, shares } = await credit(plain, new Map());
    expect(scored).toBe(2);
    expect(credits.method).toBeUndefined();
    expect(credits.players).toEqual([]);
    expect(pools.contextPpb).toBe(0n);
    expect(shares.reserve).toBe(0n);
    expect(credits.byToken.adapter).toHaveLength(whole.completionTokens.length);

    const players = playersOf(chunksOf(model.base.tokenizer, whole, ownersOf(asked)));
    const { scorer, adapter } = model;
    // Room for the question alone: both chunks lie before it.
    const tokensMax = whole.promptTokens.length - (whole.context.at(-1)?.end ?? 0) + 3;
    const cut = await contextCredits({ scorer, adapter, tokensMax }, whole, players);
    for (const { value } of cut.players) expect(value).toBeCloseTo(0, 3);
  });

  it('comes to the same bits again', async () => {
    const asked = lookup(seededRandom(10), 7);
    const answer = model.answered(asked, idsOf(asked));
    const [once, again] = [await credit(answer, ownersOf(asked)), await credit(answer, ownersOf(asked))];
    expect(again.credits).toEqual(once.credits);
    expect(again.shares).toEqual(once.shares);
  });

  it('refuses ranges that do not lie in the prompt', async () => {
    const asked = lookup(seededRandom(11), 2);
    const answer = model.answered(asked);
    const [first = { recordId: '', start: 0, end: 1 }, second = first] = answer.context;
    const { scorer, adapter } = model;
    for (const context of [
      [second, first],
      [first, { ...second, start: first.end - 1 }],
      [{ ...first, end: first.start }],
      [{ ...first, end: answer.promptTokens.length }],
    ])
      await expect(
        contextCredits({ scorer, adapter, tokensMax: LENGTH_MAX }, { ...answer, context }, []),
      ).rejects.toMatchObject({ code: 'CONTEXT_RANGES_INVALID' });
  });
});
