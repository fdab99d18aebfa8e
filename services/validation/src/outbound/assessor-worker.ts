import { parentPort } from 'node:worker_threads';
import { invariant } from '@openledger/kernel';
import { ContributionAssessor } from '../domain/assessment/assessor.js';
import { TermStatistics } from '../domain/duplicates/term-statistics.js';
import type { Command, Reply } from './assessor-protocol.js';

invariant(parentPort, 'this file is the entry of a worker thread');
const port = parentPort;
let assessor: ContributionAssessor | undefined;

/** An exception ends the thread, which the other side sees as the failure of its assessment. */
port.on('message', (command: Command) => port.postMessage(answer(command)));

function answer(command: Command): Reply {
  if (command.kind === 'open') {
    const { facts, records, terms, termTexts } = command;
    const statistics = terms ? TermStatistics.fromBytes(terms, termTexts) : TermStatistics.empty();
    assessor = new ContributionAssessor(facts, linesOf(records), statistics);
    return { kind: 'open', recordCount: assessor.recordCount };
  }
  invariant(assessor, 'an assessment is open');
  switch (command.kind) {
    case 'questions':
      return { kind: 'questions', questions: assessor.questions(command.from, command.to) };
    case 'judge':
      assessor.judge(command.from, command.to, command.answers);
      return { kind: 'judge' };
    case 'result':
      return { kind: 'result', result: assessor.result() };
  }
}

function linesOf(bytes: Uint8Array): string[] {
  const lines = new TextDecoder().decode(bytes).split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines;
}
