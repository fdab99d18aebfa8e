#!/usr/bin/env node
// The pinned solc of npm under the command line of the native one, as far as forge uses it.
const { readFileSync, writeSync } = require('node:fs');
const solc = require('solc');

const given = process.argv.slice(2);
if (given.includes('--version')) {
  // Forge reads the version from the second line and refuses the name of the Emscripten build.
  const version = solc.version().replace('.Emscripten.clang', '.Linux.g++');
  console.log(`solc, the solidity compiler commandline interface\nVersion: ${version}`);
} else if (given.includes('--standard-json')) {
  const answer = Buffer.from(solc.compile(readFileSync(0, 'utf8')));
  // Synchronous, for a process that ends drops what its pipe has not taken; a full pipe says EAGAIN.
  for (let offset = 0; offset < answer.length; ) {
    try {
      offset += writeSync(1, answer, offset);
    } catch (error) {
      if (error.code !== 'EAGAIN') throw error;
    }
  }
} else {
  console.error(`not supported: ${given.join(' ')}`);
  process.exitCode = 1;
}
