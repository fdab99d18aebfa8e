import { DomainError } from '@openledger/kernel';
import { NameTrie } from './name-trie.js';
import type { Member, Op, ReferenceOp } from './op.js';

/** Parts of one grammar; it takes some 100 bytes for each. */
const OPS_MAX = 10_000;
/** Spaces after a line break, enough for ten levels of four. */
const INDENT_MAX = 40;
const UNBOUNDED = Number.POSITIVE_INFINITY;

type Unnumbered = Op extends infer Kind ? (Kind extends Op ? Omit<Kind, 'id'> : never) : never;

/** Makes the ops of one grammar and numbers them. */
export class OpBuilder {
  readonly ops: Op[] = [];
  readonly empty = this.sequence([]);
  /** Nothing, a space, or a line break and an indent: JSON allows any amount, of which a model may never tire. */
  readonly space = this.choice([
    this.empty,
    this.text(' '),
    this.sequence([this.text('\n'), this.repeat(this.text(' '), 0, INDENT_MAX)]),
  ]);
  readonly comma = this.sequence([this.text(','), this.space]);
  readonly digit = this.oneOf('0123456789');
  readonly colon = this.sequence([this.text(':'), this.optional(this.text(' '))]);

  text(text: string): Op {
    return this.add({ kind: 'bytes', bytes: Buffer.from(text) });
  }

  /** One of these characters, all of ASCII. */
  oneOf(characters: string): Op {
    const members = new Uint8Array(256);
    for (const byte of Buffer.from(characters)) members[byte] = 1;
    return this.add({ kind: 'class', members });
  }

  /** One of these texts; what they begin with alike is read once. */
  oneText(texts: readonly string[]): Op {
    return this.oneOfBytes([...new Set(texts)].map((text) => Buffer.from(text).toString('latin1')).sort());
  }

  sequence(parts: readonly Op[]): Op {
    return this.add({ kind: 'sequence', parts });
  }

  choice(options: readonly Op[]): Op {
    return this.add({ kind: 'choice', options });
  }

  optional(op: Op): Op {
    return this.choice([this.empty, op]);
  }

  repeat(item: Op, min: number, max: number, between: Op = this.empty): Op {
    return this.add({ kind: 'list', item, between, min, max });
  }

  string(min = 0, max = UNBOUNDED): Op {
    return this.sequence([this.text('"'), this.add({ kind: 'string', min, max })]);
  }

  array(item: Op, min = 0, max = UNBOUNDED): Op {
    const items = this.repeat(item, min, max, this.comma);
    return this.sequence([this.text('['), this.space, items, this.space, this.text(']')]);
  }

  tuple(items: readonly Op[]): Op {
    const parts = items.flatMap((item, index) => (index === 0 ? [item] : [this.comma, item]));
    return this.sequence([this.text('['), this.space, ...parts, this.space, this.text(']')]);
  }

  object(
    properties: readonly { readonly name: string; readonly value: Op; readonly required: boolean }[],
    others: Op | undefined,
  ): Op {
    const members: Member[] = properties.map(({ name, value, required }) => ({
      required,
      op: this.sequence([this.text(JSON.stringify(name)), this.colon, value]),
    }));
    const declared = new NameTrie(properties.map(({ name }) => name));
    const name = properties.length === 0 ? this.string() : this.otherName(declared);
    const other = others && this.sequence([name, this.colon, others]);
    const list = this.add({ kind: 'members', members, others: other, between: this.comma });
    return this.sequence([this.text('{'), this.space, list, this.space, this.text('}')]);
  }

  reference(): ReferenceOp {
    const op: ReferenceOp = { kind: 'reference', id: this.ops.length, target: undefined };
    this.ops.push(op);
    return op;
  }

  /** @param texts sorted, none twice, one Latin-1 character a byte */
  private oneOfBytes(texts: readonly string[]): Op {
    const options: Op[] = [];
    for (let from = 0; from < texts.length; ) {
      const first = texts[from] ?? '';
      let to = from + 1;
      while (to < texts.length && texts[to]?.[0] === first[0]) to += 1;
      const last = texts[to - 1] ?? '';
      const shared = first === '' ? 0 : sharedLength(first, last);
      const prefix = shared === 0 ? [] : [this.bytes(first.slice(0, shared))];
      const rests = texts.slice(from, to).map((text) => text.slice(shared));
      options.push(
        rests.length === 1 && first === '' ? this.empty : this.sequence([...prefix, ...this.after(rests)]),
      );
      from = to;
    }
    return this.choice(options);
  }

  private after(rests: readonly string[]): readonly Op[] {
    return rests.length === 1 ? [] : [this.oneOfBytes(rests)];
  }

  private bytes(latin1: string): Op {
    return this.add({ kind: 'bytes', bytes: Buffer.from(latin1, 'latin1') });
  }

  private otherName(declared: NameTrie): Op {
    return this.sequence([this.text('"'), this.add({ kind: 'other-name', declared })]);
  }

  private add(op: Unnumbered): Op {
    if (this.ops.length >= OPS_MAX) throw tooLarge(`more than ${OPS_MAX} parts`);
    const numbered = { ...op, id: this.ops.length };
    this.ops.push(numbered);
    return numbered;
  }
}

/** Of two sorted texts, so of all between them. */
function sharedLength(first: string, last: string): number {
  let length = 0;
  while (length < first.length && first[length] === last[length]) length += 1;
  return length;
}

export const tooLarge = (what: string): DomainError =>
  new DomainError('invalid', 'JSON_SCHEMA_TOO_LARGE', `The JSON schema has ${what}.`, {
    details: { param: 'json_schema' },
  });
