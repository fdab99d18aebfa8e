export {
  type Adapter,
  type AdapterFiles,
  type AdapterRefusal,
  adapterDigest,
  adapterDigestOf,
  configFile,
  weightsFile,
} from './adapter.js';
export { maxRank, type PeftConfig, parsePeftConfig } from './peft-config.js';
export { encodeAdapter, parseAdapter, readAdapterFolder, writeAdapterFolder } from './peft-folder.js';
export {
  parseTrainingLog,
  recipeOf,
  TrainingLog,
  trainingLogFormat,
} from './training-log.js';
