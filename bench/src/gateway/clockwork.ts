import { setTimeout as delay } from 'node:timers/promises';
import { type RunRequest, RunResponse } from '@openledger/contracts';

/** Answers whose every token is one number, handed over at a known time. */
export class Clockwork {
  /** When each number was handed over, in milliseconds. */
  readonly sentAt = new Map<number, number>();
  private next = 0;

  constructor(private readonly everyMs: number) {}

  async *answer({ sampling }: RunRequest): AsyncGenerator<RunResponse> {
    const tokens = sampling?.maxTokens ?? 1;
    const begun = performance.now();
    for (let token = 1; token <= tokens; token += 1) {
      await delay(Math.max(0, begun + token * this.everyMs - performance.now()));
      const number = this.next;
      this.next += 1;
      this.sentAt.set(number, performance.now());
      const finishReason = token === tokens ? 'length' : '';
      yield RunResponse.fromPartial({ tokens: [1], text: `${number} `, finishReason });
    }
  }
}
