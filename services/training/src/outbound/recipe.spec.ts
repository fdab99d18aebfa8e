import type { RunPlan } from '../domain/run.js';
import { checkpointSteps, recipeFor } from './recipe.js';

const plan: RunPlan = {
  modelName: 'facts',
  datanetIds: ['d'],
  commercial: false,
  lora: { rank: 4, alpha: 8, targetModules: ['down_proj', 'q_proj'] },
  epochs: 3,
  batchRows: 8,
  learningRate: 1e-3,
  maxTokens: 64,
  seed: 5,
  heldOutPercent: 10,
  minLossDrop: 0,
  price: { promptWeiPerMillion: '0', completionWeiPerMillion: '0' },
};

describe('recipeFor', () => {
  it('shows every example as often as the plan says, in modules of the graph’s order', () => {
    const recipe = recipeFor(plan, 100);
    expect(recipe.schedule).toEqual({ learningRate: 1e-3, steps: 38, warmupSteps: 3, finalShare: 0.1 });
    expect(recipe.lora.targetModules).toEqual(['q_proj', 'down_proj']);
    expect(recipe).toMatchObject({ seed: 5, batchRows: 8, maxTokens: 64 });
  });
});

describe('checkpointSteps', () => {
  it('are evenly spaced and end at the end', () => {
    expect(checkpointSteps(100)).toEqual([17, 33, 50, 67, 83, 100]);
    expect(checkpointSteps(38)).toEqual([6, 13, 19, 25, 32, 38]);
    expect(checkpointSteps(2)).toEqual([1, 2]);
    expect(checkpointSteps(1)).toEqual([1]);
  });
});
