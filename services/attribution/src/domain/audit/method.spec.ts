import { type AuditMeans, planAudit } from './method.js';

const means: AuditMeans = {
  groups: 8,
  partition: true,
  queries: 40,
  secondsPerRetrain: 1,
  budgetSeconds: 300,
  historyFits: true,
};

describe('planAudit', () => {
  it('takes the strongest method that the budget allows', () => {
    const methodFor = (budgetSeconds: number) => planAudit({ ...means, budgetSeconds });
    expect(methodFor(254)).toEqual({ method: 'SHAPLEY', queries: 40 });
    expect(methodFor(253)).toEqual({ method: 'LEAVE_ONE_OUT', queries: 40 });
    expect(methodFor(8)).toEqual({ method: 'LEAVE_ONE_OUT', queries: 40 });
    expect(methodFor(7)).toEqual({ method: 'LOCAL_STEP', queries: 40 });
  });

  it('falls back on metagradients of as many queries as can be paid', () => {
    const many = { ...means, groups: 100, budgetSeconds: 20 };
    expect(planAudit(many)).toEqual({ method: 'METAGRADIENT', queries: 10 });
    expect(planAudit({ ...many, budgetSeconds: 90 })).toEqual({ method: 'METAGRADIENT', queries: 16 });
    expect(planAudit({ ...many, historyFits: false }).method).toBe('LOCAL_STEP');
    expect(planAudit({ ...many, queries: 3 }).method).toBe('LOCAL_STEP');
  });

  it('enumerates coalitions only of contributors that share the data out', () => {
    expect(planAudit({ ...means, partition: false }).method).toBe('LEAVE_ONE_OUT');
    expect(planAudit({ ...means, groups: 9, budgetSeconds: 1e6 }).method).toBe('LEAVE_ONE_OUT');
    expect(planAudit({ ...means, groups: 1 }).method).toBe('LEAVE_ONE_OUT');
  });
});
