import type { ModelDeployed } from '@openledger/contracts';
import { newId, sha256 } from '@openledger/kernel';

/** A deployment as training tells it, of files that are nowhere; what a test cares for, it says. */
export const deployedModel = (fields: Partial<ModelDeployed> = {}): ModelDeployed => ({
  modelId: newId(),
  name: 'law',
  runId: newId(),
  developerOrganisationId: newId(),
  baseDigest: sha256('base'),
  baseName: 'tiny',
  adapterDigest: sha256('adapter'),
  adapterConfigBlob: sha256('config'),
  adapterWeightsBlob: sha256('weights'),
  lineageBlob: sha256('lineage'),
  datanetIds: [],
  price: { promptWeiPerMillion: '1', completionWeiPerMillion: '1' },
  trainingLogBlob: sha256('log'),
  parentModelId: '',
  deployedAt: new Date(),
  ...fields,
});
