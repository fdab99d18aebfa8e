import { type DynamicModule, Module } from '@nestjs/common';
import type { Host } from '@openledger/service-host';
import type { AnswerQuestion } from './application/answer-question.js';
import { ModelCatalogue } from './application/model-catalogue.js';
import { AnswerWriter } from './inbound/rest/answer-writer.js';
import { ChatController } from './inbound/rest/chat-controller.js';
import { CompletionsController } from './inbound/rest/completions-controller.js';
import { Defaults } from './inbound/rest/defaults.js';
import { ModelsController } from './inbound/rest/models-controller.js';

export interface GatewayParts {
  readonly answers: AnswerQuestion;
  readonly catalogue: ModelCatalogue;
  readonly defaults: Defaults;
  readonly log: Host['log'];
}

@Module({})
class InferenceGatewayModule {}

export const inferenceGatewayModule = ({
  answers,
  catalogue,
  defaults,
  log,
}: GatewayParts): DynamicModule => ({
  module: InferenceGatewayModule,
  controllers: [ChatController, CompletionsController, ModelsController],
  providers: [
    { provide: ModelCatalogue, useValue: catalogue },
    { provide: Defaults, useValue: defaults },
    { provide: AnswerWriter, useValue: new AnswerWriter(answers, log) },
  ],
});
