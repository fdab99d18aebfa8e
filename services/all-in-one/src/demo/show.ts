import { formatEther } from 'ethers';
import type { z } from 'zod';
import { bold, dim, green, type Terminal } from '../terminal/steps.js';
import { table } from '../terminal/table.js';
import type { Actor } from './actors.js';
import type { Claimed } from './claim.js';
import type { Assessed } from './contribute.js';
import type { Attribution, Party, Receipt } from './pages.js';

const PPB_PER_CENT = 10_000_000;
const ANSI_COLOURS = [36, 35, 33, 34, 32];
const share = (ppb: number) => `${(ppb / PPB_PER_CENT).toFixed(1)} %`;
const open = (wei: string | bigint) => `${formatEther(wei)} OPEN`;

export interface Contributions {
  readonly contributors: readonly Actor[];
  readonly assessed: ReadonlyMap<string, Assessed>;
  readonly parties: readonly z.infer<typeof Party>[];
  readonly names: ReadonlyMap<string, string>;
}

export function showContributions(
  terminal: Terminal,
  { contributors, assessed, parties, names }: Contributions,
): void {
  const rows = contributors.map(({ name, personId }) => {
    const page = assessed.get(personId);
    const why = (page?.reasons ?? []).map(({ code, count }) => `${code} ×${count}`).join(', ');
    return [
      name,
      String(page?.acceptedCount ?? 0),
      String(page?.quarantinedCount ?? 0),
      String(page?.rejectedCount ?? 0),
      why,
    ];
  });
  terminal.line();
  for (const line of table(['contributor', 'accepted', 'held', 'rejected', 'why'], rows, [1, 2, 3]))
    terminal.line(line);
  for (const { contributorIds, reason } of parties) {
    const members = contributorIds.map((id) => names.get(id) ?? id).join(' and ');
    terminal.line(`  ${bold(members)} are treated as one party: ${withNames(reason, names)}`);
  }
  terminal.line();
}

const withNames = (text: string, names: ReadonlyMap<string, string>) =>
  [...names].reduce((named, [id, name]) => named.replaceAll(id, name), text);

export function showAnswer(
  terminal: Terminal,
  attribution: z.infer<typeof Attribution>,
  names: ReadonlyMap<string, string>,
): void {
  terminal.line();
  terminal.line(`  Answer    ${highlighted(attribution, names)}`);
  terminal.line(dim('            underlined: word for word from training records, coloured by contributor'));
  terminal.line();
  const rows = attribution.contributors.map(({ contributorId, influencePpb, basePpb }) => [
    names.get(contributorId) ?? contributorId,
    share(influencePpb),
    share(basePpb),
  ]);
  rows.push(
    ['base model', share(attribution.baseModelPpb), ''],
    ['reserve', share(attribution.reservePpb), ''],
  );
  const header = ['who', 'influence on this answer', 'share of the training data'];
  for (const line of table(header, rows, [1, 2])) terminal.line(line);
  terminal.line(
    dim(
      `  reliability of the attribution: ${share(attribution.reliabilityPpb)}; the rest is paid by share of the data`,
    ),
  );
  const [first] = attribution.topRecords;
  if (first) {
    terminal.line(
      dim(`  most influential record, by ${names.get(first.contributorId) ?? first.contributorId}:`),
    );
    terminal.line(dim(`    ${first.prompt} → ${first.completion}`));
  }
  terminal.line();
}

function highlighted(
  { text, spans }: z.infer<typeof Attribution>,
  names: ReadonlyMap<string, string>,
): string {
  const people = [...names.keys()];
  // Positions of spans count code points.
  const characters = Array.from(text);
  const between = (start: number, end?: number) => characters.slice(start, end).join('');
  let shown = '';
  let at = 0;
  for (const { start, end, records } of [...spans].sort((a, b) => a.start - b.start)) {
    if (start < at) continue;
    const owner = people.indexOf(records[0]?.contributorId ?? '');
    const colour = ANSI_COLOURS[Math.max(0, owner) % ANSI_COLOURS.length];
    shown += `${between(at, start)}\u001b[4;${colour}m${between(start, end)}\u001b[0m`;
    at = end;
  }
  return shown + between(at);
}

export function showReceipt(
  terminal: Terminal,
  receipt: z.infer<typeof Receipt>,
  names: ReadonlyMap<string, string>,
): void {
  const rows = receipt.parts.map(({ role, payeeId, amountWei }) => [
    role,
    names.get(payeeId) ?? payeeId,
    open(amountWei),
  ]);
  rows.push(['fee', '', open(receipt.feeWei)]);
  terminal.line();
  for (const line of table(['part', 'to', 'amount'], rows, [2])) terminal.line(line);
  terminal.line(dim('  the parts sum to the fee, to the wei'));
}

export function showClaims(terminal: Terminal, claims: readonly Claimed[]): void {
  for (const { name, transactionHash, beforeWei, afterWei } of claims) {
    terminal.line(`  ${green('✓')} ${name}: +${open(afterWei - beforeWei)}  ${dim(transactionHash)}`);
  }
}
