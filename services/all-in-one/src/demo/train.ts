import { DomainError } from '@openledger/kernel';
import type { z } from 'zod';
import type { Step } from '../terminal/steps.js';
import type { Company } from './actors.js';
import { Models, TrainingRun } from './pages.js';
import type { Scenario } from './scenario.js';

const PRICE = {
  promptWeiPerMillion: '2000000000000000000000',
  completionWeiPerMillion: '8000000000000000000000',
};

/** Trains on the Datanet, shows the loss as it falls, and waits until the gateway serves the adapter. */
export async function train(
  company: Company,
  datanetId: string,
  scenario: Scenario,
  step: Step,
): Promise<z.infer<typeof TrainingRun>> {
  const { rank, ...training } = scenario.training;
  const plan = {
    modelName: scenario.modelName,
    datanetIds: [datanetId],
    lora: { rank, alpha: 2 * rank },
    price: PRICE,
    ...training,
  };
  const { id } = await company.client.post('/training-runs', plan, TrainingRun);
  const run = await company.client.until(`/training-runs/${id}`, TrainingRun, ({ status, progress }) => {
    if (progress) {
      const { step: done, steps, loss, tokensPerSecond } = progress;
      step.progress(done / steps, `loss ${loss.toFixed(2)}, ${Math.round(tokensPerSecond)} tokens/s`);
    }
    return status !== 'queued' && status !== 'running';
  });
  if (run.status !== 'deployed') {
    throw new DomainError(
      'precondition',
      'TRAINING_NOT_DEPLOYED',
      `The run is ${run.status}: ${run.failure ?? ''}`,
    );
  }
  await company.client.until('/v1/models', Models, ({ data }) =>
    data.some((model) => model.id === scenario.modelName),
  );
  const { baseLoss = 0, adapterLoss = 0 } = run.evaluation ?? {};
  step.progress(1, `held-out loss ${baseLoss.toFixed(2)} → ${adapterLoss.toFixed(2)}`);
  return run;
}
