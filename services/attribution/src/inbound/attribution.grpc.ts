import { type Authenticator, bearer } from '@openledger/auth';
import {
  type AttributionScored,
  AttributionServiceService,
  type Challenge,
  type ChallengeAttributionRequest,
  type Explanation,
  type GetAttributionRequest,
  type GetChallengeRequest,
  type GetModelAttributionRequest,
  type Impact,
  type ModelAttribution,
  type ReplayResult,
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
      getAttribution: unary<GetAttributionRequest, AttributionScored>(
        context,
        async ({ requestId }, call) => {
          const { answer, score } = await read.score(requestId, await callerOf(call));
          return toScoredEvent(answer, score, answer.scoredAt);
        },
      ),
      explainAttribution: unary<GetAttributionRequest, Explanation>(context, async ({ requestId }, call) => {
        const { evidence } = await read.answer(requestId, await callerOf(call));
        return wireExplanation(requestId, evidence);
      }),
      replayAttribution: unary<GetAttributionRequest, ReplayResult>(context, async ({ requestId }, call) =>
        wireReplay(requestId, await replays.run(requestId, await callerOf(call), call.signal)),
      ),
      challengeAttribution: unary<ChallengeAttributionRequest, Challenge>(context, async (request, call) => {
        const { reason } = parse(ChallengeBody, request);
        return wireChallenge(await challenges.open(request.requestId, reason, await callerOf(call)));
      }),
      getChallenge: unary<GetChallengeRequest, Challenge>(context, async ({ challengeId }, call) =>
        wireChallenge(await challenges.read(challengeId, await callerOf(call))),
      ),
      getModelAttribution: unary<GetModelAttributionRequest, ModelAttribution>(context, async ({ modelId }) =>
        wireModel(await read.model(modelId)),
      ),
      getImpact: unary<GetModelAttributionRequest, Impact>(context, async ({ modelId }) =>
        wireImpact(await read.impact(modelId)),
      ),
    },
  };
}
