import { PPB } from '@openledger/kernel';
import fc from 'fast-check';
import { BASE_FLOOR_PPB, splitPools } from './pools.js';

const nats = fc.double({ min: -400, max: 0, noNaN: true });
const likelihoods = fc.record({ base: nats, adapter: nats, context: nats, both: nats });

describe('splitPools', () => {
  it('gives whole parts that sum to one billion, the base its floor at least', () => {
    fc.assert(
      fc.property(likelihoods, (given) => {
        const { baseModelPpb, trainingPpb, contextPpb } = splitPools(given);
        expect(baseModelPpb + trainingPpb + contextPpb).toBe(PPB);
        expect(baseModelPpb).toBeGreaterThanOrEqual(BASE_FLOOR_PPB);
        expect(trainingPpb).toBeGreaterThanOrEqual(0n);
        expect(contextPpb).toBeGreaterThanOrEqual(0n);
      }),
    );
  });

  it('is efficient, and symmetric in adapter and context', () => {
    fc.assert(
      fc.property(likelihoods, ({ base, adapter, context, both }) => {
        const split = splitPools({ base, adapter, context, both });
        expect(split.trainingNats + split.contextNats).toBeCloseTo(both - base, 9);
        const mirrored = splitPools({ base, adapter: context, context: adapter, both });
        expect(mirrored.trainingNats).toBe(split.contextNats);
        expect(mirrored.baseModelPpb).toBe(split.baseModelPpb);
        // One unit may go to either where both are equal.
        expect(Number(mirrored.trainingPpb - split.contextPpb)).toBeCloseTo(0, -1);
      }),
    );
  });

  it('recovers what an additive game was made of', () => {
    expect(splitPools({ base: -100, adapter: -70, context: -80, both: -50 })).toEqual({
      baseModelPpb: 500_000_000n,
      trainingPpb: 300_000_000n,
      contextPpb: 200_000_000n,
      trainingNats: 30,
      contextNats: 20,
      abstained: false,
    });
  });

  it('gives nothing to who changes nothing, and nothing below zero', () => {
    fc.assert(
      fc.property(nats, nats, (base, adapter) => {
        const { contextPpb, contextNats } = splitPools({ base, adapter, context: base, both: adapter });
        expect(contextPpb).toBe(0n);
        expect(contextNats).toBe(0);
      }),
    );
    const { trainingPpb, contextPpb } = splitPools({ base: -100, adapter: -110, context: -40, both: -60 });
    expect([trainingPpb, contextPpb]).toEqual([0n, 400_000_000n]);
  });

  it('abstains where both together add no more than rounding', () => {
    for (const both of [-100, -99.995, -130]) {
      expect(splitPools({ base: -100, adapter: -50, context: -100, both })).toMatchObject({
        baseModelPpb: PPB,
        trainingPpb: 0n,
        contextPpb: 0n,
        abstained: true,
      });
    }
    expect(() => splitPools({ base: Number.NaN, adapter: -1, context: -1, both: -1 })).toThrow('finite');
  });
});
