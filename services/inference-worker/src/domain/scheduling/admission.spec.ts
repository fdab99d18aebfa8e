import { Admission } from './admission.js';

describe('Admission', () => {
  const rates = { prefill: 0, decode: 0 };
  const open = (requestsMax: number, tokensMax: number) =>
    new Admission({ requestsMax, tokensMax }, () => rates);
  beforeEach(() => Object.assign(rates, { prefill: 0, decode: 0 }));
  const small = { prompt: 1, generated: 1 };

  it('takes in as many requests and tokens as there is room for', () => {
    const admission = open(3, 100);
    for (const id of [1, 2, 3]) {
      expect(admission.refusal('', small)).toBeUndefined();
      admission.enter(id, '', small);
    }
    expect(admission.refusal('', small)).toBe('requests');
    admission.leave(2);
    expect(admission.refusal('', small)).toBeUndefined();
    expect(admission.refusal('', { prompt: 90, generated: 7 })).toBe('tokens');
    expect([admission.requests, admission.queuedTokens]).toEqual([2, 4]);
  });

  it('follows what requests still need', () => {
    const admission = open(10, 100);
    admission.enter(1, 'a', { prompt: 40, generated: 50 });
    expect(admission.refusal('a', { prompt: 20, generated: 0 })).toBe('tokens');
    admission.update(1, { prompt: 0, generated: 30 });
    expect(admission.queuedTokens).toBe(30);
    expect(admission.refusal('a', { prompt: 20, generated: 0 })).toBeUndefined();
    admission.leave(1);
    admission.leave(1);
    admission.update(1, small);
    expect([admission.requests, admission.queuedTokens]).toEqual([0, 0]);
  });

  it('takes any request that comes alone', () => {
    expect(open(2, 100).refusal('', { prompt: 5_000, generated: 0 })).toBeUndefined();
  });

  it('is not closed to others by a tenant that fills it, and still bounded', () => {
    const admission = open(4, 1_000);
    for (const id of [1, 2, 3, 4]) admission.enter(id, 'heavy', small);
    expect(admission.refusal('heavy', small)).toBe('requests');
    expect(admission.refusal('normal', small)).toBeUndefined();
    for (let id = 5; admission.refusal(`t${id}`, small) === undefined; id += 1) {
      admission.enter(id, `t${id}`, small);
    }
    expect(admission.requests).toBeLessThanOrEqual(8);
  });

  it('says when to come back, by the rates measured', () => {
    const admission = open(4, 10_000);
    for (const id of [1, 2, 3, 4]) admission.enter(id, '', { prompt: 1_000, generated: 100 });
    expect(admission.overloaded('requests').details).toEqual({ retryAfterSeconds: 1, reason: 'requests' });
    Object.assign(rates, { prefill: 500, decode: 20 });
    expect(admission.backlogSeconds).toBe(4 * (2 + 5));
    const error = admission.overloaded('tokens');
    expect(error).toMatchObject({ kind: 'exhausted', code: 'OVERLOADED' });
    expect(error.details).toEqual({ retryAfterSeconds: 7, reason: 'tokens' });
    expect(error.message).toContain('try again in 7 s');
  });
});
