import { type DynamicModule, Module } from '@nestjs/common';
import { ImportsController } from './inbound/imports.rest.js';
import { ModelsController } from './inbound/models.rest.js';
import { TrainingRunsController } from './inbound/training-runs.rest.js';
import { TrainingUseCases } from './inbound/use-cases.js';

@Module({})
export class TrainingModule {
  static over(useCases: TrainingUseCases): DynamicModule {
    return {
      module: TrainingModule,
      controllers: [TrainingRunsController, ImportsController, ModelsController],
      providers: [{ provide: TrainingUseCases, useValue: useCases }],
    };
  }
}
