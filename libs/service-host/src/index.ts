export { Counter, Gauge, Histogram, Registry } from 'prom-client';
export { fromStatus, toStatus } from './grpc/grpc-error.js';
export {
  bidiStream,
  type GrpcCall,
  type GrpcContext,
  type GrpcService,
  serverStream,
  serviceMetadata,
  unary,
} from './grpc/grpc-service.js';
export { HostConfig } from './host-config.js';
export { closeServer, listen } from './http-server.js';
export { type Lease, LeasedLoop, type LeasedLoopOptions } from './leased-loop.js';
export { createLogger } from './logger.js';
export { drainUpload } from './rest/drain-upload.js';
export { INTERNAL, openAiBody, problemBody, type Refusal, toRefusal } from './rest/error-bodies.js';
export { nextAfter, pageLimit, pageStart } from './rest/page.js';
export { parse } from './rest/parse.js';
export { runMain } from './run-main.js';
export {
  type Arrived,
  type Composition,
  type Handler,
  type Host,
  type Middleware,
  on,
  onBatch,
  type Service,
} from './service.js';
export { migrate, type RunningService, type StartOptions, startService } from './start-service.js';
