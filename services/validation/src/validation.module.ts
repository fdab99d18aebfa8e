import type { DynamicModule } from '@nestjs/common';
import { FolderBlobStore } from '@openledger/blob-store';
import { loadConfig } from '@openledger/config';
import type { Composition, Host } from '@openledger/service-host';
import { AssessContribution } from './application/assess-contribution.js';
import { LinkParties } from './application/link-parties.js';
import { ReadAssessment } from './application/read-assessment.js';
import { ReadParties } from './application/read-parties.js';
import { RegisterDatanet } from './application/register-datanet.js';
import { ValidationConfig } from './config.js';
import { AssessmentsController } from './inbound/assessments.rest.js';
import { PartiesController } from './inbound/parties.rest.js';
import { subscriptions } from './inbound/subscriptions.js';
import { PostgresAssessmentStore } from './outbound/assessment-store.postgres.js';
import { AssessorThread } from './outbound/assessor-thread.js';
import { PostgresReadModels } from './outbound/read-models.postgres.js';

class ValidationModule {
  static with(readAssessment: ReadAssessment, readParties: ReadParties): DynamicModule {
    return {
      module: ValidationModule,
      controllers: [AssessmentsController, PartiesController],
      providers: [
        { provide: ReadAssessment, useValue: readAssessment },
        { provide: ReadParties, useValue: readParties },
      ],
    };
  }
}

/** Puts the service together. */
export async function composeValidation(host: Host): Promise<Composition> {
  const config = loadConfig(ValidationConfig, host.env);
  const blobs = await FolderBlobStore.open(config.BLOB_DIR);
  const store = new PostgresAssessmentStore(host.database);
  const models = new PostgresReadModels(host.database);
  const assessContribution = new AssessContribution({
    store,
    blobs,
    assessor: new AssessorThread(config.ASSESSOR_HEAP_MB),
    linkParties: new LinkParties({
      copiesMin: config.PARTY_COPIES_MIN,
      sharePercentMin: config.PARTY_SHARE_PERCENT_MIN,
    }),
    clock: host.clock,
    limits: {
      bytesMax: config.CONTRIBUTION_BYTES_MAX,
      recordsMax: config.CONTRIBUTION_RECORDS_MAX,
      qualityMin: config.QUALITY_MIN,
    },
  });
  const registerDatanet = new RegisterDatanet(store);
  return {
    module: ValidationModule.with(new ReadAssessment(models, blobs), new ReadParties(models)),
    handlers: subscriptions({ registerDatanet, assessContribution, eventLog: host.eventLog }),
  };
}
