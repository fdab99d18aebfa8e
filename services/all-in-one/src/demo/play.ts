import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Wallet } from 'ethers';
import type { z } from 'zod';
import type { Platform } from '../platform/platform.js';
import type { Step, Terminal } from '../terminal/steps.js';
import { type Actor, arrive, type Company, found, prepay } from './actors.js';
import { type Answer, ask } from './ask.js';
import { type Claimed, claim } from './claim.js';
import { Client } from './client.js';
import { type Assessed, contribute } from './contribute.js';
import { Attribution, AttributionIndex, Claim, Datanet, Epochs, Parties, Party, Receipt } from './pages.js';
import type { Scenario } from './scenario.js';
import { showAnswer, showClaims, showContributions, showReceipt } from './show.js';
import { train } from './train.js';

const PREPAID_OPEN = 1_000n;

export interface Played {
  readonly company: Company;
  readonly contributors: readonly Actor[];
  readonly assessed: ReadonlyMap<string, Assessed>;
  readonly parties: readonly z.infer<typeof Party>[];
  readonly run: Awaited<ReturnType<typeof train>>;
  readonly answer: Answer;
  readonly attribution: z.infer<typeof Attribution>;
  readonly receipt: z.infer<typeof Receipt>;
  readonly claims: readonly Claimed[];
}

/** Plays the whole loop as outsiders would: by the public API and the chain, showing each step. */
export async function play(platform: Platform, scenario: Scenario, terminal: Terminal): Promise<Played> {
  const outsider = new Client(platform.url);
  terminal.heading(`The loop: ${scenario.datanet.name}`);
  const company = await terminal.step('A company signs up and prepays', async (step) => {
    const founded = await found(outsider, 'Ellery Boats');
    step.note(`${PREPAID_OPEN} OPEN in the vault`);
    await prepay(founded, platform.chain, PREPAID_OPEN);
    return founded;
  });
  const { datanetId, contributors, assessed } = await gather(outsider, company, scenario, terminal);
  const parties = await partiesSeenBy(outsider);
  const names = new Map(contributors.map(({ personId, name }) => [personId, name]));
  showContributions(terminal, { contributors, assessed, parties, names });

  const run = await terminal.step('A LoRA trains on what was accepted', (step) =>
    train(company, datanetId, scenario, step),
  );
  const asked = await question(company, run.modelId, scenario, terminal);
  showAnswer(terminal, asked.attribution, names);
  const { receipt, claims } = await settle({
    platform,
    company,
    contributors,
    requestId: asked.answer.requestId,
    terminal,
  });
  showReceipt(terminal, receipt, new Map([...names, [company.organisationId, company.name]]));
  showClaims(terminal, claims);
  return { company, contributors, assessed, parties, run, ...asked, receipt, claims };
}

async function partiesSeenBy(anyone: Client): Promise<z.infer<typeof Party>[]> {
  const { parties } = await anyone.get('/parties', Parties);
  return Promise.all(parties.map(({ partyId }) => anyone.get(`/parties/${partyId}`, Party)));
}

async function gather(outsider: Client, company: Company, scenario: Scenario, terminal: Terminal) {
  const { name, domain, licence } = scenario.datanet;
  const body = {
    name,
    domain,
    licence,
    schema: { kind: 'instruction', minCharacters: 1, maxCharacters: 4_000 },
    permissions: { training: true, commercialUse: true },
  };
  const { datanetId } = await company.client.post('/datanets', body, Datanet);
  const contributors: Actor[] = [];
  const assessed = new Map<string, Assessed>();
  for (const { name: person, records } of scenario.contributors) {
    await terminal.step(`${person} contributes`, async (step) => {
      const actor = await arrive(outsider, person);
      contributors.push(actor);
      assessed.set(actor.personId, await contribute(actor, { id: datanetId, licence }, records, step));
    });
  }
  return { datanetId, contributors, assessed };
}

async function question(company: Company, modelId: string, scenario: Scenario, terminal: Terminal) {
  terminal.line();
  terminal.line(`  Question  ${scenario.question}`);
  const order = { model: scenario.modelName, text: scenario.question, tokensMax: scenario.answerTokensMax };
  const answer = await terminal.step('The adapter answers', async (step) => {
    let shown = '';
    return ask(company, order, (text) => {
      shown += text;
      step.note(shown);
    });
  });
  const attribution = await terminal.step('Who taught it that?', (step) =>
    attributionOf(company, modelId, answer.requestId, step),
  );
  return { answer, attribution };
}

/** The first answer of a model waits until every record's influence is indexed; later ones do not. */
async function attributionOf(company: Company, modelId: string, requestId: string, step: Step) {
  await company.client.until(`/attributions/models/${modelId}`, AttributionIndex, ({ state, progress }) => {
    if (progress) {
      const { record, records } = progress;
      step.progress(record / records, `${record} of ${records} records indexed`);
    }
    return state !== 'waiting';
  });
  return company.client.until(`/attributions/${requestId}`, Attribution, () => true);
}

interface Settling {
  readonly platform: Platform;
  readonly company: Company;
  readonly contributors: readonly Actor[];
  readonly requestId: string;
  readonly terminal: Terminal;
}

async function settle({ platform, company, contributors, requestId, terminal }: Settling) {
  const receipt = await terminal.step('The fee is split', () =>
    company.client.until(`/settlement/receipts/${requestId}`, Receipt, ({ state }) => state === 'credited'),
  );
  await terminal.step('The epoch closes and its root is posted', (step) => closeEpoch(platform, step));
  const paid = new Set(
    receipt.parts.filter(({ amountWei }) => BigInt(amountWei) > 0n).map(({ payeeId }) => payeeId),
  );
  const claims: Claimed[] = [];
  for (const actor of contributors.filter(({ personId }) => paid.has(personId))) {
    claims.push(await terminal.step(`${actor.name} claims`, () => claimWhenActive(actor, platform)));
  }
  return { receipt, claims };
}

/** The operator closes the epoch by hand, so that nobody waits an hour for the demo. */
async function closeEpoch(platform: Platform, step: Step): Promise<void> {
  const { client } = await new Client(platform.url).login(
    new Wallet(platform.secrets.operatorKey),
    'Operator',
  );
  await client.send('POST', '/settlement/epochs');
  const page = await client.until('/settlement/epochs', Epochs, ({ epochs }) =>
    epochs.some(({ state }) => state === 'active'),
  );
  step.note(`epoch ${page.epochs[0]?.epoch ?? 0}`);
}

async function claimWhenActive(actor: Actor, platform: Platform): Promise<Claimed> {
  await actor.client.until(`/settlement/claims/${actor.wallet.address}`, Claim, () => true);
  return claim(actor, platform.chain);
}

/** Remembers what the demo made, so that a restart can show the key again; only its owner reads the file. */
export async function remember(dataDir: string, played: Played, scenario: Scenario): Promise<void> {
  const { company, receipt, attribution, claims, run, contributors, assessed, parties } = played;
  const summary = {
    apiKey: company.apiKey,
    organisationId: company.organisationId,
    model: scenario.modelName,
    question: scenario.question,
    answer: played.answer,
    contributors: contributors.map(({ name, personId, wallet }) => ({
      name,
      personId,
      wallet: wallet.address,
    })),
    assessed: Object.fromEntries(assessed),
    parties,
    run,
    attribution,
    receipt,
    claims: claims.map((claimed) => ({
      ...claimed,
      leafWei: String(claimed.leafWei),
      beforeWei: String(claimed.beforeWei),
      afterWei: String(claimed.afterWei),
    })),
  };
  await writeFile(join(dataDir, 'demo.json'), JSON.stringify(summary, null, 2), { mode: 0o600 });
}
