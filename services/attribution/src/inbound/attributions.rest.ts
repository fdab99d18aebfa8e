import { Controller, Get, Param } from '@nestjs/common';
import { Authenticated, Caller, type Principal, Public } from '@openledger/auth';
import { ReadAttribution } from '../application/read-attribution.js';

@Controller('attributions')
export class AttributionsController {
  constructor(private readonly read: ReadAttribution) {}

  @Public()
  @Get('models/:modelId')
  async model(@Param('modelId') id: string) {
    const { modelId, adapterDigest, state, progress, failure, index } = await this.read.model(id);
    return {
      modelId,
      adapterDigest,
      state: state === 'done' ? 'ready' : state,
      progress,
      failure,
      indexDigest: index?.digest,
      reliabilityPpb: index?.reliabilityPpb,
      records: index?.records,
      contributors: index?.stakes,
    };
  }

  @Authenticated()
  @Get(':requestId')
  async answer(@Caller() caller: Principal, @Param('requestId') id: string) {
    const { answer, score, evidence } = await this.read.answer(id, caller);
    return {
      requestId: answer.requestId,
      modelId: answer.modelId,
      adapterDigest: answer.adapterDigest,
      text: evidence.text,
      reliabilityPpb: score.reliabilityPpb,
      baseModelPpb: score.baseModelPpb,
      reservePpb: score.reservePpb,
      contributors: score.contributors,
      spans: evidence.spans,
      topRecords: evidence.topRecords,
      scoredAt: answer.scoredAt?.toISOString(),
    };
  }
}
