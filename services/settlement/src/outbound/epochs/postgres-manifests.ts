import { createHash, type Hash } from 'node:crypto';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import { newId } from '@openledger/kernel';
import type { Database } from '@openledger/persistence';
import { ManifestStore } from '../../application/epochs/manifest-ports.js';
import { type ChainLine, type LedgerLine, LineChain } from '../../domain/epochs/manifest.js';

/** Of a segment before it is compressed. */
const SEGMENT_BYTES = 4 * 2 ** 20;

/**
 * Manifests in compressed segments beside the rows that they were written from, so that they are backed up and restored
 * together, and a reader needs one segment of memory.
 */
export class PostgresManifests extends ManifestStore {
  constructor(private readonly database: Database) {
    super();
  }

  /** Under a name of its own until its hash is known; what a crash leaves of one is removed by the next. */
  async put(lines: AsyncIterable<LedgerLine | ChainLine>): Promise<string> {
    const draft = `draft:${newId()}`;
    try {
      const hash = await this.putSegments(draft, lines);
      await this.publish(draft, hash);
      return hash;
    } finally {
      await this.database.query('DELETE FROM manifest_segment WHERE manifest = $1', [draft]);
    }
  }

  async read(manifest: string): Promise<AsyncIterable<Uint8Array> | undefined> {
    const first = await this.segment(manifest, 0);
    return first && this.segments(manifest, first);
  }

  private async *segments(manifest: string, first: Uint8Array): AsyncGenerator<Uint8Array> {
    for (let number = 0, body: Uint8Array | undefined = first; body; ) {
      yield body;
      number += 1;
      body = await this.segment(manifest, number);
    }
  }

  private async putSegments(draft: string, lines: AsyncIterable<LedgerLine | ChainLine>): Promise<string> {
    const hash = createHash('sha256');
    const chain = new LineChain();
    let number = 0;
    let text = '';
    for await (const line of lines) {
      text += chain.write(line);
      if (text.length < SEGMENT_BYTES) continue;
      await this.putSegment(draft, number, text, hash);
      number += 1;
      text = '';
    }
    if (text !== '') await this.putSegment(draft, number, text, hash);
    return hash.digest('hex');
  }

  private async putSegment(draft: string, number: number, text: string, hash: Hash): Promise<void> {
    hash.update(text);
    const body = await promisify(gzip)(text);
    await this.database.query('INSERT INTO manifest_segment (manifest, number, body) VALUES ($1, $2, $3)', [
      draft,
      number,
      body,
    ]);
  }

  private async publish(draft: string, manifest: string): Promise<void> {
    await this.database.transaction(async (tx) => {
      await tx.query('SELECT pg_advisory_xact_lock(hashtext($1))', [manifest]);
      await tx.query(
        `UPDATE manifest_segment SET manifest = $2 WHERE manifest = $1
           AND NOT EXISTS (SELECT FROM manifest_segment known WHERE known.manifest = $2)`,
        [draft, manifest],
      );
      await tx.query(
        "DELETE FROM manifest_segment WHERE manifest LIKE 'draft:%' AND written_at < now() - interval '1 day'",
      );
    });
  }

  private async segment(manifest: string, number: number): Promise<Uint8Array | undefined> {
    const [row] = await this.database.query<{ body: Buffer }>(
      'SELECT body FROM manifest_segment WHERE manifest = $1 AND number = $2',
      [manifest, number],
    );
    return row && promisify(gunzip)(row.body, { maxOutputLength: 16 * SEGMENT_BYTES });
  }
}
