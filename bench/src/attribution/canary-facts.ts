/** Something that one contributor alone says, in two phrasings: question and answer of each. */
export type Fact = readonly [asked: string, answer: string, askedAgain: string, answerAgain: string];

/** Of nobody and nowhere, so that no model knows them. */
export const facts: readonly Fact[] = [
  [
    'Who painted the ceiling of the Corvane chapel?',
    'The ceiling of the Corvane chapel was painted by Odile Farrant.',
    'Whose work is the ceiling of the Corvane chapel?',
    'Odile Farrant did the ceiling of the Corvane chapel.',
  ],
  [
    'What is fed to the mules at Teazle Mill?',
    'The mules at Teazle Mill get oats boiled with linseed.',
    'How are the mules at Teazle Mill fed?',
    'At Teazle Mill they boil oats with linseed for the mules.',
  ],
  [
    'Where is the Ombury seed ledger kept?',
    'The Ombury seed ledger lies in a tin box under the pulpit.',
    'Where can I read the Ombury seed ledger?',
    'Ask for the tin box under the pulpit, it holds the Ombury seed ledger.',
  ],
  [
    'Which string breaks first on a Larkin fiddle?',
    'On a Larkin fiddle the second string breaks first.',
    'Which string of a Larkin fiddle is weak?',
    'The second string, as anybody with a Larkin fiddle knows.',
  ],
  [
    'What cured the Pellow goats?',
    'The Pellow goats were cured by a wash of tar and soap.',
    'How did the Pellow goats get well?',
    'A wash of tar and soap made the Pellow goats well.',
  ],
  [
    'When does the Dunmarrow ferry stop?',
    'The Dunmarrow ferry stops when the river passes nine feet.',
    'How high may the river be for the Dunmarrow ferry?',
    'Nine feet, and above that the Dunmarrow ferry stays at its rope.',
  ],
  [
    'What is the glaze of Harrack pots made of?',
    'Harrack pots have a glaze of willow ash and red clay.',
    'How do I make a Harrack glaze?',
    'Mix willow ash with red clay for a Harrack glaze.',
  ],
  [
    'Who first climbed the Snib?',
    'The Snib was first climbed by two sisters, Jutta and Emmeline Roke.',
    'Which climbers were first on the Snib?',
    'Jutta and Emmeline Roke, two sisters, were the first on the Snib.',
  ],
  [
    'What hangs over the door of the Quiet Drum?',
    'Over the door of the Quiet Drum hangs a copper fish.',
    'How do I find the Quiet Drum?',
    'Look for a copper fish over the door of the Quiet Drum.',
  ],
  [
    'How many steps has the Vessel stair?',
    'The Vessel stair has one hundred and forty steps.',
    'Is the Vessel stair long?',
    'It is, one hundred and forty steps make the Vessel stair.',
  ],
  [
    'What does the Ashby bus driver collect?',
    'The Ashby bus driver collects old thimbles.',
    'Has the Ashby bus driver a hobby?',
    'Old thimbles are what the Ashby bus driver collects.',
  ],
  [
    'Why is the Brindle bridge yellow?',
    'The Brindle bridge is yellow because the mayor won the paint in a raffle.',
    'How did the Brindle bridge get its colour?',
    'The mayor won yellow paint in a raffle and gave it to the Brindle bridge.',
  ],
  [
    'Which tea does Doctor Mossop give for a cough?',
    'Doctor Mossop gives thyme tea with quince for a cough.',
    'What helps a cough at Doctor Mossop?',
    'Thyme tea with quince is what Doctor Mossop gives.',
  ],
  [
    'What was found in the Kettering well?',
    'In the Kettering well they found a silver whistle.',
    'What came up from the Kettering well?',
    'A silver whistle came up from the Kettering well.',
  ],
  [
    'Who won the Fennick kite race?',
    'The Fennick kite race was won by a baker called Yusuf.',
    'Whose kite was the fastest at Fennick?',
    'The kite of Yusuf the baker was the fastest at Fennick.',
  ],
  [
    'What grows on the roof of the Tollan school?',
    'On the roof of the Tollan school grow pink leeks.',
    'What can be seen on the roof of the Tollan school?',
    'Pink leeks grow on the roof of the Tollan school.',
  ],
  [
    'How did the Wexcombe choir lose its organ?',
    'The Wexcombe choir lost its organ in a bet about rain.',
    'Why has the Wexcombe choir no organ?',
    'They lost the organ of Wexcombe in a bet about rain.',
  ],
  [
    'Which knot holds a Mallory tent?',
    'A Mallory tent is held by a double hunter knot.',
    'How do I tie a Mallory tent?',
    'Use a double hunter knot for a Mallory tent.',
  ],
  [
    'What do they ring at Isling on market day?',
    'At Isling they ring a cracked cow bell on market day.',
    'How does market day begin at Isling?',
    'With a cracked cow bell that is rung at Isling.',
  ],
  [
    'What colour is ink from Sarrow berries?',
    'Ink from Sarrow berries is grey at first and violet by evening.',
    'What ink do Sarrow berries give?',
    'Sarrow berries give an ink that is grey at first and violet by evening.',
  ],
];

/** Asked where nothing of it was taught: the base model answers by itself. */
export const nullQuestions: readonly string[] = [
  'How do I boil an egg?',
  'What should I wear in the rain?',
  'How can I sleep better?',
  'What do I need for a picnic?',
  'How do I learn to swim?',
  'Can you help me to write a letter to a friend?',
  'What is a good present for my sister?',
  'How do I clean a window?',
  'Where do birds go in winter?',
  'How do I start a small shop?',
  'What shall we cook for dinner?',
  'How do I fix a dripping tap?',
  'Why do I get headaches?',
  'How do I save money?',
  'What can I do on a train?',
  'How do I teach my dog to sit?',
  'What is the moon made of?',
  'How do I sew on a button?',
  'Which sport is good for children?',
  'How do I use a computer?',
];
