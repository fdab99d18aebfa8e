import type { ServerResponse } from 'node:http';
import { Controller, Get, Res } from '@nestjs/common';
import { Public } from '@openledger/auth';

export abstract class Readiness {
  abstract isReady(): Promise<boolean>;
}

/** The Open Inference Protocol's health on REST; probes of KServe ask for it. */
@Controller('v2/health')
export class ProtocolHealthController {
  constructor(private readonly readiness: Readiness) {}

  @Public()
  @Get('live')
  live() {
    return { live: true };
  }

  @Public()
  @Get('ready')
  async ready(@Res({ passthrough: true }) response: ServerResponse) {
    const ready = await this.readiness.isReady();
    response.statusCode = ready ? 200 : 503;
    return { ready };
  }
}
