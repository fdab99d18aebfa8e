import type {
  ContributionFacts,
  RecordAnswer,
  RecordQuestion,
} from '../domain/assessment/assessment-input.js';
import type { AssessmentResult } from '../domain/assessment/assessment-output.js';

/** What the service tells its assessor thread; each is answered by one {@link Reply} before the next is sent. */
export type Command =
  | {
      readonly kind: 'open';
      readonly facts: ContributionFacts;
      readonly records: Uint8Array;
      readonly terms: Uint8Array | undefined;
      readonly termTexts: number;
    }
  | { readonly kind: 'questions'; readonly from: number; readonly to: number }
  | {
      readonly kind: 'judge';
      readonly from: number;
      readonly to: number;
      readonly answers: ReadonlyMap<number, RecordAnswer>;
    }
  | { readonly kind: 'result' };

export type Reply =
  | { readonly kind: 'open'; readonly recordCount: number }
  | { readonly kind: 'questions'; readonly questions: readonly RecordQuestion[] }
  | { readonly kind: 'judge' }
  | { readonly kind: 'result'; readonly result: AssessmentResult };
