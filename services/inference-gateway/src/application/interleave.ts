/** An item and the place of its source among the sources. */
export interface Interleaved<T> {
  readonly source: number;
  readonly item: T;
}

type Arrival<T> = { readonly source: number } & (
  | { readonly result: IteratorResult<T> }
  | { readonly error: unknown }
);

/**
 * Everything that the sources give, in the order in which it comes. Of each source one item is read ahead,
 * so a slow reader holds all of them back. The first error ends it; sources that are left are returned from.
 */
export async function* interleave<T>(sources: readonly AsyncGenerator<T>[]): AsyncGenerator<Interleaved<T>> {
  const arrived: Arrival<T>[] = [];
  let wake = (): void => undefined;
  const arrive = (arrival: Arrival<T>): void => {
    arrived.push(arrival);
    wake();
  };
  const ask = (source: number): void => {
    sources[source]?.next().then(
      (result) => arrive({ source, result }),
      (error: unknown) => arrive({ source, error }),
    );
  };
  for (const source of sources.keys()) ask(source);
  let open = sources.length;
  try {
    while (open > 0) {
      const arrival = arrived.shift();
      if (arrival === undefined) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      } else if ('error' in arrival) {
        throw arrival.error;
      } else if (arrival.result.done) {
        open -= 1;
      } else {
        yield { source: arrival.source, item: arrival.result.value };
        ask(arrival.source);
      }
    }
  } finally {
    await Promise.allSettled(sources.map((source) => source.return(undefined)));
  }
}
