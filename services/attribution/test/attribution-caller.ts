import { credentials, Metadata, type ServiceError } from '@grpc/grpc-js';
import {
  type AttributionScored,
  AttributionServiceClient,
  type Challenge,
  type Explanation,
  type Impact,
  type ModelAttribution,
  type ReplayResult,
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

  attribution = (requestId: string, person?: string) =>
    called<AttributionScored>(person, (metadata, done) =>
      this.client.getAttribution({ requestId }, metadata, done),
    );

  explanation = (requestId: string, person?: string) =>
    called<Explanation>(person, (metadata, done) =>
      this.client.explainAttribution({ requestId }, metadata, done),
    );

  replay = (requestId: string, person?: string) =>
    called<ReplayResult>(person, (metadata, done) =>
      this.client.replayAttribution({ requestId }, metadata, done),
    );

  openChallenge = (requestId: string, reason: string, person?: string) =>
    called<Challenge>(person, (metadata, done) =>
      this.client.challengeAttribution({ requestId, reason }, metadata, done),
    );

  challenge = (challengeId: string, person?: string) =>
    called<Challenge>(person, (metadata, done) => this.client.getChallenge({ challengeId }, metadata, done));

  model = (modelId: string) =>
    called<ModelAttribution>(undefined, (metadata, done) =>
      this.client.getModelAttribution({ modelId }, metadata, done),
    );

  impact = (modelId: string) =>
    called<Impact>(undefined, (metadata, done) => this.client.getImpact({ modelId }, metadata, done));
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
