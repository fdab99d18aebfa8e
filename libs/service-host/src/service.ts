import type { DynamicModule, Type } from '@nestjs/common';
import type { Authenticator } from '@openledger/auth';
import type { Env } from '@openledger/config';
import { decodeEvent, type Topic } from '@openledger/contracts';
import type { BatchHandling, EventLog, EventRecord } from '@openledger/event-log';
import type { Clock } from '@openledger/kernel';
import type { Database, MigrationClass } from '@openledger/persistence';
import type { RequestHandler } from 'express';
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import type { GrpcService } from './grpc/grpc-service.js';

/** What a host brings; a service never asks which host it runs in. */
export interface Host {
  readonly env: Env;
  readonly database: Database;
  readonly eventLog: EventLog;
  readonly authenticator: Authenticator;
  /** Shown to other services in gRPC metadata, and asked of them. */
  readonly serviceToken: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** One per service: several services share a process. */
  readonly metrics: Registry;
}

/** One consumed topic; made by {@link on} or {@link onBatch}. */
export interface Handler {
  readonly topic: string;
  readonly handle: (record: EventRecord, signal: AbortSignal) => Promise<void>;
  /** Where records are better handled together than one by one. */
  readonly batch?: BatchHandling;
}

/** Sees a request before Nest does. */
export type Middleware = RequestHandler;

/** A service put together on a host. Nothing in it may have started to consume or to listen yet. */
export interface Composition {
  /** REST controllers and what they need. */
  readonly module?: DynamicModule | Type;
  /** Runs before a body is read; sees every request but those for health and metrics. */
  readonly beforeBody?: readonly Middleware[];
  /** Runs before Nest, for routes whose cost per request matters. */
  readonly middleware?: readonly Middleware[];
  readonly grpc?: readonly GrpcService[];
  readonly handlers?: readonly Handler[];
  /** Where the service knows credentials itself; the host's otherwise. */
  readonly authenticator?: Authenticator;
  /** Shape of error bodies; RFC 9457 problem details by default. */
  readonly errors?: 'problem' | 'openai';
  /** Background work, started after the handlers are in place and before the service reports ready. */
  readonly start?: () => Promise<void>;
  /** False while a dependency is down: takes the replica out of rotation. */
  readonly isReady?: () => boolean | Promise<boolean>;
  /** Called last, after in-flight requests and handlers have ended. */
  readonly stop?: () => Promise<void>;
}

/** The public face of a service package. */
export interface Service {
  /** Also the Postgres schema and the consumer group. */
  readonly name: string;
  readonly migrations: readonly MigrationClass[];
  readonly compose: (host: Host) => Promise<Composition> | Composition;
}

/** Consumes a topic: decodes the body and hands it over with its record, whose id is the inbox key. */
export function on<T>(
  topic: Topic<T>,
  handle: (event: T, record: EventRecord, signal: AbortSignal) => Promise<unknown>,
): Handler {
  return {
    topic: topic.name,
    handle: async (record, signal) => {
      await handle(decodeEvent(topic, record.body), record, signal);
    },
  };
}

/** What an event says, with the record that it came in. */
export interface Arrived<T> {
  readonly event: T;
  readonly record: EventRecord;
}

/** Most records that a handler of batches is given at once. */
const BATCH_RECORDS_MAX = 2_000;

/**
 * Consumes a topic in batches of whatever waits, one event included. `handle` does all of a batch or nothing: after a
 * failure it is called again for parts of it, down to single events.
 */
export function onBatch<T>(
  topic: Topic<T>,
  handle: (arrived: readonly Arrived<T>[], signal: AbortSignal) => Promise<unknown>,
): Handler {
  const decode = (record: EventRecord) => ({ event: decodeEvent(topic, record.body), record });
  return {
    topic: topic.name,
    handle: async (record, signal) => {
      await handle([decode(record)], signal);
    },
    batch: {
      recordsMax: BATCH_RECORDS_MAX,
      handle: async (records, signal) => {
        await handle(records.map(decode), signal);
      },
    },
  };
}
