import { type Graph, gatherRows, greater, matmul, rowsOf, type Value, where } from '@openledger/onnx-graph';
import type { LoraConfig, ModelConfig } from '../model.js';
import type { Delta } from './lora-inputs.js';
import { loraShapes } from './lora-inputs.js';
import { modulePath } from './parameters.js';

/**
 * Many adapters in one batch, slot-major: tokens are gathered by adapter, multiplied by their own A and
 * B in two batched products, and gathered back. Only activations move; gathering adapter weights by row
 * would copy them on every step.
 *
 * Inputs: every adapter tensor stacked as [slots, rank, in] and [slots, out, rank]; `slot_tokens` int64
 * [slots, members], flat token positions of each slot; `token_slots` int64 [batch, time], where each
 * token's result is among [slots · members]; `row_adapted` [batch, 1, 1], 1 for a row with an adapter and
 * 0 for a row without. The latter's result is replaced, not multiplied by zero: an adapter that overflows
 * must not reach another row. alpha / rank is part of B.
 */
export function slotLora(graph: Graph, config: ModelConfig, lora: Omit<LoraConfig, 'alpha'>): Delta {
  const stacks = new Map<string, Value>();
  for (const [name, shape] of loraShapes(config, { ...lora, alpha: 0 })) {
    stacks.set(name, graph.input(name, 'float32', ['slots', ...shape]));
  }
  const slotTokens = graph.input('slot_tokens', 'int64', ['slots', 'members']);
  const tokenSlots = graph.input('token_slots', 'int64', ['batch', 'time']);
  const zero = graph.scalar('float32', 0);
  const adapted = greater(graph.input('row_adapted', 'float32', ['batch', 1, 1]), zero);
  const gathered = new Map<Value, Value>();
  const bySlot = (x: Value): Value => {
    const known = gathered.get(x) ?? gatherRows(rowsOf(x), slotTokens);
    gathered.set(x, known);
    return known;
  };
  return (x, layer, module) => {
    const a = stacks.get(`${modulePath(layer, module)}.lora_A.weight`);
    const b = stacks.get(`${modulePath(layer, module)}.lora_B.weight`);
    if (!a || !b) return undefined;
    const low = matmul(bySlot(x), a, { transposeB: true });
    const high = matmul(low, b, { transposeB: true });
    return where(adapted, gatherRows(rowsOf(high), tokenSlots), zero);
  };
}
