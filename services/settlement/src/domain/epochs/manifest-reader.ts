import { canonicalJson, DomainError, type Json, sha256 } from '@openledger/kernel';
import { linkOf } from './manifest.js';

type Fields = Readonly<Record<string, Json>>;

/** What was found not to be as it should. */
export function differs(where: string, what: string): DomainError {
  return new DomainError('conflict', 'EPOCH_DIFFERS', `${where}: ${what}`, { details: { where, what } });
}

/** One line of a manifest; each getter checks what it reads. @throws DomainError EPOCH_DIFFERS */
export class ManifestLine {
  constructor(
    readonly where: string,
    private readonly fields: Fields,
  ) {}

  get kind(): string {
    return this.text('kind');
  }

  text(name: string): string {
    const value = this.fields[name];
    return typeof value === 'string' ? value : this.fail(`${name} is no text`);
  }

  number(name: string): number {
    const value = this.fields[name];
    return Number.isSafeInteger(value) && Number(value) >= 0
      ? Number(value)
      : this.fail(`${name} is no whole number`);
  }

  /** Decimal digits, at most those of a uint128. */
  wei(name: string): bigint {
    return weiOf(this.text(name)) ?? this.fail(`${name} is no amount`);
  }

  /** ISO 8601 in UTC, to the millisecond. */
  time(name: string): Date {
    const text = this.text(name);
    const time = new Date(text);
    return !Number.isNaN(time.getTime()) && time.toISOString() === text
      ? time
      : this.fail(`${name} is no time`);
  }

  list(name: string): readonly Json[] {
    const value = this.fields[name];
    return Array.isArray(value) ? value : this.fail(`${name} is no list`);
  }

  has(name: string): boolean {
    return this.fields[name] !== undefined;
  }

  /** An object within the line, under the same place. */
  object(name: string): ManifestLine {
    const value = this.fields[name];
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isObject ? new ManifestLine(this.where, value as Fields) : this.fail(`${name} is no object`);
  }

  /** @throws DomainError EPOCH_DIFFERS unless both are the same */
  expect(what: string, actual: bigint | number | string, expected: bigint | number | string): void {
    if (actual !== expected) this.fail(`${what} is ${actual}, and should be ${expected}`);
  }

  fail(what: string): never {
    throw differs(this.where, what);
  }
}

const DIGITS = /^(0|[1-9]\d{0,38})$/;

export const weiOf = (text: Json | undefined): bigint | undefined =>
  typeof text === 'string' && DIGITS.test(text) ? BigInt(text) : undefined;

/** Reads the lines of one manifest in order, and finds the first that is not as it was written. */
export class ManifestReader {
  private link = '';
  private count = 0;

  constructor(private readonly name: string) {}

  /** @param text without its line feed */
  read(text: string): ManifestLine {
    this.count += 1;
    const where = `${this.name}, line ${this.count}`;
    const fields = parseObject(where, text);
    const { link, ...rest } = fields;
    this.link = linkOf(this.link, canonicalJson(rest));
    const line = new ManifestLine(where, fields);
    if (link !== this.link || canonicalJson(fields) !== text) line.fail('the line is not as it was written');
    return line;
  }
}

function parseObject(where: string, text: string): Fields {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields;
  } catch {
    // Said below, like everything else that is no object.
  }
  throw differs(where, `no JSON object (${sha256(text).slice(0, 8)})`);
}
