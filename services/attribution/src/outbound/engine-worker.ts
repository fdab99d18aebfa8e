import { FolderBlobStore } from '@openledger/blob-store';
import { DomainError } from '@openledger/kernel';
import { enterThread } from '@openledger/worker-thread';
import { Engine } from './engine/engine.js';
import type { EngineAnswer, EngineOptions, EngineOrder } from './engine-messages.js';

const { port, data: options } = enterThread<EngineOptions>();
const answer = (message: EngineAnswer) => port.postMessage(message);
const engine = new Engine(await FolderBlobStore.open(options.blobDir), options);

port.on('message', (order: EngineOrder) => {
  execute(order).then(answer, (error: unknown) => {
    if (!(error instanceof DomainError)) {
      return answer({ kind: 'broke', error: error instanceof Error ? error : new Error(String(error)) });
    }
    answer({ kind: 'refused', errorKind: error.kind, code: error.code, message: error.message });
  });
});

async function execute(order: EngineOrder): Promise<EngineAnswer> {
  if (order.kind === 'score') return { kind: 'scored', score: await engine.score(order.order) };
  const onProgress = throttled((record: number, records: number) =>
    answer({ kind: 'progress', progress: { record, records } }),
  );
  return { kind: 'indexed', index: await engine.index(order.version, onProgress) };
}

const PROGRESS_EVERY_MS = 500;

function throttled(report: (record: number, records: number) => void) {
  let last = 0;
  return (record: number, records: number) => {
    if (Date.now() - last < PROGRESS_EVERY_MS) return;
    last = Date.now();
    report(record, records);
  };
}
