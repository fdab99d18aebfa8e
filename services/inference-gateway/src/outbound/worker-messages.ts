import { RunEmbedRequest, type RunResponse, RunRequest as WireRunRequest } from '@openledger/contracts';
import type { EmbedRequest, RunPiece, RunRequest, WorkRequest } from '../application/ports.js';

/** The port's requests as a worker's contract words them. */
export function toWireRun({
  requestId,
  promptTokens,
  adapters,
  sampling,
  tenant,
}: RunRequest): WireRunRequest {
  return WireRunRequest.fromPartial({
    requestId,
    promptTokens: [...promptTokens],
    adapters: [...adapters],
    sampling: { ...sampling, stop: [...sampling.stop] },
    tenant,
  });
}

export function toWireEmbed({ requestId, inputs, adapters, tenant }: EmbedRequest): RunEmbedRequest {
  return RunEmbedRequest.fromPartial({
    requestId,
    inputs: inputs.map((tokens) => ({ tokens: [...tokens] })),
    adapters: [...adapters],
    tenant,
  });
}

/** A piece without the receipt, which is the gateway's only once it has been checked. */
export const toPiece = ({ receipt: _, ...piece }: RunResponse): RunPiece => piece;

export const digestsOf = ({ adapters }: WorkRequest): string[] =>
  adapters.map(({ adapter }) => adapter.digest);

/** Adapters as a receipt names them: without a weight means 1. */
export const weightedDigests = ({ adapters }: WorkRequest) =>
  adapters.map(({ adapter, weight }) => ({ digest: adapter.digest, weight: weight || 1 }));
