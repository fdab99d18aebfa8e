import type { Stake } from '../lineage.js';
import type { CreditRule, ReceiptMeasures, ReceiptResult } from '../receipt.js';
import { natsOf } from '../vectors/quantise.js';
import { type AnswerEvidence, creditAnswer } from './credit-rule.js';

/** The shares that follow from a receipt's measures. Scoring itself takes them from here, so they always do. */
export const receiptRule: CreditRule = ({ measured, inputs }, { stakes }): ReceiptResult => {
  const { pools, contributors, reservePpb } = creditAnswer(evidenceOf(measured, inputs.parties, stakes));
  return {
    status: 'scored',
    reason: '',
    pools: {
      baseModelPpb: Number(pools.baseModelPpb),
      trainingPpb: Number(pools.trainingPpb),
      contextPpb: Number(pools.contextPpb),
    },
    contributors: contributors.map(({ contributorId, influencePpb, contextPpb, basePpb }) => ({
      contributorId,
      partyId: inputs.parties[contributorId] ?? contributorId,
      influencePpb: Number(influencePpb),
      contextPpb: Number(contextPpb),
      basePpb,
    })),
    baseModelPpb: Number(pools.baseModelPpb),
    reservePpb: Number(reservePpb),
  };
};

function evidenceOf(
  measured: ReceiptMeasures,
  parties: Readonly<Record<string, string>>,
  stakes: readonly Stake[],
): AnswerEvidence {
  const { query, groups, records, logLikelihoods, chunks } = measured;
  const queryScale = Number(query.scale);
  const nats = (product: string, scale: string) => natsOf(Number(product), Number(scale), queryScale);
  const clusterOf = new Map(groups.map(({ id }, cluster) => [id, cluster]));
  const likelihood = (name: string) => Number(logLikelihoods[name] ?? Number.NaN);
  return {
    likelihoods: {
      base: likelihood('base'),
      adapter: likelihood('adapter'),
      context: likelihood('context'),
      both: likelihood('both'),
    },
    training: {
      clusters: groups.map(({ sum, scale, deviation }, cluster) => ({
        cluster,
        score: nats(sum, scale),
        deviation: Number(deviation),
      })),
      records: records.map(({ group, contributorId, product, scale, deviation, tokens, withdrawn }) => ({
        cluster: clusterOf.get(group) ?? -1,
        contributorId,
        score: nats(product, scale),
        deviation: Number(deviation),
        tokens,
        withdrawn,
      })),
      kappa: Number(measured.kappa),
      spanNats: new Map(Object.entries(measured.spanNats).map(([id, value]) => [id, Number(value)])),
      parties: new Map(Object.entries(parties)),
    },
    players: chunks.map(({ contributorId }) => (contributorId === '' ? {} : { owner: { contributorId } })),
    chunks: chunks.map((chunk) => ({
      value: Number(chunk.nats),
      standardError: Number(chunk.standardError),
    })),
    stakes,
  };
}
