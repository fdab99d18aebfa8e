/** Questions and answers about the sea, written for these tests: original, and each unlike the others. */
export const SEA_NOTES: readonly (readonly [string, string])[] = [
  [
    'Why are there two tides a day?',
    'The moon pulls the nearer ocean more than the earth below it, and the earth more than the farther ocean. Two bulges form because of this, and most coasts pass through both of them while the planet turns once. Small delays come from the shape of each basin.',
  ],
  [
    'What is a spring tide?',
    'When the sun and the moon stand in line, their pulls add up and the water rises higher than usual. Sailors also call the gentler opposite a neap tide, which comes about a week later. Neither has anything to do with the season of spring.',
  ],
  [
    'How do eels find the Sargasso?',
    'Silver eels leave European rivers in autumn and swim for many months without food. They may follow a map in the magnetic field, since young eels react to small changes of it in tanks. Nobody has ever seen them spawn.',
  ],
  [
    'What does a lighthouse lens do?',
    'Fresnel cut a large lens into rings so that only the useful curve remained, which saved weight and glass. A lamp of oil became visible at twenty miles. Each tower was given a rhythm of its own because captains often mistook one light for another.',
  ],
  [
    'Why does seawater taste of salt?',
    'Rivers carry dissolved minerals from weathered rock, and vents in the sea floor give others. Water leaves by evaporation but salts stay behind, so their amount increased over millions of years. Some of it is taken up again by clay and shells.',
  ],
  [
    'How deep can a sperm whale dive?',
    'Adult males have been found below two thousand metres, where they hunt squid in the dark. Muscles store most of their oxygen, and the chest folds without harm under pressure. A dive of an hour is common and leaves the animal resting like a log.',
  ],
  [
    'What is bioluminescence for?',
    "Many creatures make light to lure prey, to startle an enemy or to find a partner of their own type. Hatchetfish shine downwards to hide their shadow from hunters below. The glow in a ship's wake comes from tiny algae that are shaken.",
  ],
  [
    'Why do ships carry ballast?',
    'An empty hull floats too high and rolls badly, so tanks are filled with water to keep it steady. The same water can carry larvae across oceans, which has caused severe problems in ports. New rules require crews to treat or exchange it.',
  ],
  [
    'What is a knot of speed?',
    'A log tied to a line was thrown from the stern while a sand glass ran. Sailors counted how many knots in the line slipped through their fingers. One knot came to mean one nautical mile an hour, and the word is still used in aircraft.',
  ],
  [
    'How are pearls formed?',
    'An oyster that cannot expel a parasite or a piece of shell covers it with layers of nacre. Growth is slow: about a third of a millimetre in a year. Farmers help by placing a bead and a strip of mantle inside, and then wait.',
  ],
  [
    'What causes a rogue wave?',
    'Swells from different storms sometimes meet and pile up for a moment, and strong currents against them make it more likely. Such walls of water were considered tales until a platform measured one in 1995. Large ships have suffered serious damage from them.',
  ],
  [
    'Why is the deep sea cold?',
    'Dense water sinks near the poles, spreads along the floor and stays there for centuries. Sunlight warms only a thin layer at the top, which hardly mixes with what lies below. Most of the ocean is therefore only a few degrees above freezing.',
  ],
  [
    'How does sonar measure depth?',
    'A ship sends a short sound towards the bottom and listens for the echo. Half the delay multiplied by the speed of sound gives the distance, with a correction for warmth and salt. Many beams at once draw a strip of the floor on every pass.',
  ],
  [
    'What do barnacles eat?',
    'Glued to rock by the head, a barnacle kicks feathery legs into the current to comb out plankton. At low tide it closes its plates and waits, keeping a little water within. Charles Darwin spent eight years with them before he published on species.',
  ],
  [
    'Why do icebergs float?',
    'Frozen water takes up about nine per cent more room than the sea it displaces, so a tenth of a berg shows. Bubbles of old air make it white, whereas ice pressed for long turns blue. They may drift for years and carry stones far from land.',
  ],
  [
    'What is a kelp forest?',
    'Giant brown algae hold on to stones and grow up to half a metre a day towards the light. Otters protect them, because they eat the urchins that would graze them down. Fish of many kinds hide among the blades, and storms leave heaps of it on beaches.',
  ],
  [
    'Who mapped the Gulf Stream?',
    'Benjamin Franklin asked his cousin Timothy Folger, a whaler, why mail ships were slow on their way west. Folger drew the warm current from memory and Franklin had it printed. British captains ignored the chart for years, although it would have saved them weeks.',
  ],
  [
    'How do corals bleach?',
    'Warm water upsets the algae that live inside the tissue, and the polyp throws them out. What remains is clear flesh over a white skeleton. If the heat ends within weeks the partners may return, otherwise the colony starves.',
  ],
  [
    'What is a hadal trench?',
    'Where one plate dives under another the floor drops below six thousand metres. Amphipods and snailfish live there on what falls from above, under a pressure of a tonne on every thumbnail. Only a handful of people have visited the deepest.',
  ],
  [
    'Why do gulls drink seawater?',
    'Glands above their eyes draw salt from the blood and drip it from the beak as strong brine. Kidneys alone could not do it. Albatrosses own the same organ, which lets them stay for years without fresh water.',
  ],
];
