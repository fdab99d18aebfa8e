import type { RecordOwner, RecordRegistry } from './record-registry.js';

/** Records named by an answer's retrieved chunks. */
export abstract class AnswerContextReader {
  /** @param tokensBlob as `inference.served.v1` names it */
  abstract recordIds(tokensBlob: string): Promise<readonly string[]>;
}

/** Finds whose the chunks of an answer are, at the time of scoring. */
export class ContextOwners {
  constructor(
    private readonly registry: RecordRegistry,
    private readonly reader: AnswerContextReader,
  ) {}

  /** By record. A name that no accepted record has is not in it. */
  async of(tokensBlob: string): Promise<ReadonlyMap<string, RecordOwner>> {
    const ids = await this.reader.recordIds(tokensBlob);
    return ids.length === 0 ? new Map() : this.registry.recordOwners(ids);
  }
}
