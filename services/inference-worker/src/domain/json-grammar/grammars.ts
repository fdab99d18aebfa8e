import { allow, countedMask, emptyMask, type TokenMask } from '../token-mask.js';
import { Automaton, type AutomatonLimits, type LeafFrame, type State, stackId } from './automaton.js';
import { compileSchema } from './schema-compiler.js';
import { parseSchema } from './schema-text.js';
import { Within } from './string-body.js';
import type { Vocabulary } from './vocabulary.js';

/** Schemas whose automata are kept; with the limits below each takes at most some 10 MB. */
const GRAMMARS_MAX = 16;
/** Of one schema; the one used last is last. */
const MASKS_MAX = 256;
const LIMITS: AutomatonLimits = { states: 2_048, frames: 4_096 };

interface Grammar {
  readonly automaton: Automaton;
  readonly masks: Map<string, TokenMask>;
}

/** @throws DomainError JSON_SCHEMA_INVALID, JSON_SCHEMA_UNSUPPORTED, JSON_SCHEMA_TOO_LARGE */
export function checkJsonSchema(text: string): void {
  automatonOf(text);
}

function automatonOf(text: string): Automaton {
  const { root, satisfiable } = compileSchema(parseSchema(text));
  return new Automaton(root, satisfiable, LIMITS);
}

/** The grammars of the schemas asked for lately, and what each allows of the vocabulary. */
export class Grammars {
  /** The one used last is last. */
  private readonly grammars = new Map<string, Grammar>();

  constructor(
    private readonly vocabulary: Vocabulary,
    private readonly tokenBytes: (token: number) => Uint8Array | undefined,
    private readonly eosTokenIds: ReadonlySet<number>,
  ) {}

  /** The beginning of an answer to the schema. @throws DomainError as {@link checkJsonSchema} */
  begin(schema: string): GrammarCursor {
    const grammar = this.grammars.get(schema) ?? { automaton: automatonOf(schema), masks: new Map() };
    keep(this.grammars, schema, grammar, GRAMMARS_MAX);
    return new GrammarCursor(grammar, this);
  }

  /** The tokens that may come in a state. */
  mask({ automaton, masks }: Grammar, state: State): TokenMask {
    const within = stringOf(state);
    const key = within ? this.stringKey(within) : `${state.id}`;
    const mask = masks.get(key) ?? this.makeMask(automaton, state, within);
    keep(masks, key, mask, MASKS_MAX);
    return mask;
  }

  /** The state after a token; undefined where the token may not come. */
  after({ automaton }: Grammar, state: State, token: number): State | undefined {
    let next: State | undefined = state;
    const bytes = this.tokenBytes(token);
    if (!bytes || bytes.length === 0) return undefined;
    for (const byte of bytes) next = next && automaton.step(next, byte);
    return next;
  }

  /** Places in a string that differ in no token: what is farther away than the longest token does not matter. */
  private stringKey(frame: LeafFrame): string {
    const { op, count } = frame;
    const { longest } = this.vocabulary.all;
    if (op.kind !== 'string') return `name ${stackId(frame)} ${op.id} ${count}`;
    const [least, room] = [Math.max(0, op.min - count), Math.min(longest, op.max - count)];
    return `text ${stackId(frame)} ${Math.min(longest, least)} ${room}`;
  }

  private makeMask(automaton: Automaton, state: State, within: LeafFrame | undefined): TokenMask {
    const { vocabulary } = this;
    const step = (from: State, byte: number): State | undefined => automaton.step(from, byte);
    if (!within) {
      const words = emptyMask(vocabulary.size);
      vocabulary.all.walk(state, step, (token) => allow(words, token));
      if (state.complete) for (const token of this.eosTokenIds) allow(words, token);
      return countedMask(words);
    }
    const { op, count } = within;
    const text = op.kind === 'string' ? vocabulary.insideString(op.max - count) : vocabulary.unescaped;
    const words = text.slice();
    vocabulary.closing.walk(state, step, (token) => allow(words, token));
    if (op.kind !== 'string') vocabulary.escaping.walk(state, step, (token) => allow(words, token));
    return countedMask(words);
  }
}

/** Puts an entry last, and lets the first go when there are too many. */
function keep<T>(entries: Map<string, T>, key: string, value: T, most: number): void {
  entries.delete(key);
  entries.set(key, value);
  if (entries.size <= most) return;
  for (const first of entries.keys()) {
    entries.delete(first);
    return;
  }
}

/** The string whose next character is being read, where that is all that is being read. */
function stringOf({ frames, complete }: State): LeafFrame | undefined {
  const [only] = frames;
  if (complete || frames.length !== 1 || only?.at !== Within.Ready) return undefined;
  return only.op.kind === 'string' || only.op.kind === 'other-name' ? only : undefined;
}

/** How far one answer has come in its grammar. */
export class GrammarCursor {
  private state: State;

  constructor(
    private readonly grammar: Grammar,
    private readonly grammars: Grammars,
  ) {
    this.state = grammar.automaton.start;
  }

  get mask(): TokenMask {
    return this.grammars.mask(this.grammar, this.state);
  }

  /** The value is whole, and nothing can follow it. */
  get ended(): boolean {
    return this.state.complete && this.state.frames.length === 0;
  }

  /** The value is whole; it may go on. */
  get complete(): boolean {
    return this.state.complete;
  }

  /** False, and nothing is changed, where the token may not come. */
  accept(token: number): boolean {
    const next = this.grammars.after(this.grammar, this.state, token);
    if (!next) return false;
    this.state = next;
    return true;
  }
}
