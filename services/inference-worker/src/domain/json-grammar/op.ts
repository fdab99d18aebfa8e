import type { NameTrie } from './name-trie.js';

/** Ops are numbered within their grammar, from 0. */
interface Numbered {
  readonly id: number;
}

/** Exactly these bytes; at least one. */
export interface BytesOp extends Numbered {
  readonly kind: 'bytes';
  readonly bytes: Uint8Array;
}

/** One byte of these. */
export interface ClassOp extends Numbered {
  readonly kind: 'class';
  /** Indexed by byte; 1 where the byte belongs. */
  readonly members: Uint8Array;
}

/** The rest of a JSON string after its opening quote, counted in code points. */
export interface StringOp extends Numbered {
  readonly kind: 'string';
  readonly min: number;
  readonly max: number;
}

/** The rest of a property's name that is none of those declared. */
export interface OtherNameOp extends Numbered {
  readonly kind: 'other-name';
  readonly declared: NameTrie;
}

export interface SequenceOp extends Numbered {
  readonly kind: 'sequence';
  readonly parts: readonly Op[];
}

export interface ChoiceOp extends Numbered {
  readonly kind: 'choice';
  readonly options: readonly Op[];
}

/** From `min` to `max` times the same; `between` stands between two. */
export interface ListOp extends Numbered {
  readonly kind: 'list';
  readonly item: Op;
  readonly between: Op;
  readonly min: number;
  readonly max: number;
}

export interface Member {
  readonly required: boolean;
  readonly op: Op;
}

/** Members of an object, in the order in which they are declared, then any number of `others`. */
export interface MembersOp extends Numbered {
  readonly kind: 'members';
  readonly members: readonly Member[];
  readonly others: Op | undefined;
  readonly between: Op;
}

/** What a definition says; set once the definition has been read, so that it may contain itself. */
export interface ReferenceOp extends Numbered {
  readonly kind: 'reference';
  target: Op | undefined;
}

export type LeafOp = BytesOp | ClassOp | StringOp | OtherNameOp;
export type Op = LeafOp | SequenceOp | ChoiceOp | ListOp | MembersOp | ReferenceOp;

/**
 * For each op, whether any finite text satisfies it: the least fixed point. What none satisfies is never
 * begun, so that every beginning of an answer has an end.
 */
export function satisfiable(ops: readonly Op[]): Uint8Array {
  const found = new Uint8Array(ops.length);
  const holds = (op: Op): boolean => found[op.id] === 1;
  const users: Op[][] = ops.map(() => []);
  for (const op of ops) for (const part of partsOf(op)) users[part.id]?.push(op);
  const queue = [...ops];
  for (let op = queue.pop(); op; op = queue.pop()) {
    if (holds(op) || !isSatisfiable(op, holds)) continue;
    found[op.id] = 1;
    queue.push(...(users[op.id] ?? []).filter((user) => !holds(user)));
  }
  return found;
}

function partsOf(op: Op): readonly Op[] {
  switch (op.kind) {
    case 'sequence':
      return op.parts;
    case 'choice':
      return op.options;
    case 'list':
      return [op.item];
    case 'members':
      return op.members.map((member) => member.op);
    case 'reference':
      return op.target ? [op.target] : [];
    default:
      return [];
  }
}

function isSatisfiable(op: Op, holds: (op: Op) => boolean): boolean {
  switch (op.kind) {
    case 'sequence':
      return op.parts.every(holds);
    case 'choice':
      return op.options.some(holds);
    case 'list':
      return op.min === 0 || (op.min <= op.max && holds(op.item));
    case 'members':
      return op.members.every((member) => !member.required || holds(member.op));
    case 'reference':
      return op.target !== undefined && holds(op.target);
    case 'string':
      return op.min <= op.max;
    default:
      return true;
  }
}
