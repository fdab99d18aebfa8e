import { RunEmbedRequest, type RunResponse, RunRequest as WireRunRequest } from '@openledger/contracts';
import type { EmbedRequest, RunPiece, RunRequest } from '../application/ports.js';

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

export const toPiece = ({ receipt: _, ...piece }: RunResponse): RunPiece => piece;
