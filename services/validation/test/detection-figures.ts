import { personalDataIn } from '../src/domain/privacy/personal-data.js';
import { lightParaphrase, shareReplaced } from './light-paraphrase.js';
import { PlainDatanet } from './measure.js';
import {
  bibliography,
  INSTITUTES,
  type Institute,
  labelledSentences,
  medquad,
  type Pair,
} from './real-data.js';

export interface InstituteFigures {
  readonly institute: Institute;
  readonly records: number;
  readonly accepted: number;
  readonly exact: number;
  readonly near: number;
  readonly lowQuality: number;
  readonly personalData: number;
  /** Taken for copies of another institute's. */
  readonly copiesOfOthers: number;
  readonly recordsPerCpuSecond: number;
}

export interface CopyFigures {
  readonly share: string;
  /** Mean share of words that are not in the paraphrase. */
  readonly wordsReplaced: number;
  /** Of all records sent again, those that were found to be copies. */
  readonly recall: number;
  /** Of those found, the ones that name the right contributor. */
  readonly rightOwner: number;
}

const paraphrase = ({ prompt, completion }: Pair, replaced: number): Pair => {
  const strength = { replaced, reordered: 0.4 };
  return { prompt: lightParaphrase(prompt, strength), completion: lightParaphrase(completion, strength) };
};

/** The five institutes one after another into one Datanet, then cancer-gov again under paraphrase of rising strength. */
export function medquadFigures(): { institutes: InstituteFigures[]; copies: CopyFigures[] } {
  const datanet = new PlainDatanet();
  const institutes = INSTITUTES.map((institute) => {
    const records = medquad(institute);
    const measured = datanet.assess(institute, records);
    return {
      institute,
      records: records.length,
      accepted: measured.result.counts.accepted,
      exact: measured.count('EXACT_DUPLICATE'),
      near: measured.count('NEAR_DUPLICATE'),
      lowQuality: measured.count('LOW_QUALITY'),
      personalData: measured.count('PERSONAL_DATA'),
      copiesOfOthers: measured.copiesOfOthers,
      recordsPerCpuSecond: Math.round((records.length * 1_000) / measured.elapsedCpuMs),
    };
  });
  const originals = medquad('cancer-gov');
  const copies = [0, 0.1, 0.15, 0.2].map((replaced) => {
    const sent = originals.map((record) => (replaced === 0 ? record : paraphrase(record, replaced)));
    const measured = datanet.assess('copier', sent, false);
    const found = measured.count('EXACT_DUPLICATE') + measured.count('NEAR_DUPLICATE');
    const changed = sent.map((record, i) => shareReplaced(textOf(originals[i]), textOf(record)));
    return {
      share: String(replaced),
      wordsReplaced: round(changed.reduce((sum, share) => sum + share, 0) / changed.length),
      recall: round(found / sent.length),
      rightOwner: round(measured.copiesOf('cancer-gov') / found),
    };
  });
  return { institutes, copies };
}

const textOf = (record: Pair | undefined): string => `${record?.prompt}\n${record?.completion}`;

export interface KindFigures {
  readonly kind: string;
  readonly sentences: number;
  readonly found: number;
  /** Sentences without that label in which it was found. */
  readonly unlabelled: number;
}

const LABELS: Readonly<Record<string, string>> = {
  EMAIL_ADDRESS: 'EMAIL',
  PHONE_NUMBER: 'PHONE',
  CREDIT_CARD: 'PAYMENT_CARD',
  IBAN_CODE: 'IBAN',
  US_SSN: 'SOCIAL_SECURITY_NUMBER',
  IP_ADDRESS: 'IP_ADDRESS',
};

export function personalDataFigures(): KindFigures[] {
  const sentences = labelledSentences().map(({ full_text, spans }) => ({
    labels: new Set(spans.map(({ entity_type }) => LABELS[entity_type])),
    found: new Set<string>(personalDataIn(full_text)),
  }));
  return Object.values(LABELS).map((kind) => {
    const labelled = sentences.filter(({ labels }) => labels.has(kind));
    return {
      kind,
      sentences: labelled.length,
      found: labelled.filter(({ found }) => found.has(kind)).length,
      unlabelled: sentences.filter(({ labels, found }) => found.has(kind) && !labels.has(kind)).length,
    };
  });
}

export interface DuplicateFigures {
  readonly set: string;
  readonly records: number;
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
}

/**
 * Bibliographic records sent one by one as text. A record is a true duplicate when an earlier one of its group
 * came before; it is found right when its match is in its group.
 */
export function bibliographyFigures(set: 'respiratory' | 'stroke'): DuplicateFigures {
  const { texts, groups } = bibliography(set);
  const groupOf = new Map(groups.flatMap((ids, group) => ids.map((id) => [id, group] as const)));
  const ids = [...texts.keys()];
  const measured = new PlainDatanet('text').assess(
    'library',
    ids.map((id) => ({ text: texts.get(id) ?? '' })),
  );
  const byRecord = new Map(
    measured.lines.map(({ id, verdict }, i) => [verdict === 'accepted' ? id : `${id}-${i}`, ids[i]]),
  );
  const seen = new Set<number>();
  let truths = 0;
  let found = 0;
  let right = 0;
  measured.lines.forEach(({ reasons }, i) => {
    const group = groupOf.get(ids[i] ?? '');
    const duplicate = group !== undefined && seen.has(group);
    if (group !== undefined) seen.add(group);
    if (duplicate) truths++;
    const match = reasons.find(({ code }) => code === 'EXACT_DUPLICATE' || code === 'NEAR_DUPLICATE')
      ?.matches?.[0];
    if (match === undefined) return;
    found++;
    if (group !== undefined && groupOf.get(byRecord.get(match.recordId) ?? '') === group) right++;
  });
  const precision = right / found;
  const recall = right / truths;
  const f1 = (2 * precision * recall) / (precision + recall);
  return { set, records: ids.length, precision: round(precision), recall: round(recall), f1: round(f1) };
}

const round = (value: number): number => Math.round(value * 10_000) / 10_000;
