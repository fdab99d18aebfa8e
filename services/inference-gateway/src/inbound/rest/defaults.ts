/** What a request gets that does not say. */
export class Defaults {
  constructor(readonly temperature: number) {}
}
