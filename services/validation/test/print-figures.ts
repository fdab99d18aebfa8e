import { bibliographyFigures, medquadFigures, personalDataFigures } from './detection-figures.js';

/** The figures of the README: `node services/validation/dist/test/print-figures.js` after a build. */
const { institutes, copies } = medquadFigures();
console.table(institutes);
console.table(copies);
console.table(personalDataFigures());
console.table([bibliographyFigures('respiratory'), bibliographyFigures('stroke')]);
