import { isError } from 'ethers';
import type { BroadcastAnswer } from '../../application/chain/sending-ports.js';

const MESSAGE_CHARACTERS_MAX = 200;

/** Nodes say the same in many words: geth, erigon, Nethermind, Besu, reth, Anvil. */
const OUTCOMES: readonly (readonly [RegExp, BroadcastAnswer['outcome']])[] = [
  [/already (known|imported|in (the )?(mempool|pool))|known transaction|alreadyknown/i, 'known'],
  [/nonce (is )?too low|old ?nonce|nonce has already been used/i, 'spent'],
  [
    /underpriced|fee too low|gas price (is )?too low|(fee cap|max fee per gas) (is )?less than|below (the )?(base|minimum)/i,
    'underpriced',
  ],
  [
    /insufficient (funds|balance)|exceeds (the )?(block )?gas limit|sender (is )?not (an )?eoa|invalid (sender|chain|signature)|tx ?fee .*exceeds|only replay-protected/i,
    'refused',
  ],
];

/** Sorts a node's refusal; undefined for what is no answer about the transaction: a timeout, a broken connection. */
export function broadcastAnswerOf(error: unknown): BroadcastAnswer | undefined {
  if (isError(error, 'NONCE_EXPIRED')) return { outcome: 'spent' };
  if (isError(error, 'REPLACEMENT_UNDERPRICED')) return { outcome: 'underpriced' };
  const message = textOf(error);
  const found = OUTCOMES.find(([pattern]) => pattern.test(message));
  return found && { outcome: found[1], message: message.slice(0, MESSAGE_CHARACTERS_MAX) };
}

/** What the node said, without the request around it. */
function textOf(error: unknown): string {
  const {
    error: inner,
    shortMessage,
    message,
  } = error as Record<'error' | 'shortMessage' | 'message', unknown>;
  const said = (inner as { message?: unknown } | undefined)?.message;
  return String(said ?? shortMessage ?? message ?? error);
}
