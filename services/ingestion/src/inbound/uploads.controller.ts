import type { IncomingMessage } from 'node:http';
import { Controller, Inject, Param, Post, Req } from '@nestjs/common';
import { Caller, type Principal, RequireScope } from '@openledger/auth';
import { isId } from '@openledger/kernel';
import { drainUpload } from '@openledger/service-host';
import { datanetUnknown, UploadContribution } from '../application/upload-contribution.js';
import { ContributionView } from './contribution-view.js';
import { uploadForm } from './upload-form.js';

@Controller('datanets')
export class UploadsController {
  constructor(
    @Inject(UploadContribution) private readonly upload: UploadContribution,
    @Inject(ContributionView) private readonly view: ContributionView,
  ) {}

  /** The body is the records themselves, streamed. */
  @RequireScope('contributions:write')
  @Post(':id/contributions')
  async create(@Param('id') datanetId: string, @Req() request: IncomingMessage, @Caller() caller: Principal) {
    try {
      if (!isId(datanetId)) throw datanetUnknown(datanetId.slice(0, 80));
      const form = uploadForm(request.headers);
      const licence = request.headers['x-openledger-licence']?.toString();
      // Leaving the loop early must not close the connection: the refusal goes over it.
      const chunks = request.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>;
      return this.view.of(await this.upload.run({ datanetId, licence, form, chunks }, caller));
    } catch (error) {
      drainUpload(request);
      throw error;
    }
  }
}
