import { adapterDigest, encodeAdapter, parseTrainingLog, recipeOf } from '@openledger/adapters';
import { decodeEvent, type ModelDeployed, topics } from '@openledger/contracts';
import { fromJsonLines, invariant } from '@openledger/kernel';
import { eventually } from '@openledger/testing';
import {
  completionExample,
  instructionTokens,
  loadModelFolder,
  parseSafetensors,
  RecipeRun,
  Scorer,
  type Tensor,
} from '@openledger/transformer';
import { facts, TrainingFixture } from './training-fixture.js';

const plan = {
  lora: { rank: 4, alpha: 8, targetModules: ['q_proj', 'up_proj', 'down_proj'] },
  epochs: 10,
  batchRows: 4,
  learningRate: 0.02,
  maxTokens: 48,
  seed: 3,
  minLossDrop: 0,
};

interface Line {
  readonly recordId: string;
  readonly contributorId: string;
  readonly tokens: number;
  readonly prompt: string;
  readonly completion: string;
}

function numbersOf(tensors: ReadonlyMap<string, Tensor>): Record<string, number[]> {
  return Object.fromEntries([...tensors].map(([name, { data }]) => [name, [...data]]));
}

describe('a deployed model', () => {
  let fixture: TrainingFixture;
  let datanetId: string;

  beforeAll(async () => {
    fixture = await TrainingFixture.start();
    datanetId = await fixture.datanet();
    // The last ones are too long for the plan: left out of the training and of what it is judged by.
    const long = facts('long '.repeat(20), 6);
    await fixture.contribute(datanetId, 'ada', [...facts('the tide', 30), ...facts('the wind', 12), ...long]);
  }, 60_000);
  afterAll(() => fixture.stop());

  const queue = (modelName: string): Promise<string> =>
    eventually(async () => {
      const body = { ...plan, modelName, datanetIds: [datanetId] };
      const { status, body: run } = await fixture.call('POST', '/training-runs', body);
      expect(status).toBe(202);
      return run.id;
    });
  const deployed = (name: string): Promise<ModelDeployed> =>
    eventually(() => {
      const event = fixture.published
        .filter(({ type }) => type === topics.modelDeployed.name)
        .map(({ body }) => decodeEvent(topics.modelDeployed, body))
        .find((each) => each.name === name);
      invariant(event, `${name} is not deployed yet`);
      return event;
    }, 60_000);
  const logOf = async ({ trainingLogBlob }: ModelDeployed) =>
    parseTrainingLog(JSON.parse(Buffer.from(await fixture.blobs.get(trainingLogBlob)).toString('utf8')));
  const linesOf = async (blob: string) => fromJsonLines(await fixture.blobs.get(blob)) as unknown as Line[];
  const tensorsOf = async (blob: string) => parseSafetensors(await fixture.blobs.get(blob)).tensors;

  it('can be trained again from its log and its lineage to the same digest, by the same states', async () => {
    await queue('facts');
    const event = await deployed('facts');
    const log = await logOf(event);
    const lineage = await linesOf(event.lineageBlob);
    const base = await loadModelFolder(fixture.modelDir);
    const examples = lineage.map((record) => {
      const { tokens, completionStart } = instructionTokens(base, record);
      return completionExample(tokens, completionStart);
    });
    const run = await RecipeRun.open(base, recipeOf(log), examples, { threads: log.recipe.threads });
    const losses: number[] = [];
    const seen = new Map<number, Record<string, number[]>>();
    const { tensors, secondMoments } = await run.train({
      onStep: ({ step, loss, tensors: before }) => {
        losses.push(loss);
        seen.set(step - 1, numbersOf(before));
      },
    });
    seen.set(run.steps, numbersOf(tensors));
    expect(adapterDigest(encodeAdapter(recipeOf(log).lora, tensors, event.baseName))).toBe(
      event.adapterDigest,
    );
    const trace = Buffer.from(await fixture.blobs.get(log.lossTraceBlob));
    expect(trace).toEqual(Buffer.from(Float32Array.from(losses).buffer));
    expect(numbersOf(await tensorsOf(log.secondMomentsBlob))).toEqual(sorted(numbersOf(secondMoments)));
    const { steps } = log;
    expect(log.checkpoints.map(({ step }) => step)).toEqual(
      [1, 2, 3, 4, 5, 6].map((sixth) => Math.round((sixth * steps) / 6)),
    );
    for (const { step, tensorsBlob } of log.checkpoints) {
      expect(numbersOf(await tensorsOf(tensorsBlob))).toEqual(sorted(seen.get(step) ?? {}));
    }
    expect(log.checkpoints.at(-1)?.secondMomentsBlob).toBe(log.secondMomentsBlob);
    let sum = 0;
    for (let step = 1; step <= run.steps; step += 1) sum += run.learningRate(step);
    expect(log.learningRateSum).toBeCloseTo(sum, 9);
    await run.release();
  }, 120_000);

  it('names the records it never saw, and what it answers to them', async () => {
    const event = await deployed('facts');
    const { heldOut, recipe } = await logOf(event);
    const lineage = await linesOf(event.lineageBlob);
    const records = await linesOf(heldOut.recordsBlob);
    expect(records).toHaveLength(heldOut.records);
    expect(Object.keys(records[0] ?? {}).sort()).toEqual(Object.keys(lineage[0] ?? {}).sort());
    const trained = new Set(lineage.map(({ recordId }) => recordId));
    for (const { recordId, tokens } of records) {
      expect(trained.has(recordId)).toBe(false);
      expect(tokens).toBeGreaterThan(0);
    }
    const base = await loadModelFolder(fixture.modelDir);
    const options = { maxLength: recipe.maxTokens, lora: recipe.lora, threads: 1 };
    const scorer = await Scorer.open(base.config, base.weights, options);
    const examples = records.map((record) => {
      const { tokens, completionStart } = instructionTokens(base, record);
      return completionExample(tokens, completionStart);
    });
    const meanLoss = async (adapter?: ReadonlyMap<string, Tensor>) => {
      const all = (await scorer.logProbabilities(examples, adapter)).flatMap((row) => [...row]);
      return -all.reduce((total, value) => total + value, 0) / all.length;
    };
    const { checkpoints } = await logOf(event);
    expect(await meanLoss()).toBeCloseTo(heldOut.baseLoss, 4);
    expect(await meanLoss(await tensorsOf(checkpoints.at(-1)?.tensorsBlob ?? ''))).toBeCloseTo(
      heldOut.adapterLoss,
      4,
    );
    await scorer.release();
  }, 60_000);

  it('has the same log when its training was cut short and went on', async () => {
    const id = await queue('cut');
    await eventually(async () => {
      const { body } = await fixture.call('GET', `/training-runs/${id}`);
      expect(body.progress.step).toBeGreaterThan(5);
    });
    await fixture.stopService();
    await fixture.startService();
    const [whole, cut] = [await logOf(await deployed('facts')), await logOf(await deployed('cut'))];
    expect(cut).toEqual(whole);
  }, 120_000);
});

/** Files hold tensors in order of their names. */
function sorted<T>(record: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(record).sort(([one], [other]) => (one < other ? -1 : 1)));
}
