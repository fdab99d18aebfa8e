import { DomainError, InvariantError, isId } from '@openledger/kernel';
import { type EventRecord, RECORD_BYTES_MAX } from './event-log.js';

/** Most records, and bytes of body, that one append or one fetch handles at a time. */
export const BATCH_RECORDS_MAX = 500;
/** Where a subscription takes records of a topic together, it reads as many as it takes, up to this. */
export const TOGETHER_RECORDS_MAX = 2_000;
export const BATCH_BYTES_MAX = 4 * 1024 * 1024;
const KEY_BYTES_MAX = 512;

/** @throws DomainError before anything is written when a record breaks the promises of the log. */
export function checkRecords(topic: string, records: readonly EventRecord[]): void {
  for (const record of records) {
    if (record.type !== topic) {
      throw new InvariantError(`event ${record.id} of type ${record.type} was appended to ${topic}`);
    }
    if (!isId(record.id)) {
      throw new DomainError('invalid', 'EVENT_ID_INVALID', `"${record.id}" is not a UUID: give events one.`);
    }
    const keyBytes = Buffer.byteLength(record.key);
    if (keyBytes === 0 || keyBytes > KEY_BYTES_MAX) {
      throw new DomainError(
        'invalid',
        'EVENT_KEY_INVALID',
        `The key of event ${record.id} has ${keyBytes} bytes: it needs 1 to ${KEY_BYTES_MAX}.`,
      );
    }
    if (record.body.byteLength > RECORD_BYTES_MAX) {
      throw new DomainError(
        'too-large',
        'EVENT_TOO_LARGE',
        `Event ${record.id} has ${record.body.byteLength} bytes, over ${RECORD_BYTES_MAX}: put the content into the blob store and send its SHA-256.`,
      );
    }
  }
}

/** Consecutive pieces within the given bounds; a single record is never larger than `bytesMax`. */
export function* inBatches(
  records: readonly EventRecord[],
  bytesMax = BATCH_BYTES_MAX,
): Generator<readonly EventRecord[]> {
  let start = 0;
  let bytes = 0;
  for (const [index, record] of records.entries()) {
    const full = index - start >= BATCH_RECORDS_MAX || bytes + record.body.byteLength > bytesMax;
    if (full && index > start) {
      yield records.slice(start, index);
      start = index;
      bytes = 0;
    }
    bytes += record.body.byteLength;
  }
  if (start < records.length) yield records.slice(start);
}

export function unknownTopic(topic: string): DomainError {
  return new DomainError(
    'not-found',
    'EVENT_TOPIC_UNKNOWN',
    `There is no topic "${topic}": create it before it is used.`,
  );
}

export function partitionsDiffer(topic: string, has: number, wanted: number): DomainError {
  return new DomainError(
    'conflict',
    'EVENT_TOPIC_PARTITIONS_FIXED',
    `Topic "${topic}" has ${has} partitions, not ${wanted}: changing them would break the order of keys, so make a new topic version.`,
  );
}

export function groupRunning(group: string, topic: string): DomainError {
  return new DomainError(
    'conflict',
    'EVENT_GROUP_RUNNING',
    `Group "${group}" still consumes "${topic}": stop its members before a reset.`,
  );
}
