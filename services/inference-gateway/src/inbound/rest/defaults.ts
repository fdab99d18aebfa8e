/** Sampling for a request that does not say. */
export class Defaults {
  readonly temperature: number;
  readonly topP: number;
  readonly topK: number;

  constructor(recommended: {
    readonly temperature?: number;
    readonly topP?: number;
    readonly topK?: number;
  }) {
    this.temperature = recommended.temperature ?? 1;
    this.topP = recommended.topP ?? 1;
    this.topK = recommended.topK ?? 0;
  }
}
