import type { IncomingMessage } from 'node:http';
import { Controller, Post, Req } from '@nestjs/common';
import { Caller, organisationOf, type Principal, RequireScope } from '@openledger/auth';
import { drainUpload } from '@openledger/service-host';
import { readImportForm } from './import-form.js';
import { TrainingUseCases } from './use-cases.js';

@Controller('models/imports')
export class ImportsController {
  constructor(private readonly use: TrainingUseCases) {}

  /** Deploys an adapter that was trained elsewhere: the files of its PEFT folder, a name and prices. */
  @RequireScope('training:write')
  @Post()
  async create(@Caller() caller: Principal, @Req() request: IncomingMessage) {
    try {
      const organisationId = organisationOf(caller);
      // Leaving the loop early must not close the connection: the refusal goes over it.
      const chunks = request.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>;
      const model = await this.use.imports.slots.with(async () => {
        const form = await readImportForm(request.headers, chunks, this.use.imports.bytesMax);
        return this.use.importModel.run(organisationId, form.plan, form.files);
      });
      return {
        id: model.id,
        modelId: model.modelId,
        modelName: model.modelName,
        adapterDigest: model.adapterDigest,
        baseDigest: model.baseDigest,
        lora: model.lora,
        price: model.price,
        importedAt: model.importedAt.toISOString(),
      };
    } catch (error) {
      drainUpload(request);
      throw error;
    }
  }
}
