import 'reflect-metadata';
import { isUtf8 } from 'node:buffer';
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type DynamicModule, Module, type Type } from '@nestjs/common';
import { APP_GUARD, NestFactory } from '@nestjs/core';
import { ExpressAdapter, type NestExpressApplication } from '@nestjs/platform-express';
import { AccessGuard, Authenticator } from '@openledger/auth';
import { DomainError } from '@openledger/kernel';
import express, { type ErrorRequestHandler, type Express, type RequestHandler } from 'express';
import type { Composition, Host } from '../service.js';
import { ErrorFilter } from './error-filter.js';
import { nestLogger } from './nest-logger.js';

/** JSON bodies only; uploads are streamed by the route that takes them. */
const JSON_BYTES_MAX = '1mb';
const REQUEST_ID = /^[\w.:-]{1,128}$/;

@Module({})
class RestRoot {
  static around(module: DynamicModule | Type | undefined, authenticator: Authenticator): DynamicModule {
    return {
      module: RestRoot,
      imports: module === undefined ? [] : [module],
      providers: [
        { provide: Authenticator, useValue: authenticator },
        { provide: APP_GUARD, useClass: AccessGuard },
      ],
    };
  }
}

export interface RestApp {
  /** Takes Node's request and response, so that a host may put several services behind one port. */
  readonly listener: Express;
  readonly close: () => Promise<void>;
}

/** Builds the REST face of a service: request ids, JSON bodies, access guard, error bodies. */
export async function createRestApp(host: Host, composition: Composition): Promise<RestApp> {
  const filter = new ErrorFilter(composition.errors ?? 'problem', host.log);
  const server = express();
  server.disable('x-powered-by');
  server.set('etag', false);
  server.use(requestId);
  for (const handler of composition.beforeBody ?? []) server.use(handler);
  server.use(
    express.json({ limit: JSON_BYTES_MAX, type: ['application/json', '+json'], verify: refuseInvalidUtf8 }),
  );
  for (const handler of composition.middleware ?? []) server.use(handler);

  const root = RestRoot.around(composition.module, composition.authenticator ?? host.authenticator);
  const app = await NestFactory.create<NestExpressApplication>(root, new ExpressAdapter(server), {
    bodyParser: false,
    logger: nestLogger(host.log),
    abortOnError: false,
  });
  app.useGlobalFilters(filter);
  await app.init();
  const lastResort: ErrorRequestHandler = (error, _request, response, _next) =>
    filter.answer(error, response);
  server.use(lastResort);
  return { listener: server, close: () => app.close() };
}

const requestId: RequestHandler = (request, response, next) => {
  const given = request.headers['x-request-id'];
  response.setHeader(
    'x-request-id',
    typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID(),
  );
  next();
};

/** The parser would put U+FFFD where bytes are damaged, and nobody would learn of it. */
function refuseInvalidUtf8(
  _request: IncomingMessage,
  _response: ServerResponse,
  body: Buffer,
  encoding: string,
): void {
  if (encoding.toLowerCase() !== 'utf-8' || isUtf8(body)) return;
  throw new DomainError('invalid', 'BODY_NOT_UTF8', 'The body is not valid UTF-8.');
}
