import type { BlobStore } from '@openledger/blob-store';
import { encodeEvent, fromPrice, InferenceServed, topics } from '@openledger/contracts';
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
    const context = receipt.context.map((range) => ({ ...range }));
    const tokens = canonicalJson({
      promptTokens,
      completionTokens,
      ...(context.length > 0 ? { context } : {}),
    });
    // Before the event: whoever reads the event finds the blob.
    const tokensBlob = await this.blobs.put(Buffer.from(tokens));
    await this.database.transaction(async (tx) => {
      const holdId = await insert(tx, receipt, tokensBlob);
      // A free answer has no price to split and no contributors to pay.
      if (holdId !== undefined && receipt.model.adapter)
        await tx.emit(servedEvent({ ...receipt, holdId }, receipt.model.adapter.digest, tokensBlob));
    });
  }
}

/**
 * A lease that was closed meanwhile has its receipts counted: this one then names none and is charged to the balance. A
 * hold has the request's own id. Answers what is named; undefined when the request was recorded before.
 */
async function insert(tx: Transaction, receipt: Receipt, tokensBlob: string): Promise<string | undefined> {
  const { workerReceipt } = receipt;
  const [row] = await tx.query<{ hold_id: string }>(
    `INSERT INTO served_request (request_id, organisation_id, model_id, model_name, adapter_digest, hold_id,
       tokens_blob, prompt_tokens, completion_tokens, finish_reason, served_at, time_to_first_token_ms,
       duration_ms, cached_tokens, prompt_wei_per_million, completion_wei_per_million, fee, worker_statement,
       worker_public_key, worker_signature, cached_prompt_wei_per_million)
     VALUES ($1::uuid, $2, $3, $4, $5,
       CASE WHEN $6::text IN ('', $1::uuid::text) THEN $6::text ELSE
         coalesce((SELECT id FROM spend_lease WHERE id = $6::text AND closed_at IS NULL FOR KEY SHARE), '') END,
       $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)
     ON CONFLICT (request_id) DO NOTHING RETURNING hold_id`,
    [
      receipt.requestId,
      receipt.organisationId,
      receipt.model.modelId,
      receipt.model.name,
      receipt.model.adapter?.digest ?? '',
      receipt.holdId,
      tokensBlob,
      receipt.promptTokensBilled,
      receipt.completionTokens.length,
      receipt.finishReason,
      receipt.servedAt,
      receipt.timeToFirstTokenMs,
      receipt.durationMs,
      receipt.cachedTokens,
      receipt.price?.promptWeiPerMillion.toString(),
      receipt.price?.completionWeiPerMillion.toString(),
      receipt.feeWei.toString(),
      workerReceipt?.statement,
      workerReceipt && Buffer.from(workerReceipt.publicKey),
      workerReceipt && Buffer.from(workerReceipt.signature),
      receipt.price?.cachedPromptWeiPerMillion?.toString(),
    ],
  );
  return row?.hold_id;
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
        promptTokens: receipt.promptTokensBilled,
        completionTokens: receipt.completionTokens.length,
        cachedTokens: receipt.cachedTokens,
      },
      tokensBlob,
      finishReason: receipt.finishReason,
      servedAt: receipt.servedAt,
      timeToFirstTokenMs: receipt.timeToFirstTokenMs,
      durationMs: receipt.durationMs,
      ...(receipt.price ? { ...fromPrice(receipt.price), feeWei: receipt.feeWei.toString() } : {}),
      ...(receipt.workerReceipt ? { workerReceipt: toWireReceipt(receipt.workerReceipt) } : {}),
    }),
  );
}

const toWireReceipt = ({ statement, publicKey, signature }: WorkerReceipt) => ({
  statement,
  publicKey: Buffer.from(publicKey),
  signature: Buffer.from(signature),
});
