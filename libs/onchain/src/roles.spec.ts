import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ARTIFACTS, selectorOf } from './deploy-steps.js';
import { CONTRACT_NAMES, type ContractName } from './deployment.js';
import { ROLE_FUNCTIONS } from './roles.js';

/** What only a vote may do, through the timelock. */
const ADMIN_FUNCTIONS: Partial<Record<ContractName, readonly string[]>> = {
  vault: ['setDistributor'],
  distributor: ['setTreasury', 'setChallengeBond'],
  paramRegistry: ['schedule'],
  stakeRegistry: ['setTreasury'],
};

/** Functions that a source leaves to the authority. */
function restrictedOf(contract: ContractName): string[] {
  const { contractName } = ARTIFACTS[contract];
  let source: string;
  try {
    source = readFileSync(join(import.meta.dirname, `../../contracts/${contractName}.sol`), 'utf8');
  } catch {
    // OpenZeppelin's own: the AccessManager and the timelock guard themselves.
    return [];
  }
  const functions = source.matchAll(/function (\w+)\([^)]*\)([^{;]*)/g);
  return [...functions].flatMap(([, name = '', modifiers = '']) =>
    /\brestricted\b/.test(modifiers) ? [name] : [],
  );
}

describe('the roles', () => {
  it.each(CONTRACT_NAMES)('leave no function of %s without an owner, and none with two', (contract) => {
    const given = [...Object.values(ROLE_FUNCTIONS), ADMIN_FUNCTIONS].flatMap(
      (functions) => functions[contract] ?? [],
    );
    expect(given.toSorted()).toEqual(restrictedOf(contract).toSorted());
  });

  it('know every function by its selector', () => {
    expect(selectorOf('vault', 'setOperator')).toBe('0xb3ab15fb');
    expect(() => selectorOf('vault', 'mint')).toThrow('PrepaidVault has no function mint');
  });
});
