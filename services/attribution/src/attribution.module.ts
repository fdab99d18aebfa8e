import { type DynamicModule, Module } from '@nestjs/common';
import { ReadAttribution } from './application/read-attribution.js';
import { AttributionsController } from './inbound/attributions.rest.js';

@Module({})
export class AttributionModule {
  static over(read: ReadAttribution): DynamicModule {
    return {
      module: AttributionModule,
      controllers: [AttributionsController],
      providers: [{ provide: ReadAttribution, useValue: read }],
    };
  }
}
