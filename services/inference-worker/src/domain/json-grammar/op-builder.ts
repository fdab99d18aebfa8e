import { DomainError } from '@openledger/kernel';
import { NameTrie } from './name-trie.js';
import type { Member, Op, ReferenceOp } from './op.js';

/** Parts of one grammar; it takes some 100 bytes for each. */
const OPS_MAX = 50_000;
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

export const tooLarge = (what: string): DomainError =>
  new DomainError('invalid', 'JSON_SCHEMA_TOO_LARGE', `The JSON schema has ${what}.`, {
    details: { param: 'json_schema' },
  });
