import { DomainError } from '@openledger/kernel';
import type { TrainingStore } from './ports.js';

/**
 * The model that a new one says it was forked from.
 *
 * @throws DomainError PARENT_UNKNOWN, PARENT_IS_ITSELF
 */
export async function parentOf(
  store: TrainingStore,
  modelName: string,
  forkOf: string | undefined,
): Promise<string | undefined> {
  if (forkOf === undefined) return undefined;
  if (forkOf === modelName) {
    const message = 'A model is no fork of itself: a new run under its name is its next version.';
    throw new DomainError('invalid', 'PARENT_IS_ITSELF', message);
  }
  const id = await store.modelNamed(forkOf);
  if (id !== undefined && (await store.deployed(id))) return id;
  const message = `There is no deployed model "${forkOf}" to fork.`;
  throw new DomainError('not-found', 'PARENT_UNKNOWN', message);
}
