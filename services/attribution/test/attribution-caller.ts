import { credentials, Metadata, type ServiceError } from '@grpc/grpc-js';
import {
  AttributionServiceClient,
  type ChallengeAttributionResponse,
  type ExplainAttributionResponse,
  type GetAttributionResponse,
  type GetChallengeResponse,
  type GetImpactResponse,
  type GetModelAttributionResponse,
  type ReplayAttributionResponse,
} from '@openledger/contracts';

type Done<Response> = (error: ServiceError | null, response: Response) => void;

/** The service by gRPC, as a person by name or as nobody. */
export class AttributionCaller {
  private readonly client: AttributionServiceClient;

  constructor(address: string) {
    this.client = new AttributionServiceClient(address, credentials.createInsecure());
  }

  close(): void {
    this.client.close();
  }

  attribution = async (requestId: string, person?: string) => {
    const { attribution } = await called<GetAttributionResponse>(person, (metadata, done) =>
      this.client.getAttribution({ requestId }, metadata, done),
    );
    return present(attribution);
  };

  explanation = async (requestId: string, person?: string) => {
    const { explanation } = await called<ExplainAttributionResponse>(person, (metadata, done) =>
      this.client.explainAttribution({ requestId }, metadata, done),
    );
    return present(explanation);
  };

  replay = async (requestId: string, person?: string) => {
    const { result } = await called<ReplayAttributionResponse>(person, (metadata, done) =>
      this.client.replayAttribution({ requestId }, metadata, done),
    );
    return present(result);
  };

  openChallenge = async (requestId: string, reason: string, person?: string) => {
    const { challenge } = await called<ChallengeAttributionResponse>(person, (metadata, done) =>
      this.client.challengeAttribution({ requestId, reason }, metadata, done),
    );
    return present(challenge);
  };

  challenge = async (challengeId: string, person?: string) => {
    const { challenge } = await called<GetChallengeResponse>(person, (metadata, done) =>
      this.client.getChallenge({ challengeId }, metadata, done),
    );
    return present(challenge);
  };

  model = async (modelId: string) => {
    const { attribution } = await called<GetModelAttributionResponse>(undefined, (metadata, done) =>
      this.client.getModelAttribution({ modelId }, metadata, done),
    );
    return present(attribution);
  };

  impact = async (modelId: string) => {
    const { impact } = await called<GetImpactResponse>(undefined, (metadata, done) =>
      this.client.getImpact({ modelId }, metadata, done),
    );
    return present(impact);
  };
}

function present<T>(part: T | undefined): T {
  if (part === undefined) throw new Error('the response is empty');
  return part;
}

function called<Response>(
  person: string | undefined,
  invoke: (metadata: Metadata, done: Done<Response>) => unknown,
): Promise<Response> {
  const metadata = new Metadata();
  if (person) metadata.set('authorization', `Bearer token-of-${person}`);
  return new Promise((resolve, reject) => {
    invoke(metadata, (error, response) => (error ? reject(error) : resolve(response)));
  });
}
