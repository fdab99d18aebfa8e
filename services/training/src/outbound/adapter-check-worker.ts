import { parseAdapter } from '@openledger/adapters';
import { DomainError } from '@openledger/kernel';
import { enterThread } from '@openledger/worker-thread';
import type { CheckAnswer, CheckOrder } from './adapter-intake-messages.js';

/** The entry of a thread that checks one adapter: up to a second of arithmetic that holds up nobody here. */
const { port, data } = enterThread<CheckOrder>();

function check({ files, model }: CheckOrder): CheckAnswer {
  try {
    const { digest, lora } = parseAdapter(files, model);
    const { rank, alpha, targetModules } = lora;
    return { kind: 'fits', digest, lora: { rank, alpha, targetModules } };
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    return { kind: 'refused', errorKind: error.kind, code: error.code, message: error.message };
  }
}

port.postMessage(check(data));
port.close();
