import { Controller, Inject, Param, Post, Req } from '@nestjs/common';
import { Caller, type Principal, RequireScope } from '@openledger/auth';
import { isId } from '@openledger/kernel';
import type { Request } from 'express';
import { datanetUnknown, UploadContribution } from '../application/upload-contribution.js';
import { ContributionView } from './contribution-view.js';
import { uploadForm } from './upload-form.js';

/** How long a refused upload may go on; the caller reads the refusal meanwhile. */
const DRAIN_MS = 30_000;

@Controller('datanets')
export class UploadsController {
  constructor(
    @Inject(UploadContribution) private readonly upload: UploadContribution,
    @Inject(ContributionView) private readonly view: ContributionView,
  ) {}

  /** The body is the records themselves, streamed. */
  @RequireScope('contributions:write')
  @Post(':id/contributions')
  async create(@Param('id') datanetId: string, @Req() request: Request, @Caller() caller: Principal) {
    try {
      if (!isId(datanetId)) throw datanetUnknown(datanetId.slice(0, 80));
      const form = uploadForm(request.headers);
      const licence = request.header('x-openledger-licence');
      // Leaving the loop early must not close the connection: the refusal goes over it.
      const chunks = request.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>;
      return this.view.of(await this.upload.run({ datanetId, licence, form, chunks }, caller));
    } catch (error) {
      drain(request);
      throw error;
    }
  }
}

/** Reads on without keeping anything, so that a caller in the middle of sending gets to the answer. */
function drain(request: Request): void {
  if (request.readableEnded || request.destroyed) return;
  const timer = setTimeout(() => request.destroy(), DRAIN_MS);
  request.once('close', () => clearTimeout(timer));
  request.on('error', () => undefined);
  request.resume();
}
