import { allow, countedMask, emptyMask, include, type TokenMask } from '../token-mask.js';
import {
  Automaton,
  type AutomatonLimits,
  type LeafFrame,
  type State,
  stackId,
  tooComplex,
} from './automaton.js';
import type { OtherNameOp, StringOp } from './op.js';
import { compileSchema } from './schema-compiler.js';
import { parseSchema } from './schema-text.js';
import { Within } from './string-body.js';
import type { Vocabulary } from './vocabulary.js';

/** Schemas whose automata are kept; with the limits below each takes at most some 10 MB. */
const GRAMMARS_MAX = 16;
/** Of one schema; the one used last is last. */
const MASKS_MAX = 256;
const LIMITS: AutomatonLimits = { states: 2_048, frames: 4_096 };
/** Frames looked at for one mask: some 100 ms, during which all rows stand still. */
const EFFORT_MAX = 200_000;

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

  /** The tokens that may come in a state. @throws DomainError JSON_SCHEMA_TOO_LARGE */
  mask({ automaton, masks }: Grammar, state: State): TokenMask {
    const strings = state.frames.filter(isStringFrame);
    const whole = strings.length === state.frames.length && !state.complete;
    const key = whole ? strings.map((frame) => this.stringKey(frame)).join() : `${state.id}`;
    const mask = masks.get(key) ?? this.makeMask(automaton, state, strings);
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
  private stringKey(frame: StringFrame): string {
    const { op, count } = frame;
    const { longest } = this.vocabulary.all;
    if (op.kind !== 'string') return `name ${stackId(frame)} ${op.id} ${count}`;
    const [least, room] = [Math.max(0, op.min - count), Math.min(longest, op.max - count)];
    return `text ${stackId(frame)} ${Math.min(longest, least)} ${room}`;
  }

  /**
   * What any of a state's frames allows. Text within a string is known beforehand; the vocabulary is walked
   * for what closes the string, and for the frames that read no string.
   */
  private makeMask(automaton: Automaton, state: State, strings: readonly StringFrame[]): TokenMask {
    const { vocabulary } = this;
    const words = emptyMask(vocabulary.size);
    const end = automaton.effort + EFFORT_MAX;
    const step = (from: State, byte: number): State | undefined => {
      if (automaton.effort > end) throw tooComplex();
      return automaton.step(from, byte);
    };
    const found = (token: number): void => allow(words, token);
    for (const { op, count } of strings) {
      include(words, op.kind === 'string' ? vocabulary.insideString(op.max - count) : vocabulary.unescaped);
    }
    if (strings.length > 0) {
      vocabulary.closing.walk(state, step, found);
      if (strings.some(({ op }) => op.kind === 'other-name')) vocabulary.escaping.walk(state, step, found);
    }
    const others = state.frames.filter((frame) => !isStringFrame(frame));
    if (others.length > 0) vocabulary.all.walk(automaton.part(others), step, found);
    if (state.complete) for (const token of this.eosTokenIds) allow(words, token);
    return countedMask(words);
  }
}

type StringFrame = LeafFrame & { readonly op: StringOp | OtherNameOp };

/** A string's next character is being read. */
const isStringFrame = (frame: LeafFrame): frame is StringFrame =>
  frame.at === Within.Ready && (frame.op.kind === 'string' || frame.op.kind === 'other-name');

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
