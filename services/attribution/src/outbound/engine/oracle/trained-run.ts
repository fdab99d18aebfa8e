import {
  type Example,
  type ModelConfig,
  RecipeRun,
  type SessionOptions,
  type TrainingRecipe,
  type Weights,
} from '@openledger/transformer';

/** All that decides an adapter. */
export interface Training {
  readonly base: { readonly config: ModelConfig; readonly weights: Weights };
  readonly recipe: TrainingRecipe;
  readonly examples: readonly Example[];
  readonly options: SessionOptions;
}

/** A training that can be done again, over one compiled graph. */
export interface TrainedRun extends Training {
  readonly run: RecipeRun;
}

/** Opens a training for repetition; its `run` is to be released. */
export async function openTrainedRun(training: Training): Promise<TrainedRun> {
  const { base, recipe, examples, options } = training;
  return { base, recipe, examples, options, run: await RecipeRun.open(base, recipe, examples, options) };
}

/** Numbers that the training trains. */
export function parametersOf({ run }: TrainedRun): number {
  let parameters = 0;
  for (const shape of run.shapes.values()) parameters += shape.reduce((size, dim) => size * dim, 1);
  return parameters;
}
