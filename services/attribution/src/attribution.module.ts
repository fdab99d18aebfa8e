import { type DynamicModule, Module } from '@nestjs/common';
import { AskReplay } from './application/ask-replay.js';
import { ChallengeScore } from './application/challenge-score.js';
import { ReadAttribution } from './application/read-attribution.js';
import { AttributionsController } from './inbound/attributions.rest.js';

export interface UseCases {
  readonly read: ReadAttribution;
  readonly replays: AskReplay;
  readonly challenges: ChallengeScore;
}

@Module({})
export class AttributionModule {
  static over({ read, replays, challenges }: UseCases): DynamicModule {
    return {
      module: AttributionModule,
      controllers: [AttributionsController],
      providers: [
        { provide: ReadAttribution, useValue: read },
        { provide: AskReplay, useValue: replays },
        { provide: ChallengeScore, useValue: challenges },
      ],
    };
  }
}
