import { Body, Controller, Get, HttpCode, Param, Post } from '@nestjs/common';
import { Authenticated, Caller, type Principal, Public } from '@openledger/auth';
import { parse } from '@openledger/service-host';
import { AskReplay } from '../application/ask-replay.js';
import { ChallengeScore } from '../application/challenge-score.js';
import { ReadAttribution } from '../application/read-attribution.js';
import { answerView, challengeView, explanationView, impactView, modelView } from './attribution-view.js';
import { ChallengeBody } from './challenge-body.js';

@Controller('attributions')
export class AttributionsController {
  constructor(
    private readonly read: ReadAttribution,
    private readonly replays: AskReplay,
    private readonly challenges: ChallengeScore,
  ) {}

  @Public()
  @Get('models/:modelId')
  async model(@Param('modelId') id: string) {
    return modelView(await this.read.model(id));
  }

  @Public()
  @Get('models/:modelId/impact')
  async impact(@Param('modelId') id: string) {
    return impactView(await this.read.impact(id));
  }

  @Authenticated()
  @Get('challenges/:challengeId')
  async challenge(@Caller() caller: Principal, @Param('challengeId') id: string) {
    return challengeView(await this.challenges.read(id, caller));
  }

  @Authenticated()
  @Get(':requestId')
  async answer(@Caller() caller: Principal, @Param('requestId') id: string) {
    return answerView(await this.read.answer(id, caller));
  }

  @Authenticated()
  @Get(':requestId/explanation')
  async explanation(@Caller() caller: Principal, @Param('requestId') id: string) {
    return explanationView(await this.read.answer(id, caller));
  }

  @Authenticated()
  @HttpCode(200)
  @Post(':requestId/replay')
  async replay(@Caller() caller: Principal, @Param('requestId') id: string) {
    const { score: _score, ...replay } = await this.replays.run(id, caller, new AbortController().signal);
    return { requestId: id, ...replay };
  }

  @Authenticated()
  @HttpCode(202)
  @Post(':requestId/challenges')
  async open(@Caller() caller: Principal, @Param('requestId') id: string, @Body() body: unknown) {
    const { reason } = parse(ChallengeBody, body);
    return challengeView(await this.challenges.open(id, reason, caller));
  }
}
