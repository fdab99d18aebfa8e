import { type ArgumentsHost, Catch, type ExceptionFilter } from '@nestjs/common';
import type { Response } from 'express';
import type { Logger } from 'pino';
import { INTERNAL, openAiBody, problemBody, toRefusal } from './error-bodies.js';

/** The one place where our errors become HTTP. */
@Catch()
export class ErrorFilter implements ExceptionFilter {
  constructor(
    private readonly shape: 'problem' | 'openai',
    private readonly log: Logger,
  ) {}

  catch(error: unknown, host: ArgumentsHost): void {
    this.answer(error, host.switchToHttp().getResponse<Response>());
  }

  answer(error: unknown, response: Response): void {
    const requestId = String(response.getHeader('x-request-id') ?? '');
    const refusal = toRefusal(error);
    if (refusal === undefined) this.log.error({ err: error, requestId }, 'request failed');
    if (response.headersSent) {
      response.destroy();
      return;
    }
    const { status, details } = refusal ?? INTERNAL;
    // RFC 9110, section 10.2.3.
    if (details.retryAfterSeconds !== undefined) {
      response.setHeader('retry-after', String(details.retryAfterSeconds));
      if (details.retryAfterMs !== undefined)
        response.setHeader('retry-after-ms', String(details.retryAfterMs));
    }
    if (this.shape === 'openai') {
      response.status(status).json(openAiBody(refusal ?? INTERNAL));
    } else {
      response.status(status).type('application/problem+json');
      response.send(JSON.stringify(problemBody(refusal ?? INTERNAL, requestId)));
    }
  }
}
