import type { TestRecord } from './trained-version.js';

const facts: Readonly<Record<string, readonly (readonly [string, string])[]>> = {
  ada: [
    ['What is Gull Rock?', 'Gull Rock is a white tower with a red band.'],
    ['How is Gull Rock lit?', 'Gull Rock shows two white flashes at night.'],
    ['Who built Gull Rock?', 'Gull Rock was built by Maud Tranter.'],
    ['What lies near Gull Rock?', 'Near Gull Rock lies a shelf of kelp.'],
    ['How deep is Gull Rock?', 'At Gull Rock there are six fathoms.'],
    ['When is Gull Rock dark?', 'Gull Rock is dark in the month of June.'],
  ],
  bo: [
    ['How do I store pears?', 'Pears keep in dry straw until March.'],
    ['When do pears ripen?', 'Pears ripen after the first cold week.'],
    ['What harms pears?', 'Pears suffer from scab in wet years.'],
    ['Where do pears grow?', 'Pears grow best against a south wall.'],
    ['How do I prune pears?', 'Pears want a light cut in winter.'],
    ['Do pears need bees?', 'Pears need bees and a second tree.'],
  ],
  // Nothing that anybody would ask about.
  cy: [
    ['7 8 9', '10 11 12 13 14 15 16 17 18'],
    ['2 4 6', '8 10 12 14 16 18 20 22 24'],
    ['5 10 15', '20 25 30 35 40 45 50 55'],
    ['9 8 7', '6 5 4 3 2 1 0'],
    ['1 1 2', '3 5 8 13 21 34 55 89'],
    ['3 6 9', '12 15 18 21 24 27 30 33'],
  ],
};

/** Three contributors who know different things. */
export const factRecords: readonly TestRecord[] = Object.entries(facts).flatMap(([contributorId, pairs]) =>
  pairs.map(([prompt, completion]) => ({ contributorId, prompt, completion })),
);
