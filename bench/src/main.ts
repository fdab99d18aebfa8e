import { availableParallelism, cpus, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import type { Bench } from './bench.js';
import { benches } from './benches.js';

async function measure(bench: Bench): Promise<object> {
  const peers: Record<string, string> = {};
  const figures = await bench.run({
    log: (line) => process.stderr.write(`${line}\n`),
    peer: (name, version) => {
      peers[name] = version;
    },
  });
  return { bench: bench.name, figures, machine: machine(), peers, at: new Date().toISOString() };
}

function machine(): object {
  return {
    cpus: availableParallelism(),
    model: cpus()[0]?.model ?? 'unknown',
    memoryGb: Math.round(totalmem() / 2 ** 30),
    node: process.version,
    platform: `${process.platform}-${process.arch}`,
  };
}

const list = () => benches.map(({ name, summary }) => `${name.padEnd(24)} ${summary}\n`).join('');

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { json: { type: 'boolean', default: false }, list: { type: 'boolean', default: false } },
  });
  if (values.list) {
    process.stdout.write(list());
    return 0;
  }
  const bench = benches.find(({ name }) => name === positionals[0]);
  if (bench === undefined || positionals.length !== 1) {
    process.stderr.write(`usage: npm run bench -- NAME [--json]\n\n${list()}`);
    return 2;
  }
  const result = await measure(bench);
  if (values.json) process.stdout.write(`${JSON.stringify(result)}\n`);
  else process.stdout.write(table(result));
  return 0;
}

function table(result: object): string {
  const lines = Object.entries(result).flatMap(([name, value]) =>
    typeof value === 'object' && value !== null
      ? [
          `${name}:`,
          ...Object.entries(value).map(([key, one]) => `  ${key.padEnd(26)} ${JSON.stringify(one)}`),
        ]
      : [`${name}: ${value}`],
  );
  return `${lines.join('\n')}\n`;
}

process.exitCode = await main();
