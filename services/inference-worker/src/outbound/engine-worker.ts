import { basename } from 'node:path';
import { kvNumbersPerToken, openModelFolder, stripTokens } from '@openledger/transformer';
import { enterThread } from '@openledger/worker-thread';
import { AdapterPages } from '../application/adapter-pages.js';
import { AdapterShelf } from '../application/adapter-shelf.js';
import { Engine } from '../application/engine.js';
import type { EngineOrder, EngineReport } from '../application/engine-messages.js';
import { rowModel } from '../application/row-model.js';
import type { EngineWorkerData } from './engine-worker-data.js';
import { openSession } from './open-session.js';

const FLOAT_BYTES = 4;

/** The longest row whose strip fits. @throws Error where there is no room for any */
function wholeStrip(stripTokensMax: number): number {
  const step = stripTokens(1);
  const tokens = Math.floor(stripTokensMax / step) * step;
  if (tokens > 0) return tokens;
  throw new Error(`KV_CACHE_BYTES has no room for ${step} tokens of this model.`);
}

/** The entry of the engine's thread: loads the model, then computes for as long as there is work. */
async function serve(settings: EngineWorkerData, report: (report: EngineReport) => void) {
  const opened = await openModelFolder(settings.modelDir);
  const { folder, config, tokenizer, generation, digest } = opened;
  const stripTokensMax = Math.floor(settings.kvCacheBytes / (FLOAT_BYTES * kvNumbersPerToken(config)));
  const contextTokens = Math.min(settings.contextTokensMax, config.maxPositions, wholeStrip(stripTokensMax));
  const { session, kernels } = await openSession(opened, { ...settings, contextTokens });
  opened.close();
  const { rowsMax, prefillChunkTokens, prefixCacheBytes } = settings;
  const model = rowModel({ config, tokenizer, eosTokenIds: generation.eosTokenIds, contextTokens });
  const shelf = new AdapterShelf(settings.adapterCacheBytes);
  const pages = new AdapterPages(session.adapters, (note) => report({ kind: 'adapter-note', note }));
  const engine = new Engine(
    { session, config, model, rowsMax, prefillChunkTokens, stripTokensMax, prefixCacheBytes },
    { shelf, pages },
    report,
  );
  const { packing } = session.adapters;
  const base = {
    name: basename(folder),
    digest,
    contextTokens,
    config,
    packing,
    rowsMax,
    stripTokensMax,
    kernels,
  };
  return { engine, base };
}

/** Ticks until there is nothing left to do; between ticks, orders come in. */
function pump(engine: Engine): () => void {
  let pumping = false;
  const run = async () => {
    pumping = true;
    while (await engine.tick()) await new Promise((resolve) => setImmediate(resolve));
    pumping = false;
  };
  return () => {
    // A rejected tick is a bug: it ends the thread, which is then started again.
    if (!pumping) void run();
  };
}

const { port, data } = enterThread<EngineWorkerData>();
const { engine, base } = await serve(data, (report) => port.postMessage(report));
const wake = pump(engine);
port.on('message', (order: EngineOrder) => {
  engine.receive(order);
  wake();
});
port.postMessage({ kind: 'ready', base } satisfies EngineReport);
