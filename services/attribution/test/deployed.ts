import { type ModelDeployed, topics } from '@openledger/contracts';
import { newId, sha256 } from '@openledger/kernel';
import type { RunningAttribution } from './running-attribution.js';

/** A version of a model as training announces it; its files are nobody's. */
export function deployment(modelId = newId(), deployedAt = new Date()): ModelDeployed {
  return topics.modelDeployed.message.create({
    modelId,
    adapterDigest: sha256(`adapter ${newId()}`),
    baseDigest: sha256('base'),
    lineageBlob: sha256('lineage'),
    trainingLogBlob: sha256('log'),
    deployedAt,
  });
}

export async function deploy(running: RunningAttribution, event = deployment()): Promise<ModelDeployed> {
  await running.append(topics.modelDeployed, newId(), event);
  return event;
}

/** Tokens that nobody asked for twice. */
export const someAnswer = () => ({
  promptTokens: [1, 2, 3],
  completionTokens: Array.from({ length: 4 }, () => Math.floor(Math.random() * 1_000)),
});
