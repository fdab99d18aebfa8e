import { Readable } from 'node:stream';
import { Controller, Get, Inject, Param, StreamableFile } from '@nestjs/common';
import { Public } from '@openledger/auth';
import { DomainError, isSha256 } from '@openledger/kernel';
import { parse } from '@openledger/service-host';
import { z } from 'zod';
import { EpochRecords, ManifestStore } from '../application/epochs/manifest-ports.js';
import { SettlementQueries } from '../application/queries.js';

const EpochNumber = z.coerce
  .number()
  .int()
  .positive()
  .max(2 ** 31 - 1);

/**
 * What epochs were computed from, for everybody: ids that name nobody by themselves, wallets, tokens and amounts; no texts, and
 * nothing of who asked. Newline-delimited JSON, as it was hashed.
 */
@Controller('settlement')
export class ManifestController {
  constructor(
    @Inject(SettlementQueries) private readonly queries: SettlementQueries,
    @Inject(EpochRecords) private readonly records: EpochRecords,
    @Inject(ManifestStore) private readonly manifests: ManifestStore,
  ) {}

  @Get('epochs/:epoch/manifest')
  @Public()
  async ofEpoch(@Param('epoch') text: string) {
    const epoch = parse(EpochNumber, text);
    const [found] = await this.queries.epochs(epoch + 1, 1);
    return this.stream(found?.epoch === epoch ? found.manifest.slice(2) : '');
  }

  @Get('ledger-epochs/:epoch/manifest')
  @Public()
  async ofLedgerEpoch(@Param('epoch') text: string) {
    const found = await this.records.ledgerEpoch(parse(EpochNumber, text));
    return this.stream(found?.manifest ?? '');
  }

  private async stream(manifest: string): Promise<StreamableFile> {
    const body = isSha256(manifest) ? await this.manifests.read(manifest) : undefined;
    if (body) return new StreamableFile(Readable.from(body), { type: 'application/x-ndjson' });
    throw new DomainError('not-found', 'MANIFEST_UNKNOWN', 'There is no manifest of this epoch yet.');
  }
}
