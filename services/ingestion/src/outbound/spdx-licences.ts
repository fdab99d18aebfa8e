import { DomainError } from '@openledger/kernel';
import parseSpdx from 'spdx-expression-parse';
import { Licences } from '../application/ports.js';
import type { LicenceTree } from '../domain/licence-rule.js';

const EXPRESSION_CHARACTERS_MAX = 200;

/** The SPDX licence list, as its npm packages carry it. */
export class SpdxLicences extends Licences {
  parse(expression: string): LicenceTree {
    try {
      if (expression.length <= EXPRESSION_CHARACTERS_MAX) return treeOf(parseSpdx(expression));
    } catch {
      // The parser's message points into the text; ours names the remedy.
    }
    const message = `"${expression.slice(0, EXPRESSION_CHARACTERS_MAX)}" is not on the SPDX list: use for example CC-BY-4.0 or CC0-1.0.`;
    throw new DomainError('invalid', 'LICENCE_UNKNOWN', message);
  }
}

function treeOf(info: parseSpdx.Info): LicenceTree {
  if ('conjunction' in info) {
    const parts = [treeOf(info.left), treeOf(info.right)];
    return info.conjunction === 'and' ? { all: parts } : { any: parts };
  }
  // References point to a text that only their author has.
  if (/^(LicenseRef|DocumentRef)-/.test(info.license)) throw new RangeError('not on the list');
  return { licence: info.license };
}
