import type { Logger } from 'pino';

/** Undoes a start step by step; a step that fails is logged and does not keep the others from running. */
export class StopStack {
  private readonly steps: { name: string; stop: () => Promise<unknown> }[] = [];

  constructor(private readonly log: Logger) {}

  push(name: string, stop: () => Promise<unknown>): void {
    this.steps.push({ name, stop });
  }

  async stop(): Promise<void> {
    for (let step = this.steps.pop(); step !== undefined; step = this.steps.pop()) {
      const { name } = step;
      await step.stop().catch((error: unknown) => this.log.error({ err: error }, `stopping ${name} failed`));
    }
  }
}
