import { DomainError } from '@openledger/kernel';
import { OFF_TRIE } from './name-trie.js';
import type { LeafOp, MembersOp, Op } from './op.js';
import { CLOSED, REFUSED, readStringByte, Within } from './string-body.js';

/**
 * A place in an op and what comes after it: a stack as a list that shares its tails. What the two numbers
 * mean, the op says: bytes read, items counted, place within a string.
 */
interface Frame {
  readonly id: number;
  readonly op: Op;
  readonly at: number;
  readonly count: number;
  readonly after: Frame | undefined;
}

export type LeafFrame = Frame & { readonly op: LeafOp };

/** Stands for the same at any later time. */
export const stackId = ({ after }: Frame): number => after?.id ?? -1;

/** Everything that a beginning of an answer may be the beginning of. */
export interface State {
  readonly id: number;
  /** Each waits for a byte. */
  readonly frames: readonly LeafFrame[];
  /** The value may end here. */
  readonly complete: boolean;
  next: (State | null | undefined)[];
  age: number;
}

export interface AutomatonLimits {
  /** States kept; a state takes some 2 KB. */
  readonly states: number;
  /** Ways to read one beginning. */
  readonly frames: number;
}

const BYTES = 256;

/**
 * A pushdown automaton over bytes that becomes deterministic as it is used: sets of stacks are states, and
 * their transitions are remembered. When there are too many, all are forgotten; states in use go on.
 */
export class Automaton {
  readonly start: State;
  private readonly frames = new Map<string, Frame>();
  private readonly states = new Map<string, State>();
  /** Frames looked at so far, where a transition was not remembered: a measure of time. */
  effort = 0;
  private frameCount = 0;
  private stateCount = 0;
  private age = 0;

  constructor(
    root: Op,
    private readonly satisfiable: Uint8Array,
    private readonly limits: AutomatonLimits,
  ) {
    this.start = this.stateOf([this.frame(root, 0, 0, undefined)]);
  }

  /** Where only some of a state's frames are gone on with. */
  part(frames: readonly LeafFrame[]): State {
    return this.stateOf(frames);
  }

  /** Undefined where no answer goes on with `byte`. */
  step(state: State, byte: number): State | undefined {
    if (state.age !== this.age) {
      state.next = [];
      state.age = this.age;
    }
    let next = state.next[byte];
    if (next === undefined) {
      const after = new Set<Frame | undefined>();
      this.effort += state.frames.length;
      for (const frame of state.frames) this.read(frame, byte, after);
      next = after.size === 0 ? null : this.stateOf(after);
      // Forgetting may just have happened; then the transition is forgotten with the rest.
      if (state.age === this.age) {
        if (state.next.length === 0) state.next = new Array<State | null | undefined>(BYTES).fill(undefined);
        state.next[byte] = next;
      }
    }
    return next ?? undefined;
  }

  private forget(): void {
    this.frames.clear();
    this.states.clear();
    this.age += 1;
  }

  private stateOf(frames: Iterable<Frame | undefined>): State {
    const { leaves, complete } = this.close(frames);
    const key = `${leaves.map(({ id }) => id).join()}${complete ? '.' : ''}`;
    const known = this.states.get(key);
    if (known) return known;
    if (this.states.size >= this.limits.states) this.forget();
    const state: State = { id: this.stateCount, frames: leaves, complete, next: [], age: this.age };
    this.stateCount += 1;
    this.states.set(key, state);
    return state;
  }

  /** Follows everything that needs no byte. */
  private close(frames: Iterable<Frame | undefined>) {
    const seen = new Set<Frame | undefined>(frames);
    const leaves: LeafFrame[] = [];
    // A set is walked in the order of insertion, and what is added on the way is walked as well.
    for (const frame of seen) {
      if (!frame) continue;
      if (isLeaf(frame)) leaves.push(frame);
      else this.expand(frame, seen);
      if (seen.size > this.limits.frames) throw tooComplex();
    }
    this.effort += seen.size;
    leaves.sort((a, b) => a.id - b.id);
    return { leaves, complete: seen.has(undefined) };
  }

  private expand(frame: Frame, into: Set<Frame | undefined>): void {
    const { op, at, after } = frame;
    switch (op.kind) {
      case 'sequence': {
        const part = op.parts[at];
        if (!part) into.add(after);
        else {
          const last = at + 1 === op.parts.length;
          this.begin(part, last ? after : this.frame(op, at + 1, 0, after), into);
        }
        return;
      }
      case 'choice':
        for (const option of op.options) this.begin(option, after, into);
        return;
      case 'reference':
        if (op.target) this.begin(op.target, after, into);
        return;
      case 'list': {
        if (at >= op.min) into.add(after);
        if (at >= op.max) return;
        // Beyond the least number, an unbounded list no longer counts.
        const counted = op.max === Number.POSITIVE_INFINITY ? Math.min(at + 1, Math.max(1, op.min)) : at + 1;
        const rest = this.frame(op, counted, 0, after);
        const item = this.satisfiable[op.item.id] === 1;
        if (item && at === 0) this.begin(op.item, rest, into);
        else if (item) this.begin(op.between, this.frame(op.item, 0, 0, rest), into);
        return;
      }
      case 'members':
        this.expandMembers(op, frame, into);
        return;
      case 'bytes':
      case 'class':
      case 'string':
      case 'other-name':
      // These wait for a byte.
    }
  }

  /**
   * `at` is the next member that may come. `count` is 0 before the first, 1 after one, and 2 after the comma
   * that another must follow.
   */
  private expandMembers(op: MembersOp, frame: Frame, into: Set<Frame | undefined>): void {
    const { at, count, after } = frame;
    const next = this.nextMembers(op, at);
    if (count === 1) {
      if (next.length > 0) this.begin(op.between, this.frame(op, at, 2, after), into);
    } else {
      for (const { member, rest } of next) this.begin(member, this.frame(op, rest, 1, after), into);
    }
    const done = !op.members.slice(at).some(({ required }) => required);
    if (count < 2 && done) into.add(after);
  }

  private nextMembers(op: MembersOp, at: number): { readonly member: Op; readonly rest: number }[] {
    const next: { readonly member: Op; readonly rest: number }[] = [];
    for (let index = at; index < op.members.length; index += 1) {
      const member = op.members[index];
      if (!member) continue;
      if (this.satisfiable[member.op.id] === 1) next.push({ member: member.op, rest: index + 1 });
      if (member.required) return next;
    }
    if (op.others && this.satisfiable[op.others.id] === 1) {
      next.push({ member: op.others, rest: op.members.length });
    }
    return next;
  }

  private begin(op: Op, after: Frame | undefined, into: Set<Frame | undefined>): void {
    if (this.satisfiable[op.id] === 1) into.add(this.frame(op, 0, 0, after));
  }

  private read(frame: LeafFrame, byte: number, into: Set<Frame | undefined>): void {
    const { op, at, count, after } = frame;
    switch (op.kind) {
      case 'bytes':
        if (op.bytes[at] !== byte) return;
        into.add(at + 1 === op.bytes.length ? after : this.frame(op, at + 1, 0, after));
        return;
      case 'class':
        if (op.members[byte] === 1) into.add(after);
        return;
      case 'string': {
        const next = readStringByte(at, byte);
        if (next === REFUSED) return;
        if (next === CLOSED) {
          if (count >= op.min) into.add(after);
          return;
        }
        if (at === Within.Ready && count >= op.max) return;
        const begun = at === Within.Ready ? count + 1 : count;
        const counted = op.max === Number.POSITIVE_INFINITY ? Math.min(begun, op.min) : begun;
        into.add(this.frame(op, next, counted, after));
        return;
      }
      case 'other-name': {
        // Where a declared name may still be meant, an escape could spell it differently.
        const next = readStringByte(at, byte);
        const declared = count !== OFF_TRIE;
        if (next === REFUSED || (next === Within.Escape && declared)) return;
        if (next === CLOSED) {
          if (!op.declared.endsAt(count)) into.add(after);
          return;
        }
        into.add(this.frame(op, next, declared ? op.declared.next(count, byte) : OFF_TRIE, after));
      }
    }
  }

  /** The same place and stack is the same object, until all are forgotten. */
  private frame(op: Op, at: number, count: number, after: Frame | undefined): Frame {
    const key = `${op.id},${at},${count},${after?.id ?? ''}`;
    const known = this.frames.get(key);
    if (known) return known;
    const frame: Frame = { id: this.frameCount, op, at, count, after };
    this.frameCount += 1;
    this.frames.set(key, frame);
    return frame;
  }
}

function isLeaf(frame: Frame): frame is LeafFrame {
  const { kind } = frame.op;
  return kind === 'bytes' || kind === 'class' || kind === 'string' || kind === 'other-name';
}

export const tooComplex = () =>
  new DomainError(
    'invalid',
    'JSON_SCHEMA_TOO_LARGE',
    'The JSON schema leaves too many ways to read one text: give its alternatives properties that tell them apart.',
    { details: { param: 'json_schema' } },
  );
