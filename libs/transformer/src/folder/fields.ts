import { DomainError } from '@openledger/kernel';

/** A JSON object of a model folder, read field by field. */
export class Fields {
  constructor(
    private readonly file: string,
    private readonly values: Readonly<Record<string, unknown>>,
  ) {}

  static parse(file: string, text: string): Fields {
    let parsed: unknown;
    try {
      parsed = JSON.parse(text);
    } catch (cause) {
      throw unsupported(`${file} is not JSON.`, cause);
    }
    return Fields.of(file, parsed);
  }

  static of(file: string, value: unknown): Fields {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw unsupported(`${file} is not a JSON object.`);
    }
    return new Fields(file, { ...value });
  }

  has(name: string): boolean {
    return this.values[name] !== undefined && this.values[name] !== null;
  }

  all(): Readonly<Record<string, unknown>> {
    return this.values;
  }

  raw(name: string): unknown {
    return this.values[name] ?? undefined;
  }

  /** A nested object; an empty one where it is absent. */
  object(name: string): Fields {
    return Fields.of(`${this.file}: ${name}`, this.values[name] ?? {});
  }

  text(name: string, fallback?: string): string {
    const value = this.values[name] ?? fallback;
    if (typeof value !== 'string') throw this.wrong(name, 'a text');
    return value;
  }

  flag(name: string, fallback: boolean): boolean {
    const value = this.values[name] ?? fallback;
    if (typeof value !== 'boolean') throw this.wrong(name, 'true or false');
    return value;
  }

  /** A whole number of [1, most]. */
  count(name: string, most: number, fallback?: number): number {
    const value = this.values[name] ?? fallback;
    if (!Number.isSafeInteger(value) || (value as number) < 1 || (value as number) > most) {
      throw this.wrong(name, `a whole number from 1 to ${most}`);
    }
    return value as number;
  }

  positive(name: string, fallback?: number): number {
    const value = this.values[name] ?? fallback;
    if (typeof value !== 'number' || !Number.isFinite(value) || value <= 0) {
      throw this.wrong(name, 'a positive number');
    }
    return value;
  }

  /** One token id or a list of them. */
  tokenIds(name: string, vocabSize: number): number[] {
    const value = this.values[name] ?? [];
    const ids: unknown[] = Array.isArray(value) ? value : [value];
    if (
      !ids.every((id): id is number => Number.isSafeInteger(id) && Number(id) >= 0 && Number(id) < vocabSize)
    ) {
      throw this.wrong(name, 'token ids of the vocabulary');
    }
    return ids;
  }

  private wrong(name: string, expected: string): DomainError {
    return unsupported(`${this.file} must give "${name}" as ${expected}.`);
  }
}

export function unsupported(message: string, cause?: unknown): DomainError {
  return new DomainError('invalid', 'UNSUPPORTED_MODEL', message, { cause });
}
