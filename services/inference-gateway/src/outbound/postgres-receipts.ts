import type { BlobStore } from '@openledger/blob-store';
import { encodeEvent, InferenceServed, topics } from '@openledger/contracts';
import { canonicalJson, derivedId } from '@openledger/kernel';
import type { Database, Transaction } from '@openledger/persistence';
import type { Receipt, Receipts, WorkerReceipt } from '../application/ports.js';

export class PostgresReceipts implements Receipts {
  constructor(
    private readonly database: Database,
    private readonly blobs: BlobStore,
  ) {}

  async record(receipt: Receipt): Promise<void> {
    const { promptTokens, completionTokens } = receipt;
    const tokens = canonicalJson({ promptTokens, completionTokens });
    // Before the event: whoever reads the event finds the blob.
    const tokensBlob = await this.blobs.put(Buffer.from(tokens));
    await this.database.transaction(async (tx) => {
      await insert(tx, receipt, tokensBlob);
      // A free answer has no price to split and no contributors to pay.
      if (receipt.model.adapter)
        await tx.emit(servedEvent(receipt, receipt.model.adapter.digest, tokensBlob));
    });
  }
}

function insert(tx: Transaction, receipt: Receipt, tokensBlob: string): Promise<unknown> {
  return tx.query(
    `INSERT INTO served_request VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
     ON CONFLICT (request_id) DO NOTHING`,
    [
      receipt.requestId,
      receipt.organisationId,
      receipt.model.modelId,
      receipt.model.name,
      receipt.model.adapter?.digest ?? '',
      receipt.holdId,
      tokensBlob,
      receipt.promptTokens.length,
      receipt.completionTokens.length,
      receipt.finishReason,
      receipt.servedAt,
      receipt.timeToFirstTokenMs,
      receipt.durationMs,
    ],
  );
}

function servedEvent(receipt: Receipt, adapterDigest: string, tokensBlob: string) {
  const { requestId, model } = receipt;
  return encodeEvent(
    topics.inferenceServed,
    derivedId(requestId, topics.inferenceServed.name),
    InferenceServed.fromPartial({
      requestId,
      modelId: model.modelId,
      modelName: model.name,
      baseDigest: model.baseDigest,
      adapterDigest,
      payerOrganisationId: receipt.organisationId,
      holdId: receipt.holdId,
      usage: {
        promptTokens: receipt.promptTokens.length,
        completionTokens: receipt.completionTokens.length,
        cachedTokens: receipt.cachedTokens,
      },
      tokensBlob,
      finishReason: receipt.finishReason,
      servedAt: receipt.servedAt,
      timeToFirstTokenMs: receipt.timeToFirstTokenMs,
      durationMs: receipt.durationMs,
      ...(receipt.workerReceipt ? { workerReceipt: toWireReceipt(receipt.workerReceipt) } : {}),
    }),
  );
}

const toWireReceipt = ({ statement, publicKey, signature }: WorkerReceipt) => ({
  statement,
  publicKey: Buffer.from(publicKey),
  signature: Buffer.from(signature),
});
