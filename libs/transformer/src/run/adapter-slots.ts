import { DomainError, invariant } from '@openledger/kernel';
import { loraShapes } from '../graph/lora-inputs.js';
import type { LoraConfig, LoraWeights, ModelConfig, Tensor } from '../model.js';

/** An adapter ready to be served. Its identity is the object: keep one object for each digest. */
export interface ServedAdapter {
  readonly config: LoraConfig;
  readonly weights: LoraWeights;
}

/** Rank and modules that a slot has room for. */
export type SlotShape = Omit<LoraConfig, 'alpha'>;

interface Stack {
  readonly rows: number;
  readonly columns: number;
  /** Whether alpha / rank is multiplied in: once, on B. */
  readonly scaled: boolean;
  data: Float32Array;
}

/**
 * The stacked adapters of a serving graph: [slots, rank, in] and [slots, out, rank]. Between steps only
 * adapters that come new are copied. An adapter of smaller rank or with fewer modules is filled up with
 * zeros, which add nothing.
 */
export class AdapterSlots {
  readonly #stacks = new Map<string, Stack>();
  #slots: (ServedAdapter | undefined)[] = [];
  #capacity = 1;

  constructor(
    model: ModelConfig,
    private readonly shape: SlotShape,
  ) {
    for (const [name, [rows = 1, columns = 1]] of loraShapes(model, { ...shape, alpha: 0 })) {
      const scaled = name.endsWith('lora_B.weight');
      this.#stacks.set(name, { rows, columns, scaled, data: new Float32Array(rows * columns) });
    }
  }

  /** Places distinct adapters and returns the slot of each; slots are dense from 0. */
  assign(adapters: readonly ServedAdapter[]): ReadonlyMap<ServedAdapter, number> {
    for (const adapter of adapters) this.#refuseUnfit(adapter);
    this.#grow(adapters.length);
    const wanted = new Set(adapters);
    const next = Array.from({ length: adapters.length }, (_, slot) => {
      const current = this.#slots[slot];
      return current && wanted.delete(current) ? current : undefined;
    });
    for (const adapter of wanted) {
      const slot = next.indexOf(undefined);
      this.#write(slot, adapter);
      next[slot] = adapter;
    }
    // What lies beyond the slots in use stays: most adapters that leave come back.
    this.#slots = [...next, ...this.#slots.slice(next.length)];
    return new Map(next.flatMap((adapter, slot) => (adapter ? [[adapter, slot] as const] : [])));
  }

  /** The stacks of the first `slots` slots, borrowed until the next {@link assign}. */
  tensors(slots: number): Map<string, Tensor> {
    invariant(slots >= 1 && slots <= this.#capacity, `${slots} slots of ${this.#capacity}`);
    return new Map(
      [...this.#stacks].map(([name, { rows, columns, data }]) => [
        name,
        { shape: [slots, rows, columns], data: data.subarray(0, slots * rows * columns) },
      ]),
    );
  }

  #refuseUnfit({ config }: ServedAdapter): void {
    const { rank, targetModules } = this.shape;
    const fits =
      config.rank <= rank && config.targetModules.every((module) => targetModules.includes(module));
    if (fits) return;
    throw new DomainError(
      'precondition',
      'ADAPTER_DOES_NOT_FIT',
      `The adapter has rank ${config.rank} on ${config.targetModules.join(', ')}; slots hold rank ${rank} on ${targetModules.join(', ')}.`,
    );
  }

  #grow(slots: number): void {
    if (slots <= this.#capacity) return;
    this.#capacity = Math.max(slots, 2 * this.#capacity);
    for (const stack of this.#stacks.values()) {
      const wider = new Float32Array(this.#capacity * stack.rows * stack.columns);
      wider.set(stack.data);
      stack.data = wider;
    }
  }

  #write(slot: number, { config, weights }: ServedAdapter): void {
    for (const [name, { rows, columns, scaled, data }] of this.#stacks) {
      const target = data.subarray(slot * rows * columns, (slot + 1) * rows * columns).fill(0);
      const tensor = weights.get(name);
      if (tensor) place(tensor, target, { columns, scale: scaled ? config.alpha / config.rank : 1 });
    }
  }
}

/** Copies a matrix, scaled, into the top left of one with `columns` columns. */
function place(
  source: Tensor,
  target: Float32Array,
  how: { readonly columns: number; readonly scale: number },
): void {
  const [rows = 0, width = 0] = source.shape;
  for (let row = 0; row < rows; row += 1) {
    const from = source.data.subarray(row * width, (row + 1) * width);
    target.set(how.scale === 1 ? from : from.map((value) => value * how.scale), row * how.columns);
  }
}
