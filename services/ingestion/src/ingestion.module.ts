import { type DynamicModule, Module } from '@nestjs/common';
import { type BlobStore, FolderBlobStore } from '@openledger/blob-store';
import { loadConfig } from '@openledger/config';
import { topics } from '@openledger/contracts';
import { type Composition, type Host, on } from '@openledger/service-host';
import { CreateDatanet } from './application/create-datanet.js';
import { IngestionStore } from './application/ports.js';
import { ReadVerdicts } from './application/read-verdicts.js';
import { RecordAssessment } from './application/record-assessment.js';
import { SignContribution } from './application/sign-contribution.js';
import { UploadContribution } from './application/upload-contribution.js';
import { WithdrawContribution } from './application/withdraw-contribution.js';
import { IngestionConfig } from './config.js';
import { ContributionView } from './inbound/contribution-view.js';
import { ContributionsController } from './inbound/contributions.controller.js';
import { DatanetsController } from './inbound/datanets.controller.js';
import { UploadsController } from './inbound/uploads.controller.js';
import { WithdrawalsController } from './inbound/withdrawals.controller.js';
import { ChildProcessParser } from './outbound/child-process-parser.js';
import { EthersWallets } from './outbound/ethers-wallets.js';
import { FolderStaging } from './outbound/folder-staging.js';
import { PostgresIngestionStore } from './outbound/postgres-ingestion-store.js';
import { SpdxLicences } from './outbound/spdx-licences.js';
import { UnsignedSweep } from './outbound/unsigned-sweep.js';

@Module({})
class IngestionModule {}

/** A verdict is a few hundred bytes, of up to 50,000 records; some name many matches. */
const VERDICTS_BYTES_MAX = 256 * 1024 * 1024;

/** Uploads in the scratch folder at once. */
const UPLOADS_MAX = 64;

/** Puts the service together on a host. */
export async function compose({ env, database, clock, log }: Host): Promise<Composition> {
  const config = loadConfig(IngestionConfig, env);
  const blobs = await FolderBlobStore.open(config.BLOB_DIR);
  const store = new PostgresIngestionStore(database);
  const licences = new SpdxLicences();
  const { CHAIN_ID: chainId } = config;
  const limits = {
    uploadBytesMax: config.UPLOAD_BYTES_MAX,
    lineBytesMax: config.LINE_BYTES_MAX,
    uploadsMax: UPLOADS_MAX,
  };
  const staging = await FolderStaging.open(config.UPLOAD_DIR, limits, clock.now().getTime());
  const parser = parserOf(blobs, config);
  const verdicts = { read: (digest: string) => blobs.get(digest, VERDICTS_BYTES_MAX) };
  const assessment = new RecordAssessment(store);
  const sweep = new UnsignedSweep(store, clock, log);
  const module: DynamicModule = {
    module: IngestionModule,
    controllers: [DatanetsController, UploadsController, ContributionsController, WithdrawalsController],
    providers: [
      { provide: IngestionStore, useValue: store },
      { provide: CreateDatanet, useValue: new CreateDatanet(store, licences, clock) },
      {
        provide: UploadContribution,
        useValue: new UploadContribution({ store, licences, staging, parser, clock }),
      },
      {
        provide: SignContribution,
        useValue: new SignContribution({ store, wallets: new EthersWallets(), clock, chainId }),
      },
      { provide: WithdrawContribution, useValue: new WithdrawContribution(store, clock) },
      { provide: ReadVerdicts, useValue: new ReadVerdicts(verdicts) },
      { provide: ContributionView, useValue: new ContributionView(chainId) },
    ],
  };
  return {
    module,
    handlers: [on(topics.contributionAssessed, (event, record) => assessment.run(record.id, event))],
    start: async () => sweep.start(),
    stop: () => sweep.stop(),
  };
}

function parserOf(blobs: BlobStore, config: IngestionConfig): ChildProcessParser {
  return new ChildProcessParser(blobs, {
    lineBytesMax: config.LINE_BYTES_MAX,
    linesMax: config.LINES_MAX,
    recordsMax: config.CONTRIBUTION_RECORDS_MAX,
    uploadBytesMax: config.UPLOAD_BYTES_MAX,
    recordsBytesMax: config.CONTRIBUTION_BYTES_MAX,
    ratioMax: config.GZIP_RATIO_MAX,
    timeoutMs: config.PARSE_TIMEOUT_MS,
    heapMb: config.PARSE_HEAP_MB,
    childrenMax: config.PARSE_CHILDREN_MAX,
  });
}
