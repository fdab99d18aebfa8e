import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DomainError } from '@openledger/kernel';
import { type PrecisionPlan, planFor, precisions } from '../graph/precision.js';
import type { ModelConfig } from '../model.js';
import type { GuardedPlan } from './guard.js';

/** Raised when what is stored, or how it is found, changes its meaning. */
const format = 1;

/** Everything a plan depends on; one that was found under other conditions is not used. */
export interface PlanConditions {
  readonly model: string;
  readonly processor: string;
  readonly runtime: string;
  readonly provider: string;
  readonly rows: number;
  readonly threads: number | undefined;
  readonly limit: number;
}

/** Plans of earlier starts, one small file each. */
export class PlanStore {
  constructor(
    private readonly folder: string,
    private readonly config: ModelConfig,
  ) {}

  /** The plan found under these conditions before; what cannot be read is measured again. */
  async find(conditions: PlanConditions): Promise<GuardedPlan | undefined> {
    const text = await readFile(this.#path(conditions), 'utf8').catch(() => undefined);
    if (text === undefined) return undefined;
    try {
      return this.#parse(JSON.parse(text));
    } catch (error) {
      if (error instanceof SyntaxError || error instanceof DomainError) return undefined;
      throw error;
    }
  }

  /** @throws DomainError PLAN_FOLDER_UNWRITABLE */
  async keep(conditions: PlanConditions, guarded: GuardedPlan): Promise<void> {
    const path = this.#path(conditions);
    const { perplexityRatio, widened } = guarded;
    const plan = Object.fromEntries(guarded.plan);
    // Workers that start together may share the folder.
    const partial = `${path}.${randomUUID()}`;
    try {
      await mkdir(this.folder, { recursive: true });
      await writeFile(
        partial,
        `${JSON.stringify({ conditions, perplexityRatio, widened, plan }, null, 2)}\n`,
      );
      await rename(partial, path);
    } catch (cause) {
      throw new DomainError(
        'precondition',
        'PLAN_FOLDER_UNWRITABLE',
        `The precision plan cannot be kept in ${this.folder}; name a folder that can be written, or none.`,
        { cause },
      );
    }
  }

  #path(conditions: PlanConditions): string {
    const key = createHash('sha256')
      .update(JSON.stringify({ format, ...conditions }))
      .digest('hex');
    return join(this.folder, `precision-${key}.json`);
  }

  #parse(content: unknown): GuardedPlan | undefined {
    const { plan, perplexityRatio, widened } = (content ?? {}) as Record<string, unknown>;
    if (typeof plan !== 'object' || plan === null || typeof perplexityRatio !== 'number') return undefined;
    const entries: (readonly [string, (typeof precisions)[number]])[] = [];
    for (const [name, value] of Object.entries(plan)) {
      const precision = precisions.find((known) => known === value);
      if (precision === undefined) return undefined;
      entries.push([name, precision]);
    }
    const names = Array.isArray(widened) ? widened.filter((name) => typeof name === 'string') : [];
    const parsed: PrecisionPlan = planFor(this.config, new Map(entries));
    return { plan: parsed, perplexityRatio, widened: names };
  }
}
