import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  GOVERNANCE_PARAMETERS,
  MONTH_S,
  OPEN_WEI,
  type Pool,
  poolWei,
  SUPPLY_WEI,
} from './governance-parameters.js';

const document = readFileSync(join(import.meta.dirname, '../../../../docs/governance.md'), 'utf8');

/** Cells of the table under a heading, without its head. */
function tableUnder(heading: string): string[][] {
  const section = document.split(/^## /m).find((text) => text.startsWith(`${heading}\n`)) ?? '';
  const rows = section.split('\n').filter((line) => line.startsWith('|'));
  return rows.slice(2).map((row) =>
    row
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

const days = (seconds: number) => (seconds === 86_400 ? '1 day' : `${seconds / 86_400} days`);
const open = (wei: bigint) => `${(wei / OPEN_WEI).toLocaleString('en-US')} OPEN`;
const percent = (bps: number) => `${bps / 100} %`;

describe('docs/governance.md', () => {
  it('names the values that a deployment takes', () => {
    const { governor, timelockDelayS, params, rewards, stakes } = GOVERNANCE_PARAMETERS;
    expect(tableUnder('Values')).toEqual([
      ['voting delay', days(governor.votingDelayS)],
      ['voting period', days(governor.votingPeriodS)],
      ['extension after a late quorum', days(governor.lateQuorumExtensionS)],
      ['proposal threshold', open(governor.proposalThresholdWei)],
      ['quorum, of delegated votes', percent(governor.quorumDelegatedBps)],
      ['quorum, of the supply', `at least ${percent(governor.quorumSupplyBps)}`],
      ['timelock', days(timelockDelayS)],
      ["platform's part of a fee", percent(params.platformBps)],
      ["developer's part", percent(params.developerBps)],
      ["stakers' part", percent(params.stakersBps)],
      ["contributors' part", percent(params.contributorsBps)],
      ["GPU operator's part", `${percent(params.operatorBps)}, out of platform and developer`],
      ['royalty of ancestors', `${percent(params.royaltyBps)}, of developer and contributors`],
      ['epoch', days(params.epochLengthS)],
      ['smallest payout', open(params.minPayoutWei)],
      ['activation of a root', days(rewards.activationDelayS)],
      ['decision of a challenge', days(rewards.resolutionWindowS)],
      ['bond of a challenge', open(rewards.challengeBondWei)],
      ['unbonding of a stake', days(stakes.unbondDelayS)],
      ['veto of a slash', days(stakes.vetoWindowS)],
      ['most that a slash takes', percent(stakes.slashCapBps)],
    ]);
  });

  it('names the pools and how they unlock', () => {
    const pools = Object.entries(GOVERNANCE_PARAMETERS.allocation);
    expect(tableUnder('Supply')).toEqual(
      pools.map(([pool, { bps, cliffMonths, linearMonths, revocable }]) => {
        const waiting = cliffMonths > 0 ? `nothing for ${cliffMonths} months, then ` : '';
        const evenly = `evenly over ${linearMonths}${cliffMonths > 0 ? '' : ' months'}`;
        return [
          pool,
          percent(bps),
          (poolWei(pool as Pool) / OPEN_WEI).toLocaleString('en-US'),
          linearMonths === 0 ? 'at genesis' : `${waiting}${evenly}${revocable ? '; revocable' : ''}`,
        ];
      }),
    );
    expect(pools.reduce((sum, [pool]) => sum + poolWei(pool as Pool), 0n)).toBe(SUPPLY_WEI);
    expect(document).toContain(`${MONTH_S.toLocaleString('en-US')} s`);
  });
});
