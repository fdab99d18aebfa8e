import { eventually } from '@openledger/testing';
import { plainSampling } from '../domain/sampling.js';
import type { EngineOrder } from './engine-messages.js';
import type { GenerationPiece, GenerationRequest } from './generation.js';
import { RequestDesk } from './request-desk.js';

const piece = (finishReason: GenerationPiece['finishReason'] = '', token = 7): GenerationPiece => ({
  tokens: [token],
  text: 'x',
  logprobs: [],
  finishReason,
  adapterDigests: [],
  cachedTokens: 0,
});

function fixture({ requestsMax = 4, tokensMax = 1_000, piecesMax = 4, stallMs = 60_000 } = {}) {
  const orders: EngineOrder[] = [];
  const refused: string[] = [];
  const heldBack: number[] = [];
  const desk = new RequestDesk({
    limits: { requestsMax, tokensMax },
    stream: { piecesMax, stallMs },
    order: (order) => orders.push(order),
    contextTokens: () => 512,
    rates: () => ({ prefill: 100, decode: 10 }),
    refused: (reason) => refused.push(reason),
    heldBack: (seconds) => heldBack.push(seconds),
  });
  const kinds = () => orders.map(({ kind }) => kind);
  const request = (requestId = '', maxTokens = 20): GenerationRequest => ({
    requestId,
    tenant: '',
    adapters: [],
    promptTokens: [1, 2, 3],
    sampling: { ...plainSampling, maxTokens },
  });
  const run = (asked = request(), signal = new AbortController().signal) => desk.generate(asked, signal);
  const isEmpty = () => {
    const sizes = ['callers', 'byRequestId'].map(
      (name) => (Reflect.get(desk, name) as Map<unknown, unknown>).size,
    );
    expect([...sizes, desk.requests, desk.queuedTokens]).toEqual([0, 0, 0, 0]);
  };
  return { desk, orders, kinds, refused, heldBack, request, run, isEmpty };
}

describe('RequestDesk', () => {
  it('hands pieces to who asked, counts what is left to do and forgets who is answered', async () => {
    const { desk, kinds, run, isEmpty } = fixture();
    const pieces = run();
    const first = pieces.next();
    expect(desk.queuedTokens).toBe(23);
    desk.hear({ kind: 'piece', id: 1, piece: piece() });
    expect((await first).value).toEqual(piece());
    expect(desk.queuedTokens).toBe(19);
    desk.hear({ kind: 'piece', id: 1, piece: piece('stop') });
    desk.hear({ kind: 'piece', id: 1, piece: piece() });
    expect([(await pieces.next()).value, (await pieces.next()).done]).toEqual([piece('stop'), true]);
    expect(kinds()).toEqual(['request']);
    isEmpty();
  });

  it('cancels for callers who leave, by whatever door', async () => {
    const { desk, kinds, run, isEmpty } = fixture();
    const controller = new AbortController();
    const aborted = run(undefined, controller.signal);
    const waiting = aborted.next();
    controller.abort();
    expect(kinds()).toEqual(['request', 'cancel']);
    expect((await waiting).done).toBe(true);
    const left = run();
    const first = left.next();
    desk.hear({ kind: 'piece', id: 2, piece: piece() });
    await first;
    await left.return(undefined);
    const late = new AbortController();
    late.abort();
    expect((await run(undefined, late.signal).next()).done).toBe(true);
    expect(kinds()).toEqual(['request', 'cancel', 'request', 'cancel', 'request', 'cancel']);
    isEmpty();
  });

  it('holds the engine back for a reader who does not read, and lets it go on', async () => {
    const { desk, kinds, heldBack, run } = fixture();
    const pieces = run();
    const first = pieces.next();
    for (let count = 0; count < 6; count += 1) desk.hear({ kind: 'piece', id: 1, piece: piece('', count) });
    expect(kinds()).toEqual(['request', 'pause']);
    const tokens = [(await first).value?.tokens[0]];
    while (tokens.length < 6) tokens.push((await pieces.next()).value?.tokens[0]);
    expect(tokens).toEqual([0, 1, 2, 3, 4, 5]);
    expect(kinds()).toEqual(['request', 'pause', 'resume']);
    expect(heldBack).toHaveLength(1);
    await pieces.return(undefined);
  });

  it('drops a reader who never reads, with an error that says so', async () => {
    const { desk, kinds, run, isEmpty } = fixture({ stallMs: 20 });
    const pieces = run();
    const first = pieces.next();
    for (let count = 0; count < 9; count += 1) desk.hear({ kind: 'piece', id: 1, piece: piece() });
    await first;
    await eventually(() => expect(kinds()).toEqual(['request', 'pause', 'cancel']));
    desk.hear({ kind: 'piece', id: 1, piece: piece() });
    await expect(pieces.next()).rejects.toMatchObject({ kind: 'exhausted', code: 'READER_TOO_SLOW' });
    isEmpty();
  });

  it('does not hold back an answer that is whole', async () => {
    const { desk, kinds, run } = fixture({ piecesMax: 2 });
    const pieces = run();
    const first = pieces.next();
    desk.hear({ kind: 'piece', id: 1, piece: piece() });
    await first;
    desk.hear({ kind: 'piece', id: 1, piece: piece() });
    desk.hear({ kind: 'piece', id: 1, piece: piece('length') });
    expect(kinds()).toEqual(['request']);
    await pieces.return(undefined);
    expect(kinds()).toEqual(['request']);
  });

  it('stops all runs of a request, and no other', async () => {
    const { desk, orders, request, run, isEmpty } = fixture();
    const runs = [run(request('r')), run(request('other')), run(request('r'))];
    const firsts = runs.map((pieces) => pieces.next());
    desk.stop('r');
    desk.stop('unknown');
    expect(orders.filter(({ kind }) => kind === 'stop')).toEqual([
      { kind: 'stop', id: 1 },
      { kind: 'stop', id: 3 },
    ]);
    for (const id of [1, 2, 3]) desk.hear({ kind: 'piece', id, piece: piece('cancelled') });
    for (const first of firsts) expect((await first).value).toEqual(piece('cancelled'));
    for (const pieces of runs) expect((await pieces.next()).done).toBe(true);
    isEmpty();
  });

  it('refuses what exceeds its limits and says when to come back', async () => {
    const { desk, refused, request, run, isEmpty } = fixture({ requestsMax: 2, tokensMax: 100 });
    const [one, two] = [run(), run()];
    const firsts = [one.next(), two.next()];
    await expect(run().next()).rejects.toMatchObject({
      code: 'OVERLOADED',
      // 20 answer tokens at 10 a second and a little for the prompt.
      details: { retryAfterSeconds: 3, reason: 'requests' },
    });
    desk.hear({ kind: 'failed', id: 2, error: { kind: 'unavailable', code: 'X', message: 'no' } });
    await expect(firsts[1]).rejects.toMatchObject({ code: 'X' });
    await expect(run(request('', 90)).next()).rejects.toMatchObject({ details: { reason: 'tokens' } });
    // More than the context holds is not counted.
    expect(refused).toEqual(['requests', 'tokens']);
    desk.hear({ kind: 'piece', id: 1, piece: piece('length') });
    await firsts[0];
    await one.next();
    isEmpty();
  });

  it('embeds, or says why not', async () => {
    const { desk, orders, isEmpty } = fixture();
    const asked = { requestId: 'e', tenant: 't', adapters: [], tokens: [1, 2] };
    const good = desk.embed(asked, new AbortController().signal);
    expect(orders).toEqual([
      { kind: 'request', id: 1, tenant: 't', adapters: [], tokens: [1, 2], sampling: undefined },
    ]);
    desk.hear({ kind: 'embedded', id: 1, values: Float32Array.of(1, 0) });
    expect(await good).toEqual(Float32Array.of(1, 0));
    const bad = desk.embed(asked, new AbortController().signal);
    desk.hear({ kind: 'failed', id: 2, error: { kind: 'invalid', code: 'Y', message: 'no' } });
    await expect(bad).rejects.toMatchObject({ code: 'Y' });
    const controller = new AbortController();
    const left = desk.embed(asked, controller.signal);
    controller.abort(new Error('left'));
    await expect(left).rejects.toThrow('left');
    expect(orders.at(-1)).toEqual({ kind: 'cancel', id: 3 });
    isEmpty();
  });

  it('tells everybody when the engine is lost', async () => {
    const { desk, run, isEmpty } = fixture();
    const pieces = run();
    const first = pieces.next();
    const embedding = desk.embed(
      { requestId: '', tenant: '', adapters: [], tokens: [1] },
      new AbortController().signal,
    );
    desk.lost(() => new Error('gone'));
    await expect(first).rejects.toThrow('gone');
    await expect(embedding).rejects.toThrow('gone');
    isEmpty();
  });
});
