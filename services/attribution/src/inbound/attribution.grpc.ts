import { type Authenticator, bearer } from '@openledger/auth';
import {
  AttributionServiceService,
  type ChallengeAttributionRequest,
  type ChallengeAttributionResponse,
  type ExplainAttributionRequest,
  type ExplainAttributionResponse,
  type GetAttributionRequest,
  type GetAttributionResponse,
  type GetChallengeRequest,
  type GetChallengeResponse,
  type GetImpactRequest,
  type GetImpactResponse,
  type GetModelAttributionRequest,
  type GetModelAttributionResponse,
  type ReplayAttributionRequest,
  type ReplayAttributionResponse,
} from '@openledger/contracts';
import { type GrpcCall, type GrpcService, type Host, parse, unary } from '@openledger/service-host';
import type { AskReplay } from '../application/ask-replay.js';
import type { ChallengeScore } from '../application/challenge-score.js';
import type { ReadAttribution } from '../application/read-attribution.js';
import { toScoredEvent } from '../application/scored-event.js';
import { ChallengeBody } from './challenge-body.js';
import { wireChallenge, wireExplanation, wireImpact, wireModel, wireReplay } from './wire.js';

export interface GrpcParts {
  readonly read: ReadAttribution;
  readonly replays: AskReplay;
  readonly challenges: ChallengeScore;
  readonly authenticator: Authenticator;
  readonly log: Host['log'];
}

/** The gRPC face; the same use cases as REST. Models need no credential. */
export function attributionGrpc({ read, replays, challenges, authenticator, log }: GrpcParts): GrpcService {
  const context = { log };
  const callerOf = ({ metadata }: GrpcCall) => {
    const [authorization] = metadata.get('authorization');
    return authenticator.authenticate(bearer(authorization?.toString()));
  };
  return {
    definition: AttributionServiceService,
    implementation: {
      getAttribution: unary<GetAttributionRequest, GetAttributionResponse>(
        context,
        async ({ requestId }, call) => {
          const { answer, score } = await read.score(requestId, await callerOf(call));
          return { attribution: toScoredEvent(answer, score, answer.scoredAt) };
        },
      ),
      explainAttribution: unary<ExplainAttributionRequest, ExplainAttributionResponse>(
        context,
        async ({ requestId }, call) => {
          const { evidence } = await read.answer(requestId, await callerOf(call));
          return { explanation: wireExplanation(requestId, evidence) };
        },
      ),
      replayAttribution: unary<ReplayAttributionRequest, ReplayAttributionResponse>(
        context,
        async ({ requestId }, call) => ({
          result: wireReplay(requestId, await replays.run(requestId, await callerOf(call), call.signal)),
        }),
      ),
      challengeAttribution: unary<ChallengeAttributionRequest, ChallengeAttributionResponse>(
        context,
        async (request, call) => {
          const { reason } = parse(ChallengeBody, request);
          return {
            challenge: wireChallenge(await challenges.open(request.requestId, reason, await callerOf(call))),
          };
        },
      ),
      getChallenge: unary<GetChallengeRequest, GetChallengeResponse>(
        context,
        async ({ challengeId }, call) => ({
          challenge: wireChallenge(await challenges.read(challengeId, await callerOf(call))),
        }),
      ),
      getModelAttribution: unary<GetModelAttributionRequest, GetModelAttributionResponse>(
        context,
        async ({ modelId }) => ({ attribution: wireModel(await read.model(modelId)) }),
      ),
      getImpact: unary<GetImpactRequest, GetImpactResponse>(context, async ({ modelId }) => ({
        impact: wireImpact(await read.impact(modelId)),
      })),
    },
  };
}
