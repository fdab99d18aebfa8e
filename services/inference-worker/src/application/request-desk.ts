import { invariant } from '@openledger/kernel';
import {
  Admission,
  type AdmissionLimits,
  type Demand,
  type Rates,
  type RefusalReason,
} from '../domain/scheduling/admission.js';
import type { EngineOrder, EngineReport, RequestOrder } from './engine-messages.js';
import type { EmbeddingRequest, GenerationPiece, GenerationRequest } from './generation.js';
import { type PieceFlow, PieceQueue } from './piece-queue.js';
import { fromPlain } from './plain-error.js';

export interface RequestDeskOptions {
  readonly limits: AdmissionLimits;
  readonly stream: Pick<PieceFlow, 'piecesMax' | 'stallMs'>;
  readonly order: (order: EngineOrder) => void;
  readonly contextTokens: () => number;
  readonly rates: () => Rates;
  readonly refused: (reason: RefusalReason) => void;
  readonly heldBack: (seconds: number) => void;
}

export type RequestReport = Extract<EngineReport, { kind: 'piece' | 'embedded' | 'failed' }>;

/** Who waits for what the engine tells of a request. */
interface Caller {
  readonly piece: (piece: GenerationPiece) => void;
  readonly embedded: (values: Float32Array) => void;
  readonly end: (error?: Error) => void;
}

type Asked = Omit<RequestOrder, 'kind' | 'id'> & { readonly requestId: string };

/** Requests of callers on their way through the engine: who is let in, who waits for what, who has left. */
export class RequestDesk {
  private readonly callers = new Map<number, Caller>();
  private readonly byRequestId = new Map<string, Set<number>>();
  private readonly admission: Admission;
  private lastId = 0;

  constructor(private readonly options: RequestDeskOptions) {
    this.admission = new Admission(options.limits, options.rates);
  }

  /** Prompt tokens not read yet and answer tokens still allowed, of all requests at hand. */
  get queuedTokens(): number {
    return this.admission.queuedTokens;
  }

  get requests(): number {
    return this.callers.size;
  }

  /** @throws DomainError OVERLOADED, READER_TOO_SLOW and what the engine fails with */
  async *generate(request: GenerationRequest, signal: AbortSignal): AsyncGenerator<GenerationPiece> {
    const { requestId, tenant, adapters, promptTokens: tokens, sampling } = request;
    const asked = { requestId, tenant, adapters, tokens, sampling };
    const id = this.nextId(asked);
    const queue = new PieceQueue({
      ...this.options.stream,
      pause: () => this.options.order({ kind: 'pause', id }),
      resume: () => this.options.order({ kind: 'resume', id }),
      stalled: () => this.leave(id, asked),
      heldBack: this.options.heldBack,
    });
    const leave = () => {
      queue.end();
      this.leave(id, asked);
    };
    this.enter(id, asked, {
      piece: (piece) => queue.push(piece),
      embedded: () => undefined,
      end: (error) => queue.end(error),
    });
    signal.addEventListener('abort', leave, { once: true });
    try {
      if (!signal.aborted) yield* queue.read();
    } finally {
      signal.removeEventListener('abort', leave);
      leave();
    }
  }

  /** The embedding of the tokens. @throws as {@link generate} */
  async embed(request: EmbeddingRequest, signal: AbortSignal): Promise<Float32Array> {
    const asked = { ...request, sampling: undefined };
    const id = this.nextId(asked);
    let leave: () => void = () => undefined;
    try {
      return await new Promise<Float32Array>((resolve, reject) => {
        leave = () => reject(reasonOf(signal));
        if (signal.aborted) leave();
        signal.addEventListener('abort', leave, { once: true });
        this.enter(id, asked, {
          piece: () => undefined,
          embedded: resolve,
          end: (error) => reject(error ?? reasonOf(signal)),
        });
      });
    } finally {
      signal.removeEventListener('abort', leave);
      this.leave(id, asked);
    }
  }

  /** Ends the runs of a request within a step; their last pieces still come. */
  stop(requestId: string): void {
    for (const id of this.byRequestId.get(requestId) ?? []) this.options.order({ kind: 'stop', id });
  }

  hear(report: RequestReport): void {
    const { id } = report;
    const caller = this.callers.get(id);
    if (!caller) return;
    switch (report.kind) {
      case 'piece': {
        const { tokens, finishReason } = report.piece;
        const { generated } = this.admission.demandOf(id);
        this.admission.update(id, { prompt: 0, generated: Math.max(0, generated - tokens.length) });
        caller.piece(report.piece);
        if (finishReason === '') return;
        break;
      }
      case 'embedded':
        caller.embedded(report.values);
        break;
      case 'failed':
        caller.end(fromPlain(report.error));
    }
    this.forget(id);
    caller.end();
  }

  /** The engine's thread is gone. */
  lost(error: () => Error): void {
    for (const [id, caller] of [...this.callers]) {
      this.forget(id);
      caller.end(error());
    }
    this.byRequestId.clear();
  }

  /** @throws DomainError OVERLOADED */
  private nextId(asked: Asked): number {
    const reason = this.admission.refusal(asked.tenant, this.demandOf(asked));
    if (reason) {
      this.options.refused(reason);
      throw this.admission.overloaded(reason);
    }
    this.lastId += 1;
    return this.lastId;
  }

  private enter(id: number, asked: Asked, caller: Caller): void {
    invariant(!this.callers.has(id), 'a request enters once');
    this.admission.enter(id, asked.tenant, this.demandOf(asked));
    this.callers.set(id, caller);
    const { requestId, ...order } = asked;
    if (requestId !== '') {
      const ids = this.byRequestId.get(requestId) ?? new Set();
      this.byRequestId.set(requestId, ids.add(id));
    }
    this.options.order({ kind: 'request', id, ...order });
  }

  /** The caller has what it wanted, or has gone. */
  private leave(id: number, { requestId }: Asked): void {
    const ids = this.byRequestId.get(requestId);
    if (ids?.delete(id) && ids.size === 0) this.byRequestId.delete(requestId);
    // Still known: it ended before its last piece.
    if (this.forget(id)) this.options.order({ kind: 'cancel', id });
  }

  private forget(id: number): boolean {
    this.admission.leave(id);
    return this.callers.delete(id);
  }

  private demandOf({ tokens, sampling }: Asked): Demand {
    const room = Math.max(0, this.options.contextTokens() - tokens.length);
    return { prompt: tokens.length, generated: sampling ? Math.min(sampling.maxTokens, room) : 0 };
  }
}

const reasonOf = ({ reason }: AbortSignal): Error =>
  reason instanceof Error ? reason : new Error('the caller has left');
