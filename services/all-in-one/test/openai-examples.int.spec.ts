import { execFile, spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { InferenceServed } from '@openledger/contracts';
import { eventually } from '@openledger/testing';
import { ServedModels } from './served-models.js';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../../../..');
const read = (page: string): Promise<string> => readFile(join(root, 'docs', page), 'utf8');

interface Example {
  readonly language: string;
  /** What its first line says, as a comment. */
  readonly name: string;
  readonly code: string;
}

const FENCE = /^```(js|sh)\n(?:\/\/|#) ([^\n]+)\n(.*?)^```$/gms;

const examplesOf = (page: string): Example[] =>
  [...page.matchAll(FENCE)].map(([, language = '', name = '', code = '']) => ({ language, name, code }));

/** What each example of docs/serving.md writes. */
const OUTPUTS: Readonly<Record<string, RegExp>> = {
  ask: /^\{"id":"chatcmpl-.*"total_tokens":\d+/s,
  choices: /"?token"?: .*logprob.*\n\d+\n$/s,
  retrieve: / \d+\n$/,
  stream: /\n\d+ tokens\n$/,
  schema: /^\{ colour: '(green|red|white)', seconds: [1-9]\d? \}\n$/,
  embed: /^-?[01]\.\d+\n$/,
  'send again': /HTTP\/1\.1 200 .*HTTP\/1\.1 200 .*idempotent-replayed: true/s,
  refused: /^404 model_not_found model\n$/,
};

/** Tests need nothing but Node; nearly every machine has it all the same. */
const hasCurl = spawnSync('curl', ['--version']).status === 0;
const BY_CURL = new Set(['ask', 'send again']);

describe('the examples of the documentation', () => {
  let models: ServedModels;
  let examples: readonly Example[];
  let dir: string;

  beforeAll(async () => {
    models = await ServedModels.start(1);
    examples = examplesOf(await read('serving.md'));
    dir = await mkdtemp(join(tmpdir(), 'examples-'));
  });
  afterAll(async () => {
    await models.stop();
    await rm(dir, { recursive: true });
  });

  const write = async ({ language, code }: Example): Promise<string> => {
    const given = code.replaceAll('harbour-pilot', 'model-0');
    const [command, ...args] =
      language === 'js' ? [process.execPath, '--input-type=module', '-e', given] : ['sh', '-euc', given];
    const env = { ...process.env, OPENAI_BASE_URL: models.client.baseURL, OPENAI_API_KEY: 'any' };
    const { stdout } = await run(command, args, { cwd: root, env, timeout: 60_000 });
    return stdout;
  };

  it('are those that are expected', () => {
    expect(examples.map(({ name }) => name).toSorted()).toEqual(Object.keys(OUTPUTS).toSorted());
  });

  for (const [name, output] of Object.entries(OUTPUTS)) {
    (BY_CURL.has(name) && !hasCurl ? it.skip : it)(name, async () => {
      const example = examples.find((one) => one.name === name);
      if (!example) throw new Error(`no example ${name}`);
      expect(await write(example)).toMatch(output);
    });
  }

  it('check a receipt as docs/receipts.md says, and notice what was changed', async () => {
    const asked = { model: 'model-0', prompt: 'ab', max_tokens: 4 };
    const { id } = await models.client.completions.create(asked);
    const event = await eventually(() => {
      const found = models.served.find(({ requestId }) => id.endsWith(requestId));
      if (!found?.workerReceipt) throw new Error('not served yet');
      return { ...found, workerReceipt: found.workerReceipt };
    });
    const [check] = examplesOf(await read('receipts.md'));
    const path = (name: string): string => join(dir, name);
    const key = Buffer.from(event.workerReceipt.publicKey).toString('hex');
    const tokens = Buffer.from(await (await models.blobs()).get(event.tokensBlob));
    await writeFile(path('check-receipt.mjs'), check?.code ?? '');
    await writeFile(path('event.json'), JSON.stringify(InferenceServed.toJSON(event)));
    await writeFile(path('tokens.json'), tokens);
    const args = [path('check-receipt.mjs'), path('event.json'), path('tokens.json'), key];
    const { stdout } = await run(process.execPath, args);
    expect(stdout.match(/true/g)).toHaveLength(7);

    await writeFile(path('tokens.json'), tokens.toString().replace('[', '[7,'));
    await expect(run(process.execPath, args)).rejects.toMatchObject({ code: 1 });
  });
});
