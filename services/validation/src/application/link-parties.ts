import { encodeEvent, PartyChanged, topics } from '@openledger/contracts';
import { derivedId } from '@openledger/kernel';
import type { CopyCount } from '../domain/assessment/assessment-output.js';
import { isLinked, type LinkRule, linkReason } from '../domain/parties/copy-link.js';
import { joinParties } from '../domain/parties/party.js';
import type { Assessment, AssessmentWrites } from './ports.js';

/** Sentences in a party's reason: the strongest links are named. */
const REASONS_MAX = 5;

export interface LinkPartiesInput {
  readonly eventId: string;
  readonly assessment: Assessment;
  readonly copies: readonly CopyCount[];
}

/**
 * Groups a contributor with those whose records he sent again. One party is paid as one, so a wrong
 * grouping of honest people who drew on the same source pools their pay and takes none away.
 */
export class LinkParties {
  constructor(private readonly rule: LinkRule) {}

  async execute(writes: AssessmentWrites, input: LinkPartiesInput): Promise<void> {
    const { assessment, copies, eventId } = input;
    const { accepted, quarantined, rejected } = assessment.counts;
    const records = accepted + quarantined + rejected;
    const cases = await writes.addCopies(assessment.contributorId, records, copies);
    const linked = cases
      .filter((found) => isLinked(found, this.rule))
      .sort((a, b) => b.now.copies - a.now.copies || (a.ownerId < b.ownerId ? -1 : 1));
    if (linked.length === 0) return;

    const together = [assessment.contributorId, ...linked.map(({ ownerId }) => ownerId)];
    const change = joinParties(together, await writes.lockPartiesOf(together));
    if (change === undefined) return;
    const sentences = linked.slice(0, REASONS_MAX).map((found) => linkReason(found, this.rule));
    const reason = sentences.join('; ');
    await writes.replaceParties(change, reason, assessment.assessedAt);
    const message = PartyChanged.create({
      partyId: change.party.id,
      contributorIds: [...change.party.contributorIds],
      reason,
      absorbedPartyIds: [...change.absorbedPartyIds],
      changedAt: assessment.assessedAt,
    });
    const id = derivedId(eventId, topics.partyChanged.name);
    await writes.emit(encodeEvent(topics.partyChanged, id, message));
  }
}
