import type { IncomingMessage } from 'node:http';
import { Controller, Inject, Param, Post, Req } from '@nestjs/common';
import { Caller, type Principal, RequireScope } from '@openledger/auth';
import { isId } from '@openledger/kernel';
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
  async create(@Param('id') datanetId: string, @Req() request: IncomingMessage, @Caller() caller: Principal) {
    try {
      if (!isId(datanetId)) throw datanetUnknown(datanetId.slice(0, 80));
      const form = uploadForm(request.headers);
      const licence = request.headers['x-openledger-licence']?.toString();
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
function drain(request: IncomingMessage): void {
  if (request.readableEnded || request.destroyed) return;
  const { socket } = request;
  const timer = setTimeout(() => socket.destroy(), DRAIN_MS);
  const ended = () => {
    clearTimeout(timer);
    socket.off('close', ended);
  };
  request.once('end', ended);
  // Once it is answered, the request itself is not told when its connection closes.
  socket.once('close', ended);
  request.on('error', () => undefined);
  request.resume();
}
