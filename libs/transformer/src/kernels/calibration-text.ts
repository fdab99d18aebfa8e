/**
 * Read by models whose folder brings no text of its own. Varied on purpose (a story, talk, figures, a
 * program, another language), because errors of few bits show where activations are unusual.
 */
export const calibrationText = `The ferry was late again, and the people on the quay had run out of things to say about it. A woman
with a folded umbrella counted the gulls on the roof of the customs house. "Eleven," she told nobody in
particular, "and not one of them in a hurry." Behind her, two boys argued over who had seen the lights
first. When the boat finally rounded the point, it came so quietly that the old pilot heard his own
watch ticking.

How do you keep bread fresh for longer? Wrap it in a clean cloth, not in plastic, and leave it cut side
down on a wooden board. A loaf with rye or a sourdough starter lasts four to six days; a white loaf
lasts two. If the crust has gone soft, five minutes in a hot oven bring it back.

In 2019 the town had 18,402 inhabitants, 3.7 % more than ten years before. Of its 241 small firms, 96
mended, built or sailed boats; the remaining 145 sold food, cut hair, kept books or taught. Rent took
31 % of an average income of 2,850 a month, heating another 6 %.

function area(points) {
  let sum = 0;
  for (let i = 0; i < points.length; i += 1) {
    const [x1, y1] = points[i];
    const [x2, y2] = points[(i + 1) % points.length];
    sum += x1 * y2 - x2 * y1;
  }
  return Math.abs(sum) / 2;
}

The formula gives the area of any polygon whose sides do not cross. Walk around the corners in order,
add the signed area of the triangle that each side makes with the origin, and the parts outside cancel.

Am Abend lag Nebel über den Feldern, und die Glocke des Dorfes klang, als käme sie aus einem anderen
Jahrhundert. Niemand eilte. La lluvia había parado hacía una hora, pero los tejados seguían goteando.

Q: Is a tomato a fruit or a vegetable?
A: To a botanist it is a fruit, because it grows from a flower and holds seeds. To a cook it is a
vegetable, because nobody puts it into a cake. Both are right, since they answer different questions.

Dear Mr. Osei, thank you for your letter of 3 March. We have checked the meter twice and found that the
reading was copied with two digits exchanged: 04817 instead of 04871. Your new bill is lower by 54 units.
Please accept our apologies; the difference will be paid back within fourteen days.`;
