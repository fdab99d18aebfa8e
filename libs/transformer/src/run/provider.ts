import { DomainError } from '@openledger/kernel';
import { add, encodeModel, Graph } from '@openledger/onnx-graph';
import { env, InferenceSession, listSupportedBackends } from 'onnxruntime-node';
import type { Precision } from '../graph/precision.js';

/** Processors that a graph can be computed on. */
export const providers = ['cpu', 'webgpu', 'cuda'] as const;

export type Provider = (typeof providers)[number];

/**
 * Precisions with kernels on each. Graphics processors have none for the 8-bit product, which would
 * fall back to this processor and cross the bus twice a layer.
 */
export const providerPrecisions: Readonly<Record<Provider, readonly Precision[]>> = {
  cpu: ['int4', 'int8', 'float32'],
  webgpu: ['int4', 'float32'],
  cuda: ['int4', 'float32'],
};

/**
 * Refuses a provider that this runtime cannot use. What it lists may still lack its libraries or a
 * device, which only opening a session tells.
 *
 * @throws DomainError PROVIDER_UNAVAILABLE
 */
export async function requireProvider(provider: Provider, known = runtimeProviders()): Promise<void> {
  if (!known.includes(provider)) {
    throw unavailable(provider, `This ONNX Runtime was built for ${known.join(', ')}`);
  }
  if (provider === 'cpu') return;
  const graph = new Graph();
  const x = graph.input('x', 'float32', [1]);
  graph.output('y', add(x, x));
  const session = await InferenceSession.create(encodeModel(graph), {
    executionProviders: [provider],
    logSeverityLevel: 4,
  }).catch((cause: unknown) => {
    throw unavailable(provider, 'ONNX Runtime found no libraries or no device for it', cause);
  });
  await session.release();
}

/** Version of ONNX Runtime; another may round otherwise. */
export const runtimeVersion = (): string => env.versions.node ?? env.versions.common;

function unavailable(provider: Provider, why: string, cause?: unknown): DomainError {
  return new DomainError(
    'precondition',
    'PROVIDER_UNAVAILABLE',
    `Nothing can be computed on ${provider} here: ${why}. Install what it needs or choose cpu.`,
    { cause },
  );
}

function runtimeProviders(): string[] {
  return listSupportedBackends().map(({ name }) => name);
}
