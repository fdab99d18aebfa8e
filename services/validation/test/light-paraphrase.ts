import { sha256 } from '@openledger/kernel';

/** Both ways: each word of a row may become the next one of it. */
const SYNONYMS = `may can might
often frequently commonly
usually generally normally
help aid assist
helps aids assists
cause produce trigger
causes produces triggers
caused produced triggered
treatment therapy management
treatments therapies managements
treat manage handle
disease illness disorder
diseases illnesses disorders
condition ailment complaint
symptoms complaints manifestations
signs indications markers
doctor physician clinician
doctors physicians clinicians
people persons individuals
patients sufferers cases
person individual
children kids youngsters
child kid youngster
include comprise cover
includes comprises covers
including comprising
called named termed
known recognised understood
found seen detected
about around approximately
many numerous several
some certain various
very highly extremely
also additionally too
when whenever once
because since as
such similar comparable
however nevertheless yet
although though while
use employ utilise
used employed utilised
using employing utilising
show reveal indicate
shows reveals indicates
increase raise boost
increased raised heightened
risk danger hazard
affect influence impact
affects influences impacts
affected influenced impacted
severe serious grave
common widespread frequent
rare uncommon unusual
begin start commence
begins starts commences
develop arise emerge
problems difficulties troubles
problem difficulty trouble
large big sizeable
small little minor
body organism
part portion section
parts portions sections
type kind form
types kinds forms
change alteration shift
changes alterations shifts
different distinct diverse
important essential crucial
information details facts
research studies investigation
need require
needs requires
make create form
makes creates forms
get obtain receive
gets obtains receives
reduce lower lessen
reduces lowers lessens
prevent avoid avert
another one-more
during throughout
before prior-to
after following
within inside
between amid
other further
most nearly-all
first initial
also moreover
new novel
given provided supplied
following subsequent
results outcomes findings
result outcome finding
number quantity count
level degree amount
levels degrees amounts
able capable
likely probable
possible feasible
normal regular typical
test exam check
tests exams checks
pain ache soreness
growth expansion
abnormal atypical irregular
mutations variants alterations
mutation variant alteration
inherited hereditary
diagnosis identification
diagnosed identified recognised
surgery operation
medicines drugs medications
medicine drug medication
blood haematic
damage harm injury
weakness frailty
feel sense
tell inform
ask query
keep maintain preserve
take consume
have possess
has possesses
which that
be remain
is remains
are remain
can could
will shall`
  .split('\n')
  .map((row) => row.trim().split(' '));

const NEXT = new Map<string, string>();
for (const row of SYNONYMS) {
  row.forEach((word, at) => {
    if (!NEXT.has(word)) NEXT.set(word, (row[(at + 1) % row.length] ?? word).replaceAll('-', ' '));
  });
}

const FILLERS = ['in fact', 'as a rule', 'of course', 'in general', 'to be sure', 'by and large'];

export interface ParaphraseStrength {
  /** Share of words that are replaced, where the table has enough of them. */
  readonly replaced: number;
  /** Share of sentences whose clauses swap places or that gain a filler. */
  readonly reordered: number;
}

/** What a person would do to hide a copy in a minute a page; the same text always comes out the same. */
export function lightParaphrase(text: string, strength: ParaphraseStrength, seed = ''): string {
  const draw = drawFrom(sha256(seed + text));
  const total = text.split(/\s+/).length;
  const replaceable = text.split(/\s+/).filter((word) => NEXT.has(word.toLowerCase())).length;
  const chance = Math.min(1, (strength.replaced * total) / Math.max(1, replaceable));
  const sentences = text.split(/(?<=[.!?])\s+/).map((sentence) => {
    const swapped = draw() < strength.reordered ? reorder(sentence, draw()) : sentence;
    return swapped.replace(/[A-Za-z]+/g, (word) => (draw() < chance ? substitute(word) : word));
  });
  return sentences.join(' ').replaceAll(';', ',').replaceAll(' - ', ' – ').replaceAll('"', '“');
}

/** Share of the words of `text` that are not in `paraphrase` at least as often. */
export function shareReplaced(text: string, paraphrase: string): number {
  const words = (value: string) => value.toLowerCase().match(/\w+/g) ?? [];
  const left = new Map<string, number>();
  for (const word of words(paraphrase)) left.set(word, (left.get(word) ?? 0) + 1);
  let missing = 0;
  for (const word of words(text)) {
    const count = left.get(word) ?? 0;
    if (count === 0) missing++;
    else left.set(word, count - 1);
  }
  return missing / Math.max(1, words(text).length);
}

function substitute(word: string): string {
  const next = NEXT.get(word.toLowerCase());
  if (next === undefined) return word;
  return /^[A-Z]/.test(word) ? next.charAt(0).toUpperCase() + next.slice(1) : next;
}

function reorder(sentence: string, how: number): string {
  const body = sentence.replace(/[.!?]$/, '');
  const comma = body.indexOf(', ');
  const filler = FILLERS[Math.floor(how * FILLERS.length)] ?? '';
  if (comma > 10 && comma < body.length - 12) {
    const tail = body.slice(comma + 2);
    const head = body.charAt(0).toLowerCase() + body.slice(1, comma);
    return `${tail.charAt(0).toUpperCase()}${tail.slice(1)}, ${head}.`;
  }
  const and = body.match(/^(.*?)\b(\w+) and (\w+)\b(.*)$/);
  if (and) return `${and[1]}${and[3]} and ${and[2]}${and[4]}.`;
  return `${filler.charAt(0).toUpperCase()}${filler.slice(1)}, ${body.charAt(0).toLowerCase()}${body.slice(1)}.`;
}

/** Numbers in 0…1 from a digest, by a 32-bit linear congruence (Numerical Recipes, section 7.1). */
function drawFrom(digest: string): () => number {
  let state = Number.parseInt(digest.slice(0, 8), 16);
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}
