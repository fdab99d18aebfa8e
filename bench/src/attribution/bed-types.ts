import type { Example, ModelConfig, TrainingRecipe, Weights } from '@openledger/transformer';

export interface BedBase {
  readonly config: ModelConfig;
  readonly weights: Weights;
}

/**
 * Examples with known owners, questions with a known owner, and the recipe of a training that takes a
 * second or so: small enough to be repeated without this or that example, which is the truth that
 * attribution is held against. The same name gives the same bed on every machine.
 */
export interface Bed {
  /** For logs and names of files. */
  readonly name: string;
  readonly base: BedBase;
  readonly examples: readonly Example[];
  /** Index into `contributors`, of each example. */
  readonly owners: readonly number[];
  readonly queries: readonly Example[];
  /** Whose examples teach what a query asks. */
  readonly queryOwners: readonly number[];
  readonly contributors: readonly string[];
  readonly recipe: TrainingRecipe;
}

/** S trains for a few passes, L until the examples are nearly known by heart. */
export type Length = 's' | 'l';
