import { DomainError } from '@openledger/kernel';
import type { PricedModel } from '../src/application/metering/metering-ports.js';

/** One wei a token, so that an answer costs what it is long. */
export const model: PricedModel = {
  id: 'model-1',
  name: 'seedling-health',
  developerOrganisationId: 'dev-org',
  baseDigest: 'base',
  price: { promptWeiPerMillion: 0n, completionWeiPerMillion: 1_000_000n },
  deployedAt: new Date('2026-01-01T00:00:00Z'),
};

/** What a refusal is called; `done` where there is none. */
export const codeOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'done',
    (error: unknown) => {
      if (error instanceof DomainError) return error.code;
      throw error;
    },
  );
