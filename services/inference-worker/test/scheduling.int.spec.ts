import { bytes, EngineFixture, type EngineSettings, weighted, wholeAnswer } from './engine-fixture.js';

const long = (name: string, length: number) => bytes(`${name} `.padEnd(length, 'lorem ipsum dolor '));

describe('scheduling', () => {
  const open: EngineFixture[] = [];
  const engine = async (settings?: EngineSettings) => {
    const fixture = await EngineFixture.open(settings);
    open.push(fixture);
    return fixture;
  };
  afterEach(() => Promise.all(open.splice(0).map((fixture) => fixture.release())));

  describe('tenants', () => {
    it('get their share of the rows at once, however many requests another has', async () => {
      const fixture = await engine();
      const heavy = Array.from({ length: 20 }, (_, index) =>
        fixture.ask({ tokens: bytes(`flood ${index}`), tenant: 'heavy', sampling: { maxTokens: 40 } }),
      );
      await fixture.tick(10);
      const normal = fixture.ask({ tokens: bytes('me too'), tenant: 'normal' });
      await fixture.tick(2);
      expect(fixture.of(normal).pieces.length).toBeGreaterThan(0);
      expect(fixture.batch.preemptions).toBe(1);
      expect(fixture.batch.running).toHaveLength(4);
      await fixture.untilIdle();
      // Whoever gave way goes on where it was.
      for (const id of heavy) expect(fixture.of(id).pieces).toHaveLength(40);
      expect(fixture.batch.preemptions).toBe(1);
    });

    it('wait behind one another when they say that they are one', async () => {
      const fixture = await engine();
      for (let index = 0; index < 8; index += 1) {
        fixture.ask({ tokens: bytes(`flood ${index}`), sampling: { maxTokens: 40 } });
      }
      await fixture.tick(10);
      const normal = fixture.ask({ tokens: bytes('me too') });
      await fixture.tick(10);
      expect(fixture.of(normal).pieces).toHaveLength(0);
      await fixture.untilIdle();
      expect(fixture.batch.preemptions).toBe(0);
    });

    it('take turns where there are more of them than rows', async () => {
      const fixture = await engine({ rowsMax: 2, stripTokensMax: 2_048 });
      const sampling = { maxTokens: 400 };
      const ask = () => ['a', 'b'].map((tenant) => fixture.ask({ tokens: bytes(tenant), tenant, sampling }));
      await fixture.answer({ tokens: bytes('late'), tenant: 'late' });
      ask();
      ask();
      await fixture.tick(700);
      const long = ask();
      const late = fixture.ask({ tokens: bytes('late'), tenant: 'late' });
      await fixture.tick(3);
      expect(fixture.batch.preemptions).toBe(1);
      expect(fixture.of(late).pieces.length).toBeGreaterThan(0);
      await fixture.untilIdle();
      expect(fixture.of(late).pieces).toHaveLength(12);
      for (const id of long) expect(fixture.of(id).pieces).toHaveLength(400);
      // A few turns, not one for every step.
      expect(fixture.batch.preemptions).toBeLessThan(5);
    });

    it('are served alike while both want more than there is', async () => {
      const fixture = await engine({ rowsMax: 2 });
      const ask = (tenant: string, maxTokens: number) =>
        fixture.ask({ tokens: bytes(`${tenant} asks`), tenant, sampling: { maxTokens } });
      const short = Array.from({ length: 60 }, () => ask('short', 4));
      const long = Array.from({ length: 60 }, () => ask('long', 30));
      for (let tick = 0; tick < 200; tick += 1) await fixture.tick();
      const served = (ids: readonly number[]) =>
        ids.reduce((sum, id) => sum + fixture.of(id).pieces.length, 0);
      const cost = (ids: readonly number[], prompt: number) => {
        const begun = ids.filter((id) => fixture.of(id).pieces.length > 0).length;
        return begun * prompt + 2 * served(ids);
      };
      const [a, b] = [cost(short, 10), cost(long, 9)];
      // Within what one request of each can make (Theorem 4.4 of Sheng et al. 2024).
      expect(Math.abs(a - b)).toBeLessThan(2 * (2 * 30 + 9) * 2);
      expect(Math.min(a, b)).toBeGreaterThan(200);
    });
  });

  describe('prefixes', () => {
    const prompt = long('shared', 300);
    const cached = async (fixture: EngineFixture, asked: Parameters<EngineFixture['ask']>[0]) =>
      (await fixture.answer(asked)).pieces[0]?.cachedTokens;

    it('are found by the same tenant with the same adapters alone', async () => {
      const fixture = await engine();
      const base = { tokens: prompt, tenant: 'a' };
      expect(await cached(fixture, base)).toBe(0);
      // Whole chunks of 64, and never the last token.
      expect(await cached(fixture, base)).toBe(256);
      expect(await cached(fixture, { ...base, tenant: 'b' })).toBe(0);
      expect(await cached(fixture, { ...base, tenant: '' })).toBe(0);
      const one = { ...base, adapters: weighted([1, 1]) };
      expect(await cached(fixture, one)).toBe(0);
      expect(await cached(fixture, one)).toBe(256);
      for (const adapters of [
        weighted([2, 1]),
        weighted([1, 0.5]),
        weighted([1, 1], [2, 1]),
        weighted([2, 1], [1, 1]),
      ]) {
        expect(await cached(fixture, { ...base, adapters })).toBe(0);
      }
      expect(await cached(fixture, { ...base, tokens: [...prompt.slice(0, 150), ...bytes('other')] })).toBe(
        128,
      );
      expect(await cached(fixture, { ...base, tokens: prompt.slice(0, 128) })).toBe(64);
      expect(await cached(fixture, { ...base, tokens: prompt.with(0, 1) })).toBe(0);
    });

    it('are kept of answers that were cancelled, and found by requests that came before they were', async () => {
      const fixture = await engine();
      const first = fixture.ask({ tokens: prompt });
      await fixture.tick(3);
      const second = fixture.ask({ tokens: prompt });
      await fixture.tick();
      fixture.order({ kind: 'cancel', id: first });
      await fixture.untilIdle();
      expect(fixture.of(second).pieces[0]?.cachedTokens).toBeGreaterThanOrEqual(128);
      expect(fixture.of(first).pieces).toHaveLength(0);
    });

    it('change no bit of an answer', async () => {
      const [plain, keeping] = [await engine({ prefixCacheBytes: 0 }), await engine()];
      for (const adapters of [[], weighted([3, 1], [4, 0.7])]) {
        const asked = { tokens: prompt, adapters, sampling: { maxTokens: 30 } };
        const expected = wholeAnswer(await plain.answer(asked));
        expect(wholeAnswer(await keeping.answer(asked))).toEqual(expected);
        expect(wholeAnswer(await keeping.answer(asked))).toEqual(expected);
      }
      expect([plain.batch.blocks.hitTokens, keeping.batch.blocks.hitTokens]).toEqual([0, 512]);
    });
  });

  describe('rows', () => {
    it('are free one step after their caller left', async () => {
      const fixture = await engine({ rowsMax: 1 });
      const first = fixture.ask({ tokens: long('slow', 400), sampling: { maxTokens: 100 } });
      const second = fixture.ask({ tokens: bytes('next') });
      await fixture.tick(3);
      fixture.order({ kind: 'cancel', id: first });
      await fixture.tick();
      expect(fixture.batch.running.map(({ id }) => id)).toEqual([second]);
      await fixture.untilIdle();
      expect(fixture.of(first)).toEqual({ pieces: [], embedding: undefined, error: undefined });
      expect(wholeAnswer(fixture.of(second)).finishReason).toBe('length');
    });

    it('tell a last piece when they are stopped, wherever they are', async () => {
      const fixture = await engine({ rowsMax: 1 });
      const ids = ['running', 'waiting'].map((name) =>
        fixture.ask({ tokens: bytes(name), sampling: { maxTokens: 100 } }),
      );
      await fixture.tick(5);
      const embedding = fixture.ask({ tokens: bytes('embed'), embed: true });
      for (const id of [...ids, embedding]) fixture.order({ kind: 'stop', id });
      await fixture.tick();
      const [running, waiting] = ids.map((id) => wholeAnswer(fixture.of(id)));
      expect(running).toMatchObject({ finishReason: 'cancelled' });
      expect(running?.tokens.length).toBeGreaterThan(3);
      expect(waiting).toMatchObject({ finishReason: 'cancelled', tokens: [], text: '' });
      expect(fixture.of(embedding).error).toMatchObject({ code: 'RUN_STOPPED' });
      expect(await fixture.tick()).toBe(false);
    });

    it('leave the steps while their reader does not read, and go on where they were', async () => {
      const fixture = await engine({ rowsMax: 2 });
      const sampling = { maxTokens: 60 };
      const expected = wholeAnswer(await fixture.answer({ tokens: bytes('slow reader'), sampling }));
      const slow = fixture.ask({ tokens: bytes('slow reader'), sampling });
      const other = fixture.ask({ tokens: bytes('other'), sampling });
      await fixture.tick(10);
      fixture.order({ kind: 'pause', id: slow });
      const told = fixture.of(slow).pieces.length;
      await fixture.untilIdle();
      expect(fixture.of(slow).pieces).toHaveLength(told);
      expect(fixture.of(other).pieces).toHaveLength(60);
      // Nothing to do, so the thread may sleep; its keys and values are kept.
      expect(await fixture.tick()).toBe(false);
      expect(fixture.batch.kvUsage).toBeGreaterThan(0);
      fixture.order({ kind: 'resume', id: slow });
      await fixture.untilIdle();
      expect(wholeAnswer(fixture.of(slow))).toEqual(expected);
      expect(fixture.batch.kvUsage).toBe(0);
    });

    it('never need more memory than there is', async () => {
      const fixture = await engine({ rowsMax: 4, stripTokensMax: 512 });
      const ids = [400, 30, 200, 100, 450, 20, 60].map((length, index) =>
        fixture.ask({
          tokens: long(`r${index}`, length),
          tenant: index % 2 === 0 ? 'a' : 'b',
          sampling: { maxTokens: 50 },
        }),
      );
      let most = 0;
      while (await fixture.tick()) most = Math.max(most, fixture.batch.kvUsage);
      expect(most).toBeLessThanOrEqual(1);
      expect(most).toBeGreaterThan(0.5);
      for (const id of ids) expect(wholeAnswer(fixture.of(id)).finishReason).toBe('length');
    });

    it('come to an end where those that stand aside hold the memory', async () => {
      const fixture = await engine({ rowsMax: 4, stripTokensMax: 1_280 });
      const ids: number[] = [];
      for (let index = 0; index < 60; index += 1) {
        const tenant = index < 20 || index % 3 > 0 ? 'a' : 'b';
        const tokens = long(`${tenant}${index}`, index % 5 === 0 ? 300 : 40);
        ids.push(fixture.ask({ tokens, tenant, sampling: { maxTokens: 20 } }));
        await fixture.tick(3);
        if (index % 4 === 0) fixture.order({ kind: 'pause', id: ids[index >> 1] ?? 0 });
        if (index % 4 === 2) for (const id of ids) fixture.order({ kind: 'resume', id });
      }
      for (const id of ids) fixture.order({ kind: 'resume', id });
      await fixture.untilIdle();
      for (const id of ids) expect(fixture.of(id).pieces).toHaveLength(20);
      expect(fixture.batch.preemptions).toBeGreaterThan(0);
      expect(fixture.batch.kvUsage).toBe(0);
    });

    it('wait for room in the pool while others go on, but not for ever', async () => {
      const fixture = await engine({ adapterPages: 4, rowsMax: 4 });
      const sampling = { maxTokens: 6 };
      // Three rows with adapters of their own leave no room for four adapters at once.
      for (const seed of [1, 2, 3]) {
        fixture.ask({ tokens: bytes('warm'), adapters: weighted([seed, 1]), sampling });
      }
      await fixture.tick(3);
      const wide = fixture.ask({
        tokens: bytes('wide'),
        adapters: weighted([4, 1], [5, 1], [6, 1], [7, 1]),
        sampling,
      });
      const ids: number[] = [];
      for (let index = 0; index < 60; index += 1) {
        const seed = 1 + (index % 3);
        ids.push(fixture.ask({ tokens: bytes(`n${index}`), adapters: weighted([seed, 1]), sampling }));
        await fixture.tick(2);
      }
      expect(fixture.hasEnded(wide)).toBe(true);
      await fixture.untilIdle();
      for (const id of [wide, ...ids]) expect(fixture.of(id).pieces).toHaveLength(6);
    });
  });

  it('embeds: the same alone and among others, with and without adapters, of length 1', async () => {
    const fixture = await engine();
    const asked = [[], weighted([1, 1]), weighted([1, 1], [2, 0.5])].map((adapters) => ({
      tokens: long('embed me', 150),
      adapters,
      embed: true,
    }));
    const alone: (Float32Array | undefined)[] = [];
    for (const one of asked) alone.push((await fixture.answer(one)).embedding);
    const crowd = asked.map((one) => fixture.ask(one));
    for (let index = 0; index < 6; index += 1) fixture.ask({ tokens: bytes(`n${index}`) });
    await fixture.untilIdle();
    expect(crowd.map((id) => fixture.of(id).embedding)).toEqual(alone);
    for (const values of alone) {
      expect(values).toHaveLength(32);
      expect(Math.hypot(...(values ?? []))).toBeCloseTo(1, 5);
    }
    const cosine = (a: Float32Array | undefined, b: Float32Array | undefined) =>
      [...(a ?? [])].reduce((sum, value, index) => sum + value * (b?.[index] ?? 0), 0);
    expect(cosine(alone[0], alone[1])).toBeLessThan(0.999);
    // In one piece, up to rounding.
    const whole = await (await engine({ prefillChunkTokens: 256 })).answer(asked[2] ?? { tokens: [] });
    expect(cosine(whole.embedding, alone[2])).toBeGreaterThan(0.999_99);
  });

  it('tells its load', async () => {
    const fixture = await engine({ rowsMax: 1 });
    fixture.ask({ tokens: long('one', 100), adapters: weighted([1, 1]), sampling: { maxTokens: 20 } });
    fixture.ask({ tokens: bytes('two'), adapters: weighted([2, 1]), sampling: { maxTokens: 20 } });
    await fixture.tick(4);
    const loads = fixture.reports.flatMap((report) => (report.kind === 'load' ? [report.load] : []));
    expect(loads.at(-1)).toMatchObject({
      running: 1,
      waiting: 1,
      runningDigests: ['1'],
      waitingDigests: ['2'],
    });
    expect(loads.at(-1)?.kvUsage).toBe(0.25);
    await fixture.untilIdle();
    const last = fixture.reports.flatMap((report) => (report.kind === 'load' ? [report.load] : [])).at(-1);
    expect(last).toMatchObject({ running: 0, waiting: 0, queuedTokens: 0, kvUsage: 0 });
    expect(last?.prefillTokensPerSecond).toBeGreaterThan(0);
    expect(last?.decodeTokensPerSecond).toBeGreaterThan(0);
  });
});
