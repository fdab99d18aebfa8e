import { FolderBlobStore } from '@openledger/blob-store';
import { DomainError } from '@openledger/kernel';
import { enterThread } from '@openledger/worker-thread';
import type { AnswerOrder, ScoreOutcome } from '../application/ports.js';
import { Engine } from './engine/engine.js';
import type { EngineAnswer, EngineOptions, EngineOrder, EngineResult } from './engine-messages.js';

const { port, data: options } = enterThread<EngineOptions>();
const answer = (message: EngineAnswer) => port.postMessage(message);
const engine = new Engine(await FolderBlobStore.open(options.blobDir), options);

port.on('message', (order: EngineOrder) => {
  execute(order).then(
    (result) => answer({ kind: 'done', result }),
    (error: unknown) => {
      if (!(error instanceof DomainError)) return answer(broke(error));
      answer({ kind: 'refused', errorKind: error.kind, code: error.code, message: error.message });
    },
  );
});

function execute(order: EngineOrder): Promise<EngineResult> {
  switch (order.kind) {
    case 'index':
      return engine.index(
        order.order,
        throttled((record, records) => answer({ kind: 'progress', progress: { record, records } })),
      );
    case 'score':
      return scoreEach(order.order);
    case 'audit':
      return engine.audit(order.order);
    case 'replay':
      return engine.replay(order.order);
  }
}

/** What is wrong with one answer is no reason to keep the others waiting. */
async function scoreEach(orders: readonly AnswerOrder[]): Promise<ScoreOutcome[]> {
  const outcomes: ScoreOutcome[] = [];
  for (const order of orders) {
    try {
      outcomes.push({ kind: 'scored', score: await engine.score(order) });
    } catch (error) {
      const isRefused = error instanceof DomainError;
      outcomes.push(
        isRefused ? { kind: 'refused', refusal: { code: error.code, message: error.message } } : broke(error),
      );
    }
  }
  return outcomes;
}

const broke = (error: unknown) => ({
  kind: 'broke' as const,
  error: error instanceof Error ? error : new Error(String(error)),
});

const PROGRESS_EVERY_MS = 500;

function throttled(report: (record: number, records: number) => void) {
  let last = 0;
  return (record: number, records: number) => {
    if (Date.now() - last < PROGRESS_EVERY_MS) return;
    last = Date.now();
    report(record, records);
  };
}
