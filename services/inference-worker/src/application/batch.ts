import { DomainError, invariant } from '@openledger/kernel';
import { seededRandom } from '@openledger/transformer';
import { goesFirst, type RowShares, stripTokensOf, whoYields } from '../domain/scheduling/row-shares.js';
import { VirtualCounters } from '../domain/scheduling/virtual-counters.js';
import { WaitingRoom } from '../domain/scheduling/waiting-room.js';
import type { AdapterPlaces, BatchListener, BatchOptions } from './batch-parts.js';
import type { RowPiece } from './batch-row.js';
import { DecodingRows } from './decoding-rows.js';
import { PromptBlocks } from './prompt-blocks.js';
import { PromptReader, unitVector } from './prompt-reader.js';
import { Row, type RowWork } from './row.js';
import { StepMeter } from './step-meter.js';

/**
 * Continuous batching (Orca, Yu et al. 2022) over rows of different adapters. Steps that decode every running
 * row alternate with steps that read at most a chunk's worth of prompts: running answers are not held up by
 * new prompts for longer than a chunk takes. Who starts, and whose prompt is read, is decided by what tenants
 * were served so far.
 */
export class Batch {
  readonly blocks: PromptBlocks;
  readonly meter: StepMeter;
  preemptions = 0;
  private readonly rows = new Map<number, Row>();
  private readonly decoding: DecodingRows;
  /** Rows whose readers do not read. */
  private readonly paused = new Map<number, Row>();
  private readonly counters = new VirtualCounters();
  private readonly room: WaitingRoom<Row>;
  private readonly reading: PromptReader;
  /** Prompt tokens that may be read before rows are decoded again. */
  private budget: number;

  constructor(
    private readonly options: BatchOptions,
    private readonly places: AdapterPlaces,
    private readonly listener: BatchListener,
  ) {
    this.budget = options.prefillChunkTokens;
    this.blocks = new PromptBlocks(options.prefillChunkTokens, options.prefixCacheBytes);
    this.meter = new StepMeter(listener.stepped);
    this.decoding = new DecodingRows(options.session, options.config, options.rowsMax);
    this.reading = new PromptReader(options, this.blocks);
    // With what its rows have yet to read, so that nobody gets all the rows that are free at once.
    this.room = new WaitingRoom((tenant) => this.counters.of(tenant) + this.reading.unread(tenant));
  }

  get running(): readonly Row[] {
    return [...this.decoding.rows, ...this.reading.rows];
  }

  get waiting(): readonly Row[] {
    return [...this.room.requests(), ...this.paused.values()];
  }

  get tokensLeft(): number {
    let tokens = 0;
    for (const row of this.rows.values()) tokens += row.tokensLeft;
    return tokens;
  }

  /** Share of the memory for keys and values in use, 0 to 1. */
  get kvUsage(): number {
    return this.strips(this.running, this.waiting) / this.options.stripTokensMax;
  }

  /** Between the tenants with waiting requests that were served most and least, in weighted tokens. */
  get servedGap(): number {
    return this.counters.gap(this.room.tenants);
  }

  add(work: RowWork): void {
    let row: Row;
    try {
      row = new Row(work, { model: this.options.model, random: seededRandom });
    } catch (error) {
      this.listener.failed(work.id, error);
      return;
    }
    if (row.answer) row.blocks = this.blocks.namesOf(work);
    this.rows.set(row.id, row);
    this.counters.arrive(row.tenant);
    this.room.add(row);
  }

  /** Frees the request's place; nothing more is told of it. Not to be called during a tick. */
  cancel(id: number): void {
    const row = this.rows.get(id);
    if (row) this.end(row);
  }

  /** Ends a request early and tells its last piece. */
  stop(id: number): void {
    const row = this.rows.get(id);
    if (row?.answer) {
      this.end(row);
      this.tell(row, row.answer.cancel());
    } else if (row) this.fail(row, stopped());
  }

  /** Takes a row whose reader does not read out of the steps; it keeps what was computed. */
  pause(id: number): void {
    const row = this.rows.get(id);
    if (!row || this.paused.has(id)) return;
    this.standAside(row);
    this.paused.set(id, row);
  }

  resume(id: number): void {
    const row = this.paused.get(id);
    if (!row) return;
    this.paused.delete(id);
    this.room.addFirst(row);
  }

  /** One step. False when only what is asked from outside can change anything. */
  async tick(): Promise<boolean> {
    this.admit();
    if (this.running.length === 0) return false;
    const row = this.nextToRead();
    if (row) await this.readChunk(row);
    else await this.decode();
    return true;
  }

  /** The row whose prompt is read now; undefined where it is the turn of answers. */
  private nextToRead(): Row | undefined {
    const row = this.reading.next((tenant) => this.counters.of(tenant));
    if (!row || this.decoding.rows.length === 0) return row;
    const others = this.decoding.rows.map(({ tenant }) => tenant);
    const prompt = { tenant: row.tenant, tokens: row.tokens.length };
    if (this.reading.chunkOf(row) <= this.budget || goesFirst(prompt, others, this.shares())) return row;
    return undefined;
  }

  private async decode(): Promise<void> {
    const rows = [...this.decoding.rows];
    this.budget = this.options.prefillChunkTokens;
    let logits: readonly Float32Array[];
    try {
      const step = { phase: 'decode', tokens: rows.length, rows } as const;
      logits = await this.meter.measure(step, () => this.decoding.step());
    } catch (error) {
      for (const row of rows) this.fail(row, error);
      return;
    }
    for (const [index, row] of rows.entries()) this.advance(row, logits[index]);
  }

  /** Tells the row's next token; false when the row has ended. */
  private advance(row: Row, logits: Float32Array | undefined): boolean {
    invariant(row.answer && logits, 'an answer has logits');
    let piece: RowPiece;
    try {
      piece = row.answer.next(logits);
    } catch (error) {
      this.fail(row, error);
      return false;
    }
    this.counters.charge(row.tenant, { generated: 1 });
    if (piece.finishReason !== '') this.end(row);
    this.tell(row, piece);
    return piece.finishReason === '';
  }

  private admit(): void {
    const offer = {
      ready: ({ id }: Row) => this.places.isPooled(id),
      begun: ({ startedMs }: Row) => startedMs > 0,
      fits: (row: Row) => this.canStart(row, [...this.running, row], this.waiting),
    };
    for (;;) {
      const isFull = this.running.length >= this.options.rowsMax;
      const next = isFull ? this.takeRow() : this.room.next(offer);
      if (!next) return;
      this.start(next);
    }
  }

  private start(row: Row): void {
    if (row.startedMs === 0) {
      row.startedMs = performance.now();
      if (row.answer) this.blocks.queriedTokens += row.tokens.length;
    }
    if (row.isRead) this.decoding.join(row);
    else this.reading.rows.push(row);
  }

  private canStart(row: Row, inSteps: readonly Row[], aside: readonly Row[]): boolean {
    const others = aside.filter((other) => other !== row);
    return this.strips(inSteps, others) <= this.options.stripTokensMax && this.places.admit(row.id);
  }

  /** A row for a tenant that has less than its share, from one that has more; the latest of its rows. */
  private takeRow(): Row | undefined {
    const { due } = this.room;
    if (!due) return undefined;
    const tenant = whoYields(due.tenant, this.shares());
    if (tenant === undefined) return undefined;
    const { running } = this;
    const latest = running
      .filter((row) => row.tenant === tenant)
      .sort(byStart)
      .at(-1);
    invariant(latest, 'the tenant has rows');
    const inSteps = [...running.filter((row) => row !== latest), due];
    if (!this.canStart(due, inSteps, [...this.waiting, latest])) return undefined;
    this.room.remove(due.id);
    this.standAside(latest);
    this.room.addFirst(latest);
    this.preemptions += 1;
    return due;
  }

  private shares(): RowShares {
    const rows = new Map<string, number>();
    for (const { tenant } of this.running) rows.set(tenant, (rows.get(tenant) ?? 0) + 1);
    const { tenants } = this.counters;
    return { rowsMax: this.options.rowsMax, rows, tenants, served: (tenant) => this.counters.of(tenant) };
  }

  private async readChunk(row: Row): Promise<void> {
    const tokens = this.reading.chunkOf(row);
    this.budget -= tokens;
    try {
      const step = { phase: 'prefill', tokens, rows: [row] } as const;
      const logits = await this.meter.measure(step, () => this.reading.read(row));
      this.counters.charge(row.tenant, { prompt: tokens });
      if (row.isRead) this.goOn(row, logits);
    } catch (error) {
      this.fail(row, error);
    }
  }

  /** After the prompt. */
  private goOn(row: Row, logits: Float32Array): void {
    if (!row.answer) {
      const values = unitVector(row.hidden);
      this.end(row);
      this.listener.embedded(row.id, values);
    } else if (this.advance(row, logits)) {
      this.reading.remove(row);
      this.decoding.join(row);
    }
  }

  /** Out of the steps, with what was computed. */
  private standAside(row: Row): void {
    if (!this.decoding.standAside(row)) this.remove(row);
    this.places.suspend(row.id);
  }

  private fail(row: Row, error: unknown): void {
    this.end(row);
    this.listener.failed(row.id, error);
  }

  private end(row: Row): void {
    if (!this.decoding.remove(row)) this.remove(row);
    this.rows.delete(row.id);
    row.cache = undefined;
    this.counters.leave(row.tenant);
  }

  /** Out of wherever it is but the decoding rows. */
  private remove(row: Row): void {
    this.reading.remove(row);
    this.paused.delete(row.id);
    this.room.remove(row.id);
  }

  private tell(row: Row, piece: RowPiece): void {
    const { digests: adapterDigests, cachedTokens, waitedMs } = row;
    this.listener.piece(row.id, { ...piece, adapterDigests, cachedTokens, waitedMs });
  }

  private strips(inSteps: readonly Row[], aside: readonly Row[]): number {
    const needs = (row: Row) => row.stripTokens;
    return stripTokensOf(inSteps.map(needs), aside.filter((row) => row.startedMs > 0).map(needs));
  }
}

const byStart = (a: Row, b: Row): number => a.startedMs - b.startedMs;

const stopped = (): DomainError =>
  new DomainError('precondition', 'RUN_STOPPED', 'The request was stopped before it was done.');
