import { goesFirst, QUANTUM_TOKENS, stripTokensOf, whoYields } from './row-shares.js';

describe('whoYields', () => {
  const shares = (rows: Record<string, number>, served: Record<string, number>, tenants: number) => ({
    rowsMax: 8,
    rows: new Map(Object.entries(rows)),
    tenants,
    served: (tenant: string) => served[tenant] ?? 0,
  });

  it('takes from who has more than a share and was served most', () => {
    expect(whoYields('new', shares({ heavy: 8 }, { heavy: 10, new: 10 }, 2))).toBe('heavy');
    expect(whoYields('new', shares({ a: 4, b: 4 }, { a: 5, b: 9 }, 3))).toBe('b');
  });

  it('takes nothing for who has a share, or was served more', () => {
    expect(whoYields('new', shares({ heavy: 4, new: 4 }, { heavy: 10 }, 2))).toBeUndefined();
    expect(whoYields('new', shares({ heavy: 8 }, { heavy: 10, new: 11 }, 2))).toBeUndefined();
    expect(whoYields('only', shares({ only: 8 }, {}, 1))).toBeUndefined();
  });

  it('comes to rest: rows do not go back and forth', () => {
    const rows = new Map([
      ['a', 8],
      ['b', 0],
      ['c', 0],
    ]);
    const all = { rowsMax: 8, rows, tenants: 3, served: () => 0 };
    let changes = 0;
    for (let yielded = true; yielded && changes < 100; ) {
      yielded = false;
      for (const tenant of rows.keys()) {
        const from = whoYields(tenant, all);
        if (from === undefined) continue;
        rows.set(from, (rows.get(from) ?? 0) - 1);
        rows.set(tenant, (rows.get(tenant) ?? 0) + 1);
        changes += 1;
        yielded = true;
      }
    }
    expect(Object.fromEntries(rows)).toEqual({ a: 4, b: 2, c: 2 });
    expect(changes).toBe(4);
  });

  it('leaves one row to each where there are more tenants than rows', () => {
    const rows = Object.fromEntries(Array.from({ length: 8 }, (_, index) => [`t${index}`, 1]));
    expect(whoYields('ninth', shares(rows, {}, 20))).toBeUndefined();
    expect(whoYields('ninth', shares({ ...rows, t0: 2 }, {}, 20))).toBe('t0');
  });
});

describe('more tenants than rows', () => {
  it('take turns by tokens', () => {
    const served: Record<string, number> = {
      a: 3 * QUANTUM_TOKENS,
      b: 2 * QUANTUM_TOKENS,
      late: QUANTUM_TOKENS,
    };
    const shares = {
      rowsMax: 2,
      rows: new Map([
        ['a', 1],
        ['b', 1],
      ]),
      tenants: 3,
      served: (tenant: string) => served[tenant] ?? 0,
    };
    expect(whoYields('late', shares)).toBe('a');
    // Not before it is a whole turn behind.
    served.late = 2 * QUANTUM_TOKENS + 1;
    expect(whoYields('late', shares)).toBeUndefined();
  });
});

describe('goesFirst', () => {
  const shares = (rows: Record<string, number>, served: Record<string, number>) => ({
    rowsMax: 8,
    rows: new Map(Object.entries(rows)),
    tenants: 2,
    served: (tenant: string) => served[tenant] ?? 0,
  });
  const prompt = { tenant: 'normal', tokens: 100 };

  it('lets a prompt of a tenant within its share be read before answers of one beyond', () => {
    expect(goesFirst(prompt, ['heavy'], shares({ heavy: 7, normal: 1 }, { heavy: 50, normal: 150 }))).toBe(
      true,
    );
  });

  it('lets nobody wait for who has its share or was served more, and no prompt twice', () => {
    expect(goesFirst(prompt, ['heavy'], shares({ heavy: 7, normal: 1 }, { heavy: 50, normal: 151 }))).toBe(
      false,
    );
    expect(goesFirst(prompt, ['heavy'], shares({ heavy: 4, normal: 4 }, {}))).toBe(false);
    expect(goesFirst(prompt, ['normal'], shares({ normal: 2 }, {}))).toBe(false);
    expect(goesFirst(prompt, ['normal'], shares({ normal: 8 }, {}))).toBe(false);
    expect(goesFirst(prompt, ['normal', 'heavy'], shares({ heavy: 6, normal: 2 }, {}))).toBe(true);
    expect(goesFirst(prompt, ['heavy', 'third'], shares({ heavy: 6, third: 1, normal: 1 }, {}))).toBe(false);
  });
});

describe('stripTokensOf', () => {
  it('counts rows in steps as long as the longest, and others by themselves', () => {
    expect(stripTokensOf([128, 1_024], [256, 128])).toBe(2 * 1_024 + 384);
    expect(stripTokensOf([], [])).toBe(0);
  });
});
