import { isUtf8 } from 'node:buffer';
import type { BaseModel } from '../application/ports.js';

/** Tokens as OpenAI's clients are told them. */
export class Vocabulary {
  constructor(private readonly base: Pick<BaseModel, 'tokenBytes'>) {}

  /** A token that is only part of a character has no text of its own: its bytes are spelt out, as OpenAI does. */
  text(token: number): string {
    const bytes = this.base.tokenBytes(token);
    if (isUtf8(bytes)) return Buffer.from(bytes).toString();
    const spelt = Array.from(bytes, (byte) => `\\x${byte.toString(16).padStart(2, '0')}`);
    return `bytes:${spelt.join('')}`;
  }

  bytes(token: number): number[] {
    return [...this.base.tokenBytes(token)];
  }
}
