import { tinyModels } from '../../test/tiny-model.js';
import { linearWeights } from '../graph/precision.js';
import { decideKernels, type KernelTiming, planOfClasses } from './decide.js';

function timing(
  precision: KernelTiming['precision'],
  [oneRowMs, rowsMs]: readonly [number, number],
  rowIndependent = true,
): KernelTiming {
  return { layer: 'feed_forward_in', precision, oneRowMs, rowsMs, rowIndependent };
}
const decide = (...timings: KernelTiming[]) => decideKernels(timings).get('feed_forward_in');

describe('the choice of a kernel', () => {
  it('is the fastest over one row and a batch together', () => {
    expect(decide(timing('float32', [1, 1.4]), timing('int8', [0.3, 0.4]), timing('int4', [0.28, 0.8]))).toBe(
      'int8',
    );
    expect(decide(timing('float32', [1, 1.4]), timing('int8', [0.3, 0.8]), timing('int4', [0.2, 0.6]))).toBe(
      'int4',
    );
  });

  it('takes fewer bits only where they are clearly faster', () => {
    expect(decide(timing('int8', [0.95, 0.95]), timing('float32', [1, 1]))).toBe('float32');
    expect(decide(timing('int4', [0.29, 0.29]), timing('int8', [0.3, 0.3]), timing('float32', [1, 1]))).toBe(
      'int8',
    );
  });

  it('never takes a kernel whose rows depend on their batch', () => {
    expect(decide(timing('int4', [0.1, 0.1], false), timing('float32', [1, 1]))).toBe('float32');
    expect(decide(timing('int8', [2, 2]), timing('float32', [1, 1], false))).toBe('int8');
    const dependent = [timing('float32', [1, 1], false), timing('int4', [0.1, 0.1], false)];
    expect(() => decide(...dependent)).toThrow(
      expect.objectContaining({ code: 'NO_ROW_INDEPENDENT_KERNEL' }),
    );
    expect(decideKernels(dependent, 'accepted').get('feed_forward_in')).toBe('float32');
  });

  it('becomes a plan that names every linear layer of the model', () => {
    for (const config of Object.values(tinyModels)) {
      const plan = planOfClasses(
        config,
        new Map([
          ['attention_in', 'int8'],
          ['head', 'int4'],
        ] as const),
      );
      expect([...plan.keys()].sort()).toEqual([...linearWeights(config).keys()].sort());
      expect(plan.get('model.layers.1.self_attn.v_proj.weight')).toBe('int8');
      expect(plan.get('model.layers.1.self_attn.o_proj.weight')).toBe('float32');
      expect(plan.get(config.tieEmbeddings ? 'model.embed_tokens.weight' : 'lm_head.weight')).toBe('int4');
    }
  });
});
