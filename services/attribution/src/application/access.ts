import { DomainError } from '@openledger/kernel';
import type { AnswerStatus, ReadStore, VersionStatus } from './store-port.js';

/** Who asks. */
export interface Reader {
  readonly personId: string;
  readonly organisationId?: string;
}

/** An answer and what its reader is to it. */
export interface ReadableAnswer {
  readonly answer: AnswerStatus;
  readonly version?: VersionStatus;
  readonly isPayer: boolean;
}

/**
 * The organisation that paid for an answer may read of it, and so may whoever has a stake in its model or a share
 * in it: who earned nothing wants to know why most of all. For anybody else there is no such answer.
 *
 * @throws DomainError ATTRIBUTION_UNKNOWN
 */
export async function readable(reads: ReadStore, requestId: string, reader: Reader): Promise<ReadableAnswer> {
  const answer = await reads.answer(requestId);
  if (!answer) throw unknown(requestId);
  const version = await reads.version(answer.modelId, answer.adapterDigest);
  const isPayer = reader.organisationId === answer.payerOrganisationId;
  if (!isPayer && !earnsFrom(answer, version, reader.personId)) throw unknown(requestId);
  return { answer, isPayer, ...(version && { version }) };
}

function earnsFrom({ result }: AnswerStatus, version: VersionStatus | undefined, personId: string): boolean {
  const everybody = [...(version?.index?.stakes ?? []), ...(result?.contributors ?? [])];
  return everybody.some(({ contributorId }) => contributorId === personId);
}

const unknown = (requestId: string): DomainError =>
  new DomainError(
    'not-found',
    'ATTRIBUTION_UNKNOWN',
    `There is no answer ${requestId} that you paid for, or whose model you have a stake in.`,
  );
