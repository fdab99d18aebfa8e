import { type DynamicModule, Module } from '@nestjs/common';
import type { Host } from '@openledger/service-host';
import type { AnswerPrompts } from './application/answer-prompts.js';
import { EmbedInputs } from './application/embed-inputs.js';
import { ModelCatalogue } from './application/model-catalogue.js';
import type { BaseModel } from './application/ports.js';
import { RateLimits } from './application/rate-limits.js';
import { AnswerWriter } from './inbound/rest/answer-writer.js';
import { ChatController } from './inbound/rest/chat-controller.js';
import { CompletionsController } from './inbound/rest/completions-controller.js';
import { Defaults } from './inbound/rest/defaults.js';
import { EmbeddingsController } from './inbound/rest/embeddings-controller.js';
import { ModelsController } from './inbound/rest/models-controller.js';
import { ProtocolHealthController, Readiness } from './inbound/rest/protocol-health-controller.js';
import { Replies } from './inbound/rest/replies.js';
import { Vocabulary } from './inbound/vocabulary.js';

export interface GatewayParts {
  readonly answers: AnswerPrompts;
  readonly embedInputs: EmbedInputs;
  readonly catalogue: ModelCatalogue;
  readonly base: BaseModel;
  readonly defaults: Defaults;
  readonly isReady: () => Promise<boolean>;
  readonly readerTimeoutMs: number;
  readonly rateLimits: RateLimits;
  readonly replies: Replies;
  readonly log: Host['log'];
}

@Module({})
class InferenceGatewayModule {}

export const inferenceGatewayModule = ({
  answers,
  embedInputs,
  catalogue,
  base,
  defaults,
  isReady,
  readerTimeoutMs,
  rateLimits,
  replies,
  log,
}: GatewayParts): DynamicModule => ({
  module: InferenceGatewayModule,
  controllers: [
    ChatController,
    CompletionsController,
    EmbeddingsController,
    ModelsController,
    ProtocolHealthController,
  ],
  providers: [
    { provide: ModelCatalogue, useValue: catalogue },
    { provide: Defaults, useValue: defaults },
    { provide: AnswerWriter, useValue: new AnswerWriter(answers, { log, readerTimeoutMs, rateLimits }) },
    { provide: EmbedInputs, useValue: embedInputs },
    { provide: RateLimits, useValue: rateLimits },
    { provide: Replies, useValue: replies },
    { provide: Readiness, useValue: { isReady } },
    { provide: Vocabulary, useValue: new Vocabulary(base) },
  ],
});
