import { DomainError } from '@openledger/kernel';
import { Interface, type Provider } from 'ethers';
import type { Deployment } from './deployment.js';
import { type Fact, factsOf } from './deployment-facts.js';
import type { DeploymentPlan } from './deployment-plan.js';

/** Where the chain does not say what the plan says. */
export interface Difference {
  readonly what: string;
  readonly expected: string;
  readonly found: string;
}

/**
 * Reads a fresh suite back: parameters, keys, who holds which role, that nobody but the timelock administrates.
 *
 * @returns how many facts agree
 * @throws DEPLOYMENT_DIFFERS with the differences
 */
export async function checkDeployment(
  provider: Provider,
  deployment: Deployment,
  plan: DeploymentPlan,
  deployer: string,
): Promise<number> {
  const facts = factsOf(deployment, plan, deployer);
  const compared = await Promise.all(facts.map((fact) => compare(provider, fact)));
  const differences = compared.filter(({ expected, found }) => expected !== found);
  if (differences.length === 0) return facts.length;
  const lines = differences.map(({ what, expected, found }) => `${what} is ${found}, planned is ${expected}`);
  throw new DomainError('conflict', 'DEPLOYMENT_DIFFERS', lines.join('\n'), {
    details: { differences: differences.length },
  });
}

async function compare(provider: Provider, fact: Fact): Promise<Difference> {
  const { what, address, artifact, read, given, expected } = fact;
  const [name] = read.split('(');
  const abi = Interface.from(artifact.abi.filter((entry) => entry.name === name));
  const answer = await provider.call({ to: address, data: abi.encodeFunctionData(read, given) });
  const values = flat(abi.decodeFunctionResult(read, answer));
  const wanted = Array.isArray(expected) ? expected : [expected];
  return { what, expected: written(wanted), found: written(values.slice(0, wanted.length)) };
}

/** A struct is an answer of one field. */
const flat = (values: readonly unknown[]): unknown[] => values.flat();

const written = (values: readonly unknown[]): string =>
  values.map((value) => String(value).toLowerCase()).join(', ');
