import { id, type Provider } from 'ethers';
import { DeployedContract, type PreparedCall } from './contract.js';
import { openGovernorArtifact } from './generated/open-governor.js';

/** Calls that a vote decides on, all or none. */
export interface Proposal {
  readonly calls: readonly PreparedCall[];
  /** Part of the proposal's identity: the same calls may be proposed again with other words. */
  readonly description: string;
}

/** In the order of IGovernor.ProposalState. */
export const PROPOSAL_STATES = [
  'pending',
  'active',
  'canceled',
  'defeated',
  'succeeded',
  'queued',
  'expired',
  'executed',
] as const;
export type ProposalState = (typeof PROPOSAL_STATES)[number];

/** In the order of GovernorCountingSimple.VoteType. */
export const VOTES = ['against', 'for', 'abstain'] as const;
export type Vote = (typeof VOTES)[number];

/** Where OPEN votes. A decision is queued in the timelock and executed by anyone after it. */
export class OpenGovernor extends DeployedContract {
  constructor(address: string, provider: Provider) {
    super(address, provider, openGovernorArtifact.abi);
  }

  async proposalIdOf(proposal: Proposal): Promise<bigint> {
    return BigInt((await this.read('getProposalId', hashed(proposal)))[0]);
  }

  async state(proposalId: bigint): Promise<ProposalState | undefined> {
    return PROPOSAL_STATES[Number((await this.read('state', [proposalId]))[0])];
  }

  /** Votes that a proposal of a past time needs, in wei. */
  async quorum(timeS: number): Promise<bigint> {
    return BigInt((await this.read('quorum', [timeS]))[0]);
  }

  /** The time whose balances vote, in seconds. */
  async snapshot(proposalId: bigint): Promise<number> {
    return Number((await this.read('proposalSnapshot', [proposalId]))[0]);
  }

  propose(proposal: Proposal): PreparedCall {
    return this.prepare('propose', [...targetsOf(proposal), proposal.description]);
  }

  castVote(proposalId: bigint, vote: Vote): PreparedCall {
    return this.prepare('castVote', [proposalId, VOTES.indexOf(vote)]);
  }

  queue(proposal: Proposal): PreparedCall {
    return this.prepare('queue', hashed(proposal));
  }

  execute(proposal: Proposal): PreparedCall {
    return this.prepare('execute', hashed(proposal));
  }

  /** For the proposal's guardian, or its proposer before the vote. */
  cancel(proposal: Proposal): PreparedCall {
    return this.prepare('cancel', hashed(proposal));
  }
}

const targetsOf = ({ calls }: Proposal): readonly unknown[] => [
  calls.map(({ to }) => to),
  calls.map(() => 0n),
  calls.map(({ data }) => data),
];

const hashed = (proposal: Proposal): readonly unknown[] => [...targetsOf(proposal), id(proposal.description)];
