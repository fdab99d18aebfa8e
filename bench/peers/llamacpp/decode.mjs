// Decodes with llama.cpp. The peer of the bench serving.llamacpp.
//
// Reads one JSON object on standard input:
//     module     path of node-llama-cpp
//     model      GGUF of the base model
//     adapters   GGUFs of adapters; each gets a context of its own, because llama.cpp does not put requests of
//                different adapters into one batch
//     prompt     token ids that every sequence has read before
//     threads
//     roundTokens
// Then one line a round: "one" decodes roundTokens greedy tokens of one sequence of the base model, "adapted"
// the same under the first adapter, "all" as many tokens of every adapter's sequence in turns. Each prints the
// milliseconds of the round. "end" prints one JSON object with versions and ends.
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const options = JSON.parse((await lines.next()).value);
const { getLlama, getModuleVersion } = await import(pathToFileURL(options.module).href);
const llama = await getLlama({ gpu: false, build: 'never', progressLogs: false, logLevel: 'error' });
const model = await llama.loadModel({ modelPath: options.model });

/** A sequence that has read the prompt; each `next` is one greedy token. */
async function sequence(adapter) {
  const context = await model.createContext({
    contextSize: options.contextTokens,
    threads: options.threads,
    ...(adapter ? { lora: { adapters: [{ filePath: adapter, scale: 1 }] } } : {}),
  });
  const tokens = context.getSequence().evaluate(options.prompt, { temperature: 0, yieldEogToken: true });
  await tokens.next();
  return tokens;
}

async function timed(sequences) {
  const begun = performance.now();
  for (let token = 0; token < options.roundTokens; token += 1) {
    for (const tokens of sequences) await tokens.next();
  }
  return performance.now() - begun;
}

const base = await sequence();
const adapted = [];
for (const adapter of options.adapters) adapted.push(await sequence(adapter));
const rounds = { one: [base], adapted: adapted.slice(0, 1), all: adapted };
for (const sequences of Object.values(rounds)) await timed(sequences);
console.log('ready');
for await (const line of lines) {
  if (!Object.hasOwn(rounds, line)) break;
  console.log(await timed(rounds[line]));
}
const release = llama.llamaCppRelease?.release ?? 'unknown';
console.log(
  JSON.stringify({ versions: { 'node-llama-cpp': await getModuleVersion(), 'llama.cpp': release } }),
);
await llama.dispose();
process.exit(0);
